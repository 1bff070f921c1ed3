"""Tree sources: where the tree of a model comes from."""

from labeltree.grow.b_ary import BAry
from labeltree.grow.given import Given
from labeltree.grow.given_or_grown import GivenOrGrown
from labeltree.grow.graft import Graft
from labeltree.grow.grown import Grown
from labeltree.grow.huffman import Huffman
from labeltree.grow.k_means import KMeans, TwoMeans
from labeltree.grow.label_features import CoOccurrence, Joint, LabelText, Pifa
from labeltree.grow.random import Random
from labeltree.grow.segmentation import segments
from labeltree.grow.source import TreeSource
from labeltree.grow.star import Star

__all__ = [
    "BAry",
    "CoOccurrence",
    "Given",
    "GivenOrGrown",
    "Graft",
    "Grown",
    "Huffman",
    "Joint",
    "KMeans",
    "LabelText",
    "Pifa",
    "Random",
    "Star",
    "TreeSource",
    "TwoMeans",
    "segments",
]
