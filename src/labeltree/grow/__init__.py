"""Tree sources: where the tree of a model comes from."""

from labeltree.grow.given import Given
from labeltree.grow.graft import Graft
from labeltree.grow.grown import Grown
from labeltree.grow.k_means import KMeans, TwoMeans
from labeltree.grow.random import Random
from labeltree.grow.source import TreeSource
from labeltree.grow.star import Star

__all__ = ["Given", "Graft", "Grown", "KMeans", "Random", "Star", "TreeSource", "TwoMeans"]
