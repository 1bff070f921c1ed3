from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.run.evaluate import evaluate, examine
from labeltree.run.restrict import restricted_labels, seen_in_training
from labeltree.run.results import ALL, TRAIN, Settings

IDS = tuple("abcd")
TREE = Hierarchy.from_edges([("a", "b"), ("b", "c"), ("a", "d")], IDS)
LABELS = Labels(
    IDS, names=("A", "B", "C", "D"), texts=tuple("wxyz"), counts=np.array([4, 0, 3, 1]),
    n_train=5, hierarchy=TREE, counts_specific=np.array([1, 0, 3, 1]),
)  # fmt: skip
SCORES = np.array([[0.9, 0.8, 0.7, 0.1], [0.2, 0.6, 0.1, 0.3]], np.float32)


@dataclass
class Echo:
    labels_: Any
    takes: str = "features"

    def predict(self, X, k=5):
        return X


def data(rows, n_outside=1):
    labels = Labels((*IDS, *"yz"[:n_outside]), hierarchy=TREE)
    return Dataset(from_rows(rows, 4 + n_outside), labels, X=csr_array(SCORES), n_universe=4)


def test_labels_keep_what_is_known_about_them():
    found = restricted_labels(LABELS, seen_in_training(LABELS))
    assert (found.ids, found.names, found.texts) == (tuple("acd"), tuple("ACD"), tuple("wyz"))
    assert found.counts.tolist() == [4, 3, 1]
    assert found.counts_specific.tolist() == [1, 3, 1]
    assert found.n_train == 5
    assert found.hierarchy.ids == TREE.ids
    # b is no label any more: c hangs below it all the same.
    assert found.hierarchy.label_ancestors.toarray().tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 0]]


def test_labels_without_a_hierarchy():
    flat = replace(LABELS, hierarchy=None, texts=None)
    found = restricted_labels(flat, seen_in_training(flat))
    assert (found.hierarchy, found.texts, len(found)) == (None, None, 3)


def test_a_hierarchy_of_the_first_columns_stays_one():
    wide = replace(LABELS, ids=(*IDS, "z"), names=(), texts=None, counts=np.array([4, 0, 3, 1, 2]),
                   counts_specific=np.zeros(0, np.int64))  # fmt: skip
    found = restricted_labels(wide, seen_in_training(wide))
    assert found.ids == ("a", "c", "d", "z")
    assert found.hierarchy.n_labels == 3


def test_numbers_by_hand():
    # Label b has no training document, label z is outside: neither is asked for any more.
    rows = [[0, 1, 2, 4], [1]]
    whole = evaluate(Echo(LABELS), data(rows), threshold=0.5, ks=(1, 2))
    found = evaluate(Echo(LABELS), data(rows), threshold=0.5, ks=(1, 2), universe=TRAIN)
    assert (whole.universe, whole.n_labels, whole.n_outside, whole.n_left_out) == (ALL, 4, 1, 0)
    assert (found.universe, found.n_labels, found.n_outside, found.n_left_out) == (TRAIN, 3, 0, 3)
    assert (whole.n_without_labels, found.n_without_labels) == (0, 1)
    assert whole.metrics["P@2"] == pytest.approx((2 + 1) / 4)
    assert found.metrics["P@2"] == pytest.approx((2 + 0) / 4)  # a and c; b is not ranked
    assert found.metrics["R@2"] == pytest.approx((1 + 0) / 2)
    assert found.metrics["micro-F1"] == pytest.approx(1)  # a and c decided, a and c true
    assert found.metrics["macro-F1"] == pytest.approx(2 / 3)  # over three columns
    assert not any(name.startswith("zero-shot") for name in found.metrics)
    assert "zero-shot-R@2" in whole.metrics


def test_where_all_labels_were_seen_nothing_changes():
    seen = replace(LABELS, counts=np.array([4, 2, 3, 1]))
    rows = [[0, 2], [3]]
    a, b = (
        evaluate(Echo(seen), data(rows, 0), threshold=0.5, universe=u).metrics for u in (ALL, TRAIN)
    )
    assert a == b


def test_most_specific_labels_of_the_restricted_universe():
    # Without b, the label a of the second document has nothing below it.
    rows = [[0, 2], [0, 1]]
    found = examine(Echo(LABELS), data(rows), Settings(specific=True, universe=TRAIN))
    assert found.Y.toarray().tolist() == [[0, 1, 0], [1, 0, 0]]
    assert found.labels.ids == tuple("acd")
    assert found.report.specific


def test_no_training_counts_no_universe():
    unknown = Labels(IDS)
    with pytest.raises(DataError, match="No label has a training document"):
        evaluate(Echo(unknown), data([[0], [1]]), universe=TRAIN)


def test_an_unknown_universe_is_refused():
    with pytest.raises(ParameterError, match="universe must be"):
        evaluate(Echo(LABELS), data([[0], [1]]), universe="test")
