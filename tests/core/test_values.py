import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix

from labeltree.core.errors import StoreError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree
from labeltree.core.values import decode, encode, storable


@storable
@dataclass(eq=False)
class ValuesToy:
    inner: object = None
    array: np.ndarray = field(default_factory=lambda: np.zeros(0))
    derived: int = field(default=7, init=False)


def through(value):
    """Encode, turn the skeleton into JSON and back, decode."""
    tensors = {}
    skeleton = encode(value, "x", tensors)
    assert all(name == "x" or name.startswith("x.") for name in tensors)
    text = json.dumps(skeleton, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return decode(json.loads(text.decode("utf-8", "surrogatepass")), tensors)


def same(found, value):
    """Fail unless both are alike in value, type and everything inside."""
    assert type(found) is type(value)
    if isinstance(value, np.ndarray):
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(found, value)
    elif isinstance(value, csr_array):
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(found.toarray(), value.toarray())
    elif isinstance(value, (tuple, list)):
        assert len(found) == len(value)
        for one, other in zip(found, value, strict=True):
            same(one, other)
    elif isinstance(value, dict):
        assert list(found) == list(value)
        for name in value:
            same(found[name], value[name])
    elif isinstance(value, ValuesToy):
        same(found.inner, value.inner)
        same(found.array, value.array)
    else:
        assert found == value or (found != found and value != value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -(2**70),
        0.1,
        -0.0,
        1e-320,
        float("nan"),
        -float("inf"),
        "",
        "Ü 大 \0 \n",
        "\ud800 lone",
        (),
        [],
        ((), []),
        ("a", "", "ü", "\ud83d\ude00", "\ud83d", "\ude00", "\0"),
        ["a", "b"],
        ("ascii", "only"),
        [""],
        ("a", 1, None),
        [("a", "b"), ["c"], [], ()],
        np.zeros(0),
        np.zeros((0, 3), np.uint16),
        np.array(5, np.int8),
        csr_array((0, 0)),
        csr_array((3, 0), dtype=np.float32),
        csr_array((0, 4), dtype=np.int64),
        csr_array(np.array([[0, 1.5], [2, 0]])),
        [csr_array(np.eye(2)), np.ones(2)],
        ValuesToy(),
        ValuesToy(("a", "b"), np.arange(3)),
        [ValuesToy(ValuesToy([ValuesToy(csr_array(np.eye(2)))])), ValuesToy(None)],
    ],
)
def test_every_kind_of_value_comes_back(value):
    same(through(value), value)


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
numbers = arrays(st.sampled_from(["?", "u1", "i4", "f8"]), array_shapes(min_dims=0, min_side=0))
nested = st.recursive(
    plain | numbers,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.lists(inside, max_size=3).map(tuple)
        | st.builds(ValuesToy, inside, numbers)
        | st.dictionaries(st.text(max_size=5), numbers, max_size=3)
    ),
    max_leaves=8,
)


@given(nested)
def test_any_nesting_comes_back(value):
    same(through(value), value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64(0.1), 0.1),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
    ],
)
def test_numbers_of_numpy_become_plain(value, plain):
    found = through(value)
    assert type(found) is type(plain)
    assert found == plain


def test_the_nouns_come_back():
    hierarchy = Hierarchy.from_edges([("a", "ü"), ("a", "b"), ("m", "b")], ["b", "ü", "a"])
    labels = Labels(("b", "ü", "a"), ("B", "Ü", "A"), None, np.array([1, 2, 3]), 9, hierarchy)
    found = through(labels)
    assert (found.ids, found.names, found.texts, found.n_train) == (
        labels.ids,
        labels.names,
        None,
        9,
    )
    assert found.counts.tolist() == [1, 2, 3]
    assert found.hierarchy.ids == hierarchy.ids
    assert found.hierarchy.edges.tolist() == hierarchy.edges.tolist()
    assert found.hierarchy.label.tolist() == hierarchy.label.tolist()
    tree = LabelTree.from_parents([-1, 0, 0], [-1, 0, 1], [0, 1, 2])
    assert through(tree).source.tolist() == [0, 1, 2]
    assert through(LabelTree.from_parents([-1], [0])).source is None


def test_no_labels_stay_a_tuple():
    assert through(Labels(())).ids == ()


def test_the_sparse_matrix_of_old_becomes_an_array():
    found = through(csr_matrix(np.eye(2)))
    assert type(found) is csr_array
    assert found.toarray().tolist() == [[1, 0], [0, 1]]


def test_duplicates_are_summed_and_columns_sorted():
    matrix = csr_array((1, 3))
    matrix.data, matrix.indices = np.array([1.0, 2, 4]), np.int32([2, 0, 2])
    matrix.indptr = np.int32([0, 3])
    found = through(matrix)
    assert found.indices.tolist() == [0, 2]
    assert found.data.tolist() == [2, 5]
    assert found.has_canonical_format
    assert matrix.indices.tolist() == [2, 0, 2], "the original stays"


def test_arrays_are_not_copied():
    array, matrix = np.arange(3), csr_array(np.eye(3))
    assert through(array) is array
    assert through(matrix).data is matrix.data


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"a": 1}, "dict"),
        ({"a": {"b": np.zeros(1)}}, "dict"),
        ({1: np.zeros(1)}, "dict"),
        ({1}, "set"),
        (1j, "complex"),
        (b"x", "bytes"),
        (object(), "object"),
        ([object()], "object"),
        (ValuesToy(object()), "object"),
        (csc_array(np.eye(2)), "csc"),
        (coo_array(np.eye(2)), "coo"),
    ],
)
def test_what_cannot_be_stored_is_refused(value, name):
    with pytest.raises(TypeError, match=f"cannot store a.*{name}"):
        encode(value, "x", {})


def test_another_class_of_the_same_name_is_refused():
    @dataclass
    class ValuesToy:
        a: int = 1

    with pytest.raises(TypeError, match="cannot store a ValuesToy"):
        encode(ValuesToy(), "x", {})


# ---- skeletons that do not fit -------------------------------------------------------------------


def test_a_type_of_the_future_is_named():
    with pytest.raises(StoreError, match="holds a Marvel, unknown to this version"):
        decode({"type": "Marvel", "fields": {}}, {})


MISFITS = (LookupError, TypeError, ValueError, AttributeError)


@pytest.mark.parametrize(
    "skeleton",
    [
        {},
        {"array": "missing"},
        {"array": ["x"]},
        {"csr": "missing", "shape": [1, 1]},
        {"strings": "missing", "kind": "list"},
        {"list": 7},
        {"tuple": None},
        {"type": "ValuesToy"},
        {"type": "ValuesToy", "fields": {"unknown": 1}},
        {"type": "ValuesToy", "fields": []},
        {"type": "Labels", "fields": {"ids": {"tuple": ["a", "a"]}}},
        {"type": "LabelTree", "fields": {"parent": None, "label": None}},
        {"type": ["x"]},
    ],
)
def test_skeletons_without_their_arrays_are_refused(skeleton):
    with pytest.raises(MISFITS):
        decode(skeleton, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"indices": np.int32([0, 9])},
        {"indices": np.int32([0, -1])},
        {"indices": np.int32([0])},
        {"indices": np.float32([0, 1])},
        {"indices": np.int32([[0, 1]])},
        {"indptr": np.int32([0, 2])},
        {"indptr": np.int32([0, 1, 3])},
        {"indptr": np.int32([1, 1, 2])},
        {"indptr": np.int32([0, 3, 2])},
        {"indptr": np.int32([0, -1, 2])},
        {"indptr": np.int32([0, 1, 1])},
        {"indptr": np.float64([0, 1, 2])},
        {"data": np.ones(3)},
        {"data": np.ones((2, 1))},
        {"shape": [2, 1]},
        {"shape": [3, 2]},
        {"shape": [2]},
        {"shape": [2, 2, 2]},
        {"shape": [2, "2"]},
        {"shape": None},
    ],
)
def test_matrices_that_reach_beyond_their_arrays_are_refused(wrong):
    parts = {"data": np.ones(2), "indices": np.int32([0, 1]), "indptr": np.int32([0, 1, 2])}
    parts |= {"shape": [2, 2]}
    assert decoded_csr(**parts).toarray().tolist() == [[1, 0], [0, 1]]
    with pytest.raises(MISFITS):
        decoded_csr(**(parts | wrong))


def decoded_csr(shape, **parts):
    tensors = {f"x.{name}": array for name, array in parts.items()}
    return decode({"csr": "x", "shape": shape}, tensors)


@pytest.mark.parametrize(
    "offsets", [[], [0, 1], [1, 3], [0, 2, 1, 3], [0, -1, 3], [0, 4], [0, 1.0, 3], [[0, 3]]]
)
def test_offsets_that_do_not_fit_their_text_are_refused(offsets):
    tensors = {"x.utf8": np.frombuffer("aü".encode(), np.uint8), "x.offsets": np.array(offsets)}
    with pytest.raises(MISFITS):
        decode({"strings": "x", "kind": "tuple"}, tensors)


def test_a_cut_inside_a_letter_is_refused():
    blob = np.frombuffer("aü".encode(), np.uint8)
    tensors = {"x.utf8": blob, "x.offsets": np.array([0, 2, 3])}
    with pytest.raises(UnicodeDecodeError):
        decode({"strings": "x", "kind": "tuple"}, tensors)
