"""Bonsai: shallow, wide, unbalanced, and otherwise Parabel."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import labeltree
from labeltree.grow import Grown, KMeans
from labeltree.models.bonsai import Bonsai
from labeltree.models.parabel import Parabel


def planted(sizes, seed=0):
    """One document a label; labels of a group share a word, groups have these sizes."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    n = len(group)
    X = np.zeros((n, len(sizes) + n))
    X[np.arange(n), group] = 3
    X[np.arange(n), len(sizes) + np.arange(n)] = 1
    order = rng.permutation(n)
    return csr_array(X[order]), csr_array(np.eye(n)), group[order]


def test_defaults_are_the_papers():
    model = Bonsai()
    assert (model.n_trees, model.beam) == (3, 10)
    assert (model.tree.clusterer.branching, model.tree.clusterer.max_depth) == (100, 3)
    assert model.solver == Parabel().solver


def test_clusters_keep_the_sizes_of_the_groups():
    X, Y, group = planted([20, 12, 8])
    # Random first centres may share a group: the best of some seeds finds the three groups.
    pure = []
    for seed in range(30):
        tree = Grown(clusterer=KMeans(branching=3, max_depth=2))
        model = Bonsai(n_trees=1, tree=tree, seed=seed).fit(X, Y)
        found = model.trees_[0].tree
        assert found.depth == 2
        clusters = [
            group[found.label[found.child_ptr[v] : found.child_ptr[v + 1]]] for v in found.inner[1:]
        ]
        pure.append(sorted(map(len, clusters)) == [8, 12, 20])
        if pure[-1]:
            assert all(len(set(c)) == 1 for c in clusters)
    assert any(pure)


def test_it_is_shallower_than_parabel():
    X, Y, _ = planted([30] * 20)
    bonsai = Bonsai(n_trees=1).fit(X, Y).trees_[0].tree
    parabel = Parabel(n_trees=1).fit(X, Y).trees_[0].tree
    assert bonsai.depth <= 3 < parabel.depth
    assert bonsai.fan_out.max() > 2


@pytest.mark.slow
def test_real_data(data_root):
    splits = labeltree.read(data_root / "bibtex")
    model = Bonsai().fit(splits.train.X, splits.train.Y, labels=splits.labels)
    metrics = labeltree.evaluate(model, splits.test).metrics
    assert metrics["P@1"] > 0.63
    assert metrics["P@5"] > 0.278
