"""What SLEEC and AnnexML share, on both."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

import labeltree
from labeltree.core.errors import MissingExtraError
from labeltree.core.scores import top_k
from labeltree.grow.pifa import unit_rows

pytestmark = pytest.mark.parametrize("name", ["sleec", "annexml"])


def small(name, *, alone=False, **params):
    own = {"sleec": {"graph_neighbours": 20}, "annexml": {"l1": 0.5}}[name]
    shared = {"n_learners": 1 if alone else 3, "part_size": 40, "dim": 10, "n_neighbours": 5}
    return labeltree.find(name)(**{**own, **shared, **params})


def test_the_neighbours_are_searched_among_images_of_documents(name, topics):
    X, Y = topics()
    model = small(name).fit(X, Y)
    for atlas in model.atlases_:
        part = atlas.parts(unit_rows(X))
        for p, region in enumerate(atlas.regions):
            np.testing.assert_array_equal(region.member, np.flatnonzero(part == p))
            members = csr_array(unit_rows(X)[region.member])
            np.testing.assert_array_equal(region.code, region.projection(members))
            np.testing.assert_array_equal(region.projection.feature, np.unique(members.indices))


def test_neighbours_are_the_scores(name, topics):
    X, Y = topics()
    model = small(name).fit(X, Y)
    S, voters = model.predict(X[:20], 16), model.neighbours(X[:20], 99)
    for i in range(20):
        total = np.zeros(16)
        for row, vote, labels in zip(voters.row[i], voters.vote[i], voters.labels[i], strict=False):
            np.testing.assert_array_equal(labels, Y[[row]].indices)
            total[labels] += vote
        np.testing.assert_allclose(S[[i]].toarray()[0], total, atol=1e-5)
        known = voters.row[i] >= 0
        assert (np.diff(voters.vote[i][known]) <= 1e-7).all(), "best first"
        assert voters.vote[i].sum() == pytest.approx(1, abs=1e-5)
        assert (voters.similarity[i] <= 1 + 1e-5).all()
    few = model.neighbours(X[:20], 3)
    np.testing.assert_array_equal(few.row, voters.row[:, :3])
    assert model.neighbours(X[:0], 3).row.shape[0] == 0


def test_a_training_document_is_its_own_neighbour(name, topics):
    X, Y = topics()
    voters = small(name, alone=True).fit(X, Y).neighbours(X, 5)
    nearest = voters.similarity.max(axis=1)
    np.testing.assert_allclose(nearest, {"sleec": 0, "annexml": 1}[name], atol=1e-5)


def test_blocks_do_not_matter(name, monkeypatch, topics):
    X, Y = topics()
    model = small(name).fit(X, Y)
    expected = model.predict(X)
    monkeypatch.setattr("labeltree.linear.blocks.DOCUMENTS_IN_FLIGHT", 7)
    assert (model.predict(X) != expected).nnz == 0


def test_approximate_search_answers_like_exact_search(name, tmp_path, topics):
    pytest.importorskip("usearch", reason="needs the extra `ann`")
    X, Y = topics()
    exact = small(name).fit(X, Y)
    rough = small(name, search="approximate").fit(X, Y)
    same = top_k(exact.predict(X, 2), 2)[0] == top_k(rough.predict(X, 2), 2)[0]
    assert same.mean() > 0.97
    rough.save(tmp_path / "model")
    again = labeltree.load(tmp_path / "model")
    assert (again.predict(X) != rough.predict(X)).nnz == 0


def test_approximate_search_without_its_library_fails_before_training(name, monkeypatch, topics):
    X, Y = topics()
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingExtraError, match="ann"):
        small(name, search="approximate").fit(X, Y)
