import hashlib
import json
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.errors import StoreError
from labeltree.core.tensors import open_tensors, write_tensors

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]
SHAPES = [(), (0,), (1,), (7,), (2, 3), (3, 0, 2), (1, 1, 1)]


def counted(shape, dtype):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


MANY = {f"{d}{s}": counted(s, d) for d in DTYPES for s in SHAPES}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array)


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def file_of(tmp_path, header, data=b"", length=None):
    """Write header and data as they are; return the file."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    file = tmp_path / "forged.safetensors"
    file.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return file


def entry(start, end, shape=None, dtype="U8"):
    return {"dtype": dtype, "shape": [end - start] if shape is None else shape,
            "data_offsets": [start, end]}  # fmt: skip


def test_every_type_and_shape_comes_back(tmp_path):
    write_tensors(tmp_path / "x", MANY)
    same(open_tensors(tmp_path / "x"), MANY)


def test_no_arrays_at_all(tmp_path):
    write_tensors(tmp_path / "x", {})
    assert open_tensors(tmp_path / "x") == {}


@pytest.mark.parametrize("name", ["", "ü", "a.b.c", '"\\\n', "\ud800", "x" * 1000])
def test_names_may_be_any_text(tmp_path, name):
    write_tensors(tmp_path / "x", {name: np.ones(2)})
    assert list(open_tensors(tmp_path / "x")) == [name]


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(counted((3, 4), "f8")),
        counted((3, 4), "f4").T,
        counted((20,), "i4")[::-3],
        counted((6,), ">f4"),
        counted((2, 3), ">u8"),
        np.broadcast_to(np.float32(3), (2, 2)),
    ],
)
def test_any_layout_in_memory_is_written_row_by_row(tmp_path, array):
    write_tensors(tmp_path / "x", {"a": array})
    found = open_tensors(tmp_path / "x")["a"]
    np.testing.assert_array_equal(found, array)
    assert found.flags.c_contiguous
    assert found.dtype.isnative


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([None]), np.ones(2, complex), np.array([1], "M8[s]")]
)
def test_types_without_a_name_are_refused(tmp_path, array):
    with pytest.raises(TypeError, match="cannot store a: an array of type"):
        write_tensors(tmp_path / "x", {"a": array})
    assert not (tmp_path / "x").exists()


def test_a_file_that_exists_stays(tmp_path):
    (tmp_path / "x").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        write_tensors(tmp_path / "x", {"a": np.ones(2)})
    assert (tmp_path / "x").read_bytes() == b"precious"


def test_the_hash_is_that_of_the_file(tmp_path):
    digest = write_tensors(tmp_path / "x", MANY)
    assert digest == hashlib.sha256((tmp_path / "x").read_bytes()).hexdigest()


def test_the_same_arrays_make_the_same_file(tmp_path):
    assert write_tensors(tmp_path / "x", MANY) == write_tensors(tmp_path / "y", dict(MANY))


def test_arrays_are_aligned_read_only_views_of_the_map(tmp_path):
    write_tensors(tmp_path / "x", MANY)
    (length,) = struct.unpack("<Q", (tmp_path / "x").read_bytes()[:8])
    assert (8 + length) % 64 == 0, "the first array begins at a cache line"
    for name, array in open_tensors(tmp_path / "x").items():
        assert is_mapped(array), name
        assert array.flags.aligned, name
        assert not array.flags.writeable, name


# ---- the library of that name --------------------------------------------------------------------


def test_the_library_reads_our_files(tmp_path):
    write_tensors(tmp_path / "x", MANY)
    same(safetensors.numpy.load_file(tmp_path / "x"), MANY)


def test_we_read_the_files_of_the_library(tmp_path):
    safetensors.numpy.save_file(MANY, tmp_path / "x", metadata={"by": "the library"})
    found = open_tensors(tmp_path / "x")
    same(found, MANY)
    assert all(is_mapped(a) for a in found.values())


def test_arrays_that_are_not_aligned_are_copied(tmp_path):
    data = b"\7" + np.arange(3, dtype="<f8").tobytes()
    header = {"byte": entry(0, 1), "wide": entry(1, 25, [3], "F64")}
    file = file_of(tmp_path, json.dumps(header).encode().ljust(160), data)
    same(safetensors.numpy.load_file(file), open_tensors(file))
    found = open_tensors(file)["wide"]
    assert found.tolist() == [0, 1, 2]
    assert found.flags.aligned


# ---- files that are not what they say ------------------------------------------------------------

EIGHT = b"12345678"


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": entry(0, 16)}, EIGHT),  # beyond the end
        ({"a": entry(8, 16)}, EIGHT),
        ({"a": entry(0, 2**62)}, EIGHT),
        ({"a": entry(0, 8, [2**63, 2**63], "F64")}, EIGHT),
        ({"a": entry(0, 0, [2**61], "F64"), "b": entry(0, 8)}, EIGHT),  # 2**64 bytes wrap to 0
        ({"a": entry(-8, 0, [8])}, EIGHT),  # before the beginning
        ({"a": entry(0, 8, [-8])}, EIGHT),
        ({"a": entry(0, 8, [-1, -8])}, EIGHT),
        ({"a": entry(8, 0, [8])}, EIGHT),
        ({"a": entry(0, 8), "b": entry(0, 8)}, EIGHT),  # overlaps
        ({"a": entry(0, 6), "b": entry(4, 8)}, EIGHT),
        ({"a": entry(0, 4), "b": entry(5, 8)}, EIGHT),  # gaps
        ({"a": entry(1, 8)}, EIGHT),
        ({"a": entry(0, 7)}, EIGHT),
        ({}, EIGHT),
        ({"a": entry(0, 8, [4])}, EIGHT),  # sizes that do not fit
        ({"a": entry(0, 8, [8], "F64")}, EIGHT),
        ({"a": entry(0, 8, [], "F32")}, EIGHT),
        ({"a": entry(0, 3, [1], "F32"), "b": entry(3, 8)}, EIGHT),
        ({"a": entry(0, 8, [8], "BF16")}, EIGHT),  # types
        ({"a": entry(0, 8, [8], "object")}, EIGHT),
        ({"a": entry(0, 8, [8], None)}, EIGHT),
        ({"a": entry(0, 8, [8], ["U8"])}, EIGHT),
        ({"a": entry(0, 8, [8.0])}, EIGHT),  # things of another kind
        ({"a": entry(0, 8, ["8"])}, EIGHT),
        ({"a": entry(0, 8, 8)}, EIGHT),
        ({"a": entry(0, 8, [True, 8])}, EIGHT),
        ({"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8, 8]}}, EIGHT),
        ({"a": {"dtype": "U8", "shape": [8], "data_offsets": "08"}}, EIGHT),
        ({"a": {"dtype": "U8", "shape": [8], "data_offsets": [0.0, 8.0]}}, EIGHT),
        ({"a": {"dtype": "U8", "shape": [8]}}, EIGHT),
        ({"a": {}}, EIGHT),
        ({"a": 8}, EIGHT),
        ({"a": entry(0, 8), "b": None}, EIGHT),
        ([], b""),
        (7, b""),
        (None, b""),
        (b"", b""),
        (b"{", b""),
        (b"\xff\xfe{}", b""),
        (b'{"a":' * 100_000, b""),
    ],
)
def test_headers_that_do_not_describe_the_data_are_refused(tmp_path, header, data):
    with pytest.raises(StoreError, match=r"forged\.safetensors is no valid safetensors file"):
        open_tensors(file_of(tmp_path, header, data))


@pytest.mark.parametrize("length", [3, 10_000, 2**31, 2**63, 2**64 - 1, 2**64 - 8])
def test_lengths_that_are_wrong_are_refused(tmp_path, length):
    with pytest.raises(StoreError, match="no valid safetensors file"):
        open_tensors(file_of(tmp_path, {"a": entry(0, 8)}, EIGHT, length))


@pytest.mark.parametrize("size", range(9))
def test_stumps_are_refused(tmp_path, size):
    (tmp_path / "x").write_bytes(b"\x02{}\0\0\0\0\0\0"[:size])
    with pytest.raises(StoreError, match="no valid"):
        open_tensors(tmp_path / "x")


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for file in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(StoreError):
            open_tensors(file)


def test_every_truncated_file_is_refused(tmp_path):
    write_tensors(tmp_path / "x", {"a": counted((3,), "f8"), "b": counted((5,), "i1")})
    whole = (tmp_path / "x").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "y").write_bytes(whole[:size])
        with pytest.raises(StoreError):
            open_tensors(tmp_path / "y")
    (tmp_path / "y").write_bytes(whole + b"\0")
    with pytest.raises(StoreError):
        open_tensors(tmp_path / "y")


@given(data=st.data())
def test_garbage_is_refused_or_stays_inside_the_file(tmp_path_factory, data):
    """Whatever the header says, no array reaches beyond the data."""
    number = st.integers(-2, 12) | st.sampled_from([2**31, 2**63, 2**64]) | st.none()
    one = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["U8", "I16", "F32", "F64", "BOOL", "F8_E4M3"]),
            "shape": st.lists(number, max_size=3),
            "data_offsets": st.lists(number, min_size=2, max_size=2),
        }
    )
    header = data.draw(st.dictionaries(st.text(max_size=2), one, max_size=3))
    size = data.draw(st.integers(0, 12))
    file = file_of(tmp_path_factory.mktemp("forged"), header, bytes(size))
    try:
        found = open_tensors(file)
    except StoreError:
        return
    assert sum(a.nbytes for a in found.values()) == size
    assert not any(a.any() for a in found.values())
