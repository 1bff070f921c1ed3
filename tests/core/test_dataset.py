from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels

IDS = ("top", "low", "lower")
CHAIN = Labels(IDS, hierarchy=Hierarchy.from_edges(pairwise(IDS), IDS))


def numbered(n, n_labels=3):
    """Return n documents that know their number: text "i", feature 0 = i + 1, label i mod 3."""
    Y = np.zeros((n, n_labels))
    Y[np.arange(n), np.arange(n) % n_labels] = 1
    X = np.stack([np.arange(1, n + 1), np.ones(n)], axis=1)
    return Dataset(Y, Labels.numbered(n_labels), texts=[str(i) for i in range(n)], X=X)


def which(dataset):
    """Return the numbers of the documents, and check that texts, X and Y moved together."""
    at = [int(t) for t in dataset.texts]
    assert (dataset.X.toarray()[:, 0] - 1).astype(int).tolist() == at
    assert dataset.Y.indices.tolist() == [i % dataset.Y.shape[1] for i in at]
    return at


def test_matrices_are_brought_to_the_layout():
    data = Dataset([[0, 2], [1, 0]], Labels.numbered(2), X=np.eye(2))
    assert type(data.Y) is type(data.X) is csr_array
    assert data.Y.toarray().tolist() == [[0, 1], [1, 0]]
    assert data.X.dtype == np.float32
    assert len(data) == 2
    assert data.n_universe == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"Y": np.ones((2, 4))}, "Y has 4 columns but there are 3 labels"),
        ({"texts": None, "X": None}, "neither texts nor features"),
        ({"texts": ["one"]}, "texts has 1 rows but Y has 2"),
        ({"texts": "ab"}, "texts is one text"),
        ({"X": np.ones((3, 2))}, "X has 3 rows but Y has 2"),
        ({"X": np.array([[1, np.nan], [1, 1]])}, "X holds NaN or infinity, first in row 0"),
        ({"Y": np.array([[1, 0, 0], [0, np.inf, 0]])}, "Y holds NaN or infinity, first in row 1"),
        ({"Y": np.array([[1, 0, 0], [0, -1, 0]])}, "Y holds negative"),
        ({"Y": [1, 0]}, "Y must be a matrix"),
        ({"n_universe": 4}, "universe has 4 labels but Y 3 columns"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, message):
    right = {"Y": np.ones((2, 3)), "labels": Labels.numbered(3), "texts": ["one", "two"]}
    Dataset(**right)
    with pytest.raises(DataError, match=message):
        Dataset(**(right | wrong))


def test_duplicate_label_ids_are_refused():
    with pytest.raises(DataError, match="occurs twice"):
        Dataset(np.ones((1, 2)), Labels(("a", "a")), texts=[""])


# ---- closure -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("Y", "closed"),
    [
        ([[1, 1, 1], [1, 0, 0]], True),
        ([[1, 0, 1]], False),
        ([[0, 0, 0]], True),
        ([[0, 1, 0]], False),
    ],
)
def test_closed_is_measured(Y, closed):
    data = Dataset(Y, CHAIN, texts=["x"] * len(Y))
    assert data.closed is closed
    assert data.with_ancestors().closed


def test_closed_is_unknown_without_a_hierarchy():
    assert numbered(2).closed is None


def test_ancestors_are_added_to_a_copy():
    data = Dataset([[0, 0, 1], [0, 0, 0]], CHAIN, texts=["x", "y"])
    closed = data.with_ancestors()
    assert closed.Y.toarray().tolist() == [[1, 1, 1], [0, 0, 0]]
    assert data.Y.toarray().tolist() == [[0, 0, 1], [0, 0, 0]]
    assert closed.texts == data.texts
    assert closed.labels is data.labels


def test_ancestors_need_a_hierarchy():
    with pytest.raises(DataError, match="no taxonomy"):
        numbered(2).with_ancestors()


def test_columns_outside_the_universe_keep_out_of_the_closure():
    labels = Labels((*IDS, "new"), hierarchy=CHAIN.hierarchy)
    data = Dataset([[0, 1, 0, 1], [1, 0, 0, 0]], labels, texts=["x", "y"], n_universe=3)
    assert data.n_universe == 3
    assert not data.closed
    closed = data.with_ancestors()
    assert closed.Y.toarray().tolist() == [[1, 1, 0, 1], [1, 0, 0, 0]]
    assert closed.n_universe == 3
    assert closed.closed


def test_a_hierarchy_over_the_first_columns_is_enough():
    labels = Labels((*IDS, "new"), hierarchy=CHAIN.hierarchy)
    assert Dataset([[1, 0, 0, 1]], labels, texts=["x"]).closed


# ---- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([3, 0], [3, 0]),
        (np.array([1, 1]), [1, 1]),
        ([-1], [4]),
        ([True, False, False, True, False], [0, 3]),
        (range(2), [0, 1]),
        ([], []),
        (np.zeros(5, bool), []),
    ],
)
def test_subset(rows, kept):
    assert which(numbered(5).subset(rows)) == kept


@pytest.mark.parametrize("rows", [[5], [True], [True] * 6, [0.5]])
def test_rows_that_do_not_exist_are_refused(rows):
    with pytest.raises((DataError, IndexError, TypeError)):
        numbered(5).subset(rows)


def test_subset_without_texts_or_without_features():
    data = numbered(5)
    assert Dataset(data.Y, data.labels, texts=data.texts).subset([1]).X is None
    assert Dataset(data.Y, data.labels, X=data.X).subset([1]).texts is None


@given(st.integers(0, 40), st.floats(0, 1), st.integers(0, 5))
def test_a_split_is_disjoint_complete_and_seeded(n, share, seed):
    data = numbered(n)
    rest, out = data.split(share, seed)
    assert sorted(which(rest) + which(out)) == list(range(n))
    assert len(out) == round(n * share)
    assert which(rest) == sorted(which(rest))
    again, _ = data.split(share, seed)
    assert which(again) == which(rest)


def test_another_seed_is_another_split():
    splits = {tuple(which(numbered(30).split(0.5, seed)[1])) for seed in range(5)}
    assert len(splits) == 5


def test_a_split_is_drawn_from_everywhere():
    drawn = np.bincount(np.concatenate([which(numbered(10).split(0.3, s)[1]) for s in range(300)]))
    assert drawn.sum() == 900
    assert (abs(drawn - 90) < 48).all()  # 6 standard deviations


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(ParameterError, match="share"):
        numbered(5).split(share)


# ---- inputs --------------------------------------------------------------------------------------


def test_inputs_are_what_a_model_takes():
    data = numbered(2)
    assert data.inputs("features") is data.X
    assert data.inputs("text") is data.texts
    both = data.inputs("both")
    assert isinstance(both, Inputs)
    assert both.texts is data.texts
    assert both.features is data.X


def test_texts_may_be_an_array():
    data = Dataset(np.ones((2, 1)), Labels.numbered(1), texts=np.array(["a", "b"]), X=np.eye(2))
    assert list(data.inputs("both").texts) == ["a", "b"]
    assert data.subset([1]).texts == ["b"]


def test_missing_inputs_are_named():
    data = numbered(2)
    texts = Dataset(data.Y, data.labels, texts=data.texts)
    features = Dataset(data.Y, data.labels, X=data.X)
    assert texts.inputs("text") is data.texts
    assert features.inputs("features") is features.X
    for takes in ("features", "both"):
        with pytest.raises(DataError, match="takes features but the data holds texts"):
            texts.inputs(takes)
    for takes in ("text", "both"):
        with pytest.raises(DataError, match="takes texts but the data holds features"):
            features.inputs(takes)
