"""What all models with trees over documents share."""

import numpy as np
import pytest

from labeltree.core.errors import DataError, ParameterError
from labeltree.models.craftml import Craftml
from labeltree.models.fastxml import Fastxml
from labeltree.models.pfastrexml import Pfastrexml

MODELS = [Fastxml, Pfastrexml, Craftml]


@pytest.mark.parametrize("model", MODELS)
def test_no_documents_no_scores(model, checkerboard):
    fitted = model(n_trees=2).fit(checkerboard.X, checkerboard.Y)
    found = fitted.predict(checkerboard.X[:0])
    assert found.shape == (0, 10)
    assert found.nnz == 0


@pytest.mark.parametrize("model", MODELS)
def test_blocks_do_not_matter(model, checkerboard, monkeypatch):
    fitted = model(n_trees=3).fit(checkerboard.X, checkerboard.Y)
    whole = fitted.predict(checkerboard.X)
    monkeypatch.setattr("labeltree.linear.blocks.DOCUMENTS_IN_FLIGHT", 7)
    assert (fitted.predict(checkerboard.X) != whole).nnz == 0


@pytest.mark.parametrize("model", MODELS)
def test_labels_without_documents_are_never_ranked(model, checkerboard):
    Y = checkerboard.Y.toarray()
    Y[:, 4] = 0
    found = model(n_trees=2).fit(checkerboard.X, Y).predict(checkerboard.X, k=10)
    assert not found[:, [4]].nnz


def test_wrong_input(checkerboard):
    fitted = Fastxml(n_trees=1).fit(checkerboard.X, checkerboard.Y)
    with pytest.raises(DataError, match="features"):
        fitted.predict(checkerboard.X[:, :3])
    with pytest.raises(ParameterError):
        fitted.predict(checkerboard.X, k=0)
    with pytest.raises(ParameterError, match="n_trees"):
        Fastxml(n_trees=0).fit(checkerboard.X, checkerboard.Y)


def test_each_tree_has_a_seed_of_its_own():
    seeds = Fastxml(n_trees=50, seed=3).seeds()
    assert len(set(seeds)) == 50
    assert seeds[:10] == Fastxml(n_trees=10, seed=3).seeds()
    assert not set(seeds) & set(Fastxml(n_trees=50, seed=4).seeds())


def test_more_trees_begin_with_the_same(checkerboard):
    few, many = (Fastxml(n_trees=n).fit(checkerboard.X, checkerboard.Y).forest_ for n in (1, 3))
    np.testing.assert_array_equal(few.weight, many.weight[: len(few.weight)])
