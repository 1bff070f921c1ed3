import sys

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import MissingExtraError
from labeltree.linear.document_clusters import Parts
from labeltree.linear.neighbours import Atlas, Projection, check_approximate, region


def projection(feature, dim=5, seed=0, unit=True):
    weight = np.random.default_rng(seed).standard_normal((len(feature), dim))
    return Projection(np.array(feature, np.int32), weight.astype(np.float32), unit)


def documents(n, seed=0, d=12):
    return as_csr(random_array((n, d), density=0.4, rng=np.random.default_rng(seed)), "X")


def test_codes_are_unit_images_and_unknown_features_do_not_count():
    dense, mapped = documents(30).toarray(), projection([1, 3, 4, 9])
    dense[2] = 0
    X = as_csr(dense, "X")
    Z = mapped(X)
    expected = X.toarray()[:, [1, 3, 4, 9]] @ mapped.weight
    length = np.linalg.norm(expected, axis=1, keepdims=True)
    expected = np.divide(expected, length, out=np.zeros_like(expected), where=length > 0)
    np.testing.assert_allclose(Z, expected, atol=1e-6)
    assert not Z[2].any()
    assert mapped(csr_array((2, 12), dtype=np.float32)).shape == (2, 5)
    assert not projection([])(documents(3)).any()


def test_exact_search_equals_a_sort():
    X, asked = documents(70), documents(20, seed=1)
    member = np.arange(3, 70, 2, dtype=np.int32)
    near = region(X, member, projection(range(12)))
    row, similarity = near.nearest(asked, 6, exact=True)
    products = near.projection(asked) @ near.projection(csr_array(X[member])).T
    np.testing.assert_allclose(similarity, -np.sort(-products)[:, :6], atol=1e-6)
    assert (row[:, 0] == member[products.argmax(axis=1)]).all()
    assert near.nearest(asked, 99, exact=True).row.shape == (20, 34), "no more than there are"


def test_exact_search_by_distance_equals_a_sort():
    X, asked = documents(70), documents(20, seed=1)
    near = region(X, np.arange(70, dtype=np.int32), projection(range(12), unit=False))
    row, similarity = near.nearest(asked, 6, exact=True)
    Z, codes = (M.toarray() @ near.projection.weight for M in (asked, X))
    distance = ((Z[:, None] - codes[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(similarity, -np.sort(distance)[:, :6] / 2, atol=1e-5)
    np.testing.assert_array_equal(row[:, 0], distance.argmin(axis=1))
    np.testing.assert_allclose(near.code, codes, atol=1e-5)


def test_a_document_asks_the_region_of_its_part_only():
    X = documents(40)
    X.data[:] = 1
    parts = Parts(as_csr(np.eye(12)[:, [0, 5]], "weights"))
    part = parts(X)
    members = [np.flatnonzero(part == p).astype(np.int32) for p in (0, 1)]
    atlas = Atlas(
        parts, [region(X, m, projection(range(12), seed=p)) for p, m in enumerate(members)]
    )
    asked = documents(25, seed=3)
    found = atlas.nearest(asked, 50, exact=True)
    assert found.row.shape == (25, 50)
    for i, p in enumerate(parts(asked)):
        here = found.row[i][found.row[i] >= 0]
        assert sorted(here) == members[p].tolist()
        alone = atlas.regions[p].nearest(asked[[i]], 50, exact=True)
        np.testing.assert_array_equal(here, alone.row[0])


@pytest.mark.parametrize("unit", [True, False])
def test_approximate_search_finds_nearly_what_exact_search_finds(unit):
    pytest.importorskip("usearch", reason="needs the extra `ann`")
    X, asked = documents(3000, d=40), documents(200, seed=1, d=40)
    near = region(X, np.arange(3000, dtype=np.int32), projection(range(40), dim=16, unit=unit))
    exact = near.nearest(asked, 10, exact=True)
    rough = near.nearest(asked, 10, exact=False)
    shared = [len(set(a) & set(b)) for a, b in zip(exact.row, rough.row, strict=True)]
    assert np.mean(shared) > 9.7
    np.testing.assert_allclose(rough.similarity[:, 0], exact.similarity[:, 0], atol=0.05)
    again = region(X, np.arange(3000, dtype=np.int32), near.projection)
    np.testing.assert_array_equal(again.nearest(asked, 10, exact=False).row, rough.row)
    alone = [near.nearest(asked[[i]], 10, exact=False).row[0] for i in range(20)]
    np.testing.assert_array_equal(alone, rough.row[:20])


def test_a_walk_that_ends_early_leaves_places_empty():
    pytest.importorskip("usearch", reason="needs the extra `ann`")
    X, mapped = documents(20), projection(range(12))
    whole, part = (region(X, np.arange(n, dtype=np.int32), mapped) for n in (20, 4))
    vars(whole)["_graph"] = part._graph
    row, similarity = whole.nearest(X[:5], 7, exact=False)
    assert (np.sort(row[:, :4], axis=1) == np.arange(4)).all()
    assert (row[:, 4:] == -1).all()
    assert (similarity[:, 4:] == 0).all()
    assert whole.nearest(X[:1], 7, exact=False).row.shape == (1, 4)


def test_without_the_library_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'labeltree\[ann\]'"):
        check_approximate()
