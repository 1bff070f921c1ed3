import time

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels


def test_what_is_not_given_has_its_default():
    labels = Labels(("a", "b"))
    assert len(labels) == 2
    assert labels.names == ("a", "b")
    assert labels.texts is None
    assert labels.counts.tolist() == [0, 0]
    assert labels.n_train == 0
    assert labels.hierarchy is None
    assert labels.column == {"a": 0, "b": 1}


def test_counts_come_from_the_training_matrix():
    labels = Labels(("a", "b", "c"), names=("A", "B", "C"))
    counted = labels.counted(csr_array(np.array([[1.0, 0, 0], [1, 1, 0]])))
    assert counted.counts.tolist() == [2, 1, 0]
    assert counted.counts.dtype == np.int64
    assert counted.n_train == 2
    assert counted.names == ("A", "B", "C")
    assert labels.counts.tolist() == [0, 0, 0], "the original stays"


def test_counting_a_wider_matrix_is_refused():
    with pytest.raises(DataError, match="2 label ids but 3 counts"):
        Labels(("a", "b")).counted(csr_array(np.ones((1, 3))))


def test_labels_without_names_are_numbered():
    assert Labels.numbered(3).ids == ("0", "1", "2")
    assert len(Labels.numbered(0)) == 0


def test_ids_are_unique():
    with pytest.raises(DataError, match="Label id 'b' occurs twice"):
        Labels(("a", "b", "c", "b"))


def test_the_repeated_id_is_found_among_many():
    start = time.thread_time()
    with pytest.raises(DataError, match="'49999' occurs twice"):
        Labels((*map(str, range(50_000)), "49999"))
    assert time.thread_time() - start < 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ("A",)},
        {"texts": ("A", "B", "C")},
        {"texts": ()},
        {"counts": np.ones(3, np.int64)},
    ],
)
def test_lengths_agree(wrong):
    with pytest.raises(DataError, match=f"2 label ids but . {next(iter(wrong))}"):
        Labels(("a", "b"), **wrong)


def test_the_hierarchy_may_cover_the_first_labels_only():
    hierarchy = Hierarchy.from_edges([("b", "a")], ["a", "b"])
    assert Labels(("a", "b", "outside"), hierarchy=hierarchy).hierarchy is hierarchy


def test_a_hierarchy_with_more_labels_is_refused():
    hierarchy = Hierarchy.from_edges([("b", "a"), ("b", "c")])
    with pytest.raises(DataError, match="has 3 labels, the data 2"):
        Labels(("a", "b"), hierarchy=hierarchy)


def test_a_hierarchy_in_another_order_is_refused():
    hierarchy = Hierarchy.from_edges([("b", "a")])  # columns: b, a
    with pytest.raises(DataError, match="another order"):
        Labels(("a", "b"), hierarchy=hierarchy)


def test_labels_are_immutable():
    with pytest.raises(AttributeError):
        Labels(("a",)).ids = ("b",)
