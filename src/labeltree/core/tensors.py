"""The safetensors format: 8 bytes of length, a JSON header, the arrays one after the other.

The library of that name copies when it reads into numpy; here arrays are views of the mapped file.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltree.core.errors import StoreError

_DTYPES = {
    "BOOL": np.dtype("?"), "U8": np.dtype("u1"), "I8": np.dtype("i1"), "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"), "F16": np.dtype("<f2"), "U32": np.dtype("<u4"), "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"), "U64": np.dtype("<u8"), "I64": np.dtype("<i8"), "F64": np.dtype("<f8"),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def write_tensors(file: Path, tensors: Mapping[str, NDArray[Any]]) -> str:
    """Write arrays to a new file, flushed to the disk; return its SHA-256.

    Raises
    ------
    TypeError
        If the format has no name for the type of an array.
    """
    # Wide types first: then each array starts at a multiple of its item size.
    names = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    header, end = {}, 0
    for name in names:
        array = tensors[name]
        dtype = _NAMES.get(array.dtype.newbyteorder("<"))
        if dtype is None:
            raise TypeError(f"cannot store {name}: an array of type {array.dtype}")
        start, end = end, end + array.nbytes
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-(len(raw) + 8) % 64)
    digest = hashlib.sha256()
    with open(file, "xb") as out:
        for block in (struct.pack("<Q", len(raw)), raw, *(_bytes(tensors[n]) for n in names)):
            out.write(block)
            digest.update(block)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def open_tensors(file: Path) -> dict[str, NDArray[Any]]:
    """Map a file; each array is a read-only view of the map.

    Raises
    ------
    StoreError
        If the file is missing, or its header does not describe its bytes exactly.
    """
    try:
        mapped = np.memmap(file, np.uint8, "r")
        (length,) = struct.unpack("<Q", mapped[:8].tobytes())
        if length > len(mapped) - 8:
            raise ValueError("the header reaches beyond the end")
        header = json.loads(mapped[8 : 8 + length].tobytes())
        header.pop("__metadata__", None)
        return _views(np.asarray(mapped[8 + length :]), header)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise StoreError(f"{file} is no valid safetensors file: {error}.") from error
    except (struct.error, RecursionError) as error:
        raise StoreError(f"{file} is no valid safetensors file: no header.") from error


def _views(data: NDArray[np.uint8], header: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays in the data; they must cover it without gaps or overlaps."""
    found, at = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        (start, end), shape = entry["data_offsets"], entry["shape"]
        if entry["dtype"] not in _DTYPES:
            raise ValueError(f"{name!r} has the unknown type {entry['dtype']!r}")
        dtype = _DTYPES[entry["dtype"]]
        if not all(type(n) is int and n >= 0 for n in (start, end, *shape)):
            raise ValueError(f"{name!r} has sizes that are no whole numbers of 0 or more")
        if start != at or end > len(data) or end - start != prod(shape) * dtype.itemsize:
            raise ValueError(f"{name!r} has bytes {start} to {end} of {len(data)}")
        flat = data[start:end].view(dtype)
        found[name] = (flat if flat.flags.aligned else flat.copy()).reshape(shape)
        at = end
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes belong to no array")
    return found


def _bytes(array: NDArray[Any]) -> bytes | memoryview:
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return array.reshape(-1).view(np.uint8).data if array.size else b""
