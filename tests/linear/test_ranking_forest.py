"""The fields of FastXML and PfastreXML reach the trees."""

import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.grow.pifa import unit_rows
from labeltree.models.fastxml import Fastxml


def corpus(seed=0, n=250, n_labels=15, n_features=50):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.15
    X = Y @ rng.random((n_labels, n_features)) * (rng.random((n, n_features)) < 0.3)
    return as_csr(5 * X, "X"), as_csr(Y.astype(float), "Y")


def forest(**fields):
    return Fastxml(n_trees=2, **fields).fit(*corpus()).forest_


def test_little_C_splits_nothing():
    assert len(forest(C=1e-4).child) == 2
    assert len(forest(C=1.0).child) > 10


def test_no_constant_no_bias():
    assert not forest(bias=0).bias.any()
    assert forest().bias.any()


@pytest.mark.parametrize("field", [{"cutoff": 1}, {"eps": 0.5}, {"max_iter": 1}, {"max_leaf": 40}])
def test_a_field_changes_the_trees(field):
    usual, other = forest(), forest(**field)
    assert len(usual.weight) != len(other.weight) or (usual.weight != other.weight).any()


def test_a_cutoff_beyond_all_labels_is_none():
    np.testing.assert_array_equal(forest().weight, forest(cutoff=15).weight)


def test_normalised_is_as_if_documents_had_length_one():
    X, Y = corpus()
    model = Fastxml(n_trees=2, normalise=True).fit(X, Y)
    by_hand = Fastxml(n_trees=2).fit(unit_rows(X), Y)
    np.testing.assert_array_equal(model.forest_.weight, by_hand.forest_.weight)
    assert (model.predict(X) != by_hand.predict(unit_rows(X))).nnz == 0
    assert len(model.forest_.weight) != len(forest().weight)
