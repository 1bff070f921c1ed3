"""Learned values as a JSON skeleton and arrays, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from labeltree.core.arrays import CSR, from_parts
from labeltree.core.errors import StoreError

T = TypeVar("T", bound=type)
_STORABLE: dict[str, type] = {}


def storable(cls: T) -> T:
    """Register a dataclass whose fields are arrays, strings, numbers or storables themselves.

    Lists, tuples, and arrays by name in a dictionary will do too.

    A field with the metadata `stored=False` is left out, and has its default after loading.
    """
    _STORABLE[cls.__name__] = cls
    return cls


def encode(value: Any, at: str, tensors: dict[str, NDArray[Any]]) -> Any:
    """Return a JSON skeleton of `value`; arrays go to `tensors` under names that begin with `at`.

    Raises
    ------
    TypeError
        If there is something in it that cannot be stored.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        tensors[at] = value
        return {"array": at}
    if issparse(value):
        return _encode_csr(value, at, tensors)
    if isinstance(value, (tuple, list)):
        kind = "list" if isinstance(value, list) else "tuple"
        if value and all(isinstance(v, str) for v in value):
            tensors.update(_pack_strings(value, at))
            return {"strings": at, "kind": kind}
        return {kind: [encode(v, f"{at}.{i}", tensors) for i, v in enumerate(value)]}
    if isinstance(value, dict) and all(map(_is_named_array, value.items())):
        tensors.update({f"{at}.{name}": array for name, array in value.items()})
        return {"dict": {name: {"array": f"{at}.{name}"} for name in value}}
    name = type(value).__name__
    if _STORABLE.get(name) is type(value):
        fields = [
            f.name
            for f in dataclasses.fields(_STORABLE[name])
            if f.init and f.metadata.get("stored", True)
        ]
        parts = {f: encode(getattr(value, f), f"{at}.{f}", tensors) for f in fields}
        return {"type": name, "fields": parts}
    raise TypeError(f"cannot store a {name}: declare it @storable")


def decode(skeleton: Any, tensors: Mapping[str, NDArray[Any]]) -> Any:
    """Return the value; arrays in it are those of `tensors`, not copies.

    Raises
    ------
    StoreError
        If it holds a type that this version does not know.
    LookupError, TypeError, ValueError, AttributeError
        If skeleton and arrays do not fit together.
    """
    if not isinstance(skeleton, dict):
        return skeleton
    if "array" in skeleton:
        return tensors[skeleton["array"]]
    if "csr" in skeleton:
        return _decode_csr(tensors, skeleton["csr"], skeleton["shape"])
    if "strings" in skeleton:
        strings = _unpack_strings(tensors, skeleton["strings"])
        return list(strings) if skeleton["kind"] == "list" else strings
    if "list" in skeleton:
        return [decode(v, tensors) for v in skeleton["list"]]
    if "tuple" in skeleton:
        return tuple(decode(v, tensors) for v in skeleton["tuple"])
    if "dict" in skeleton:
        return {k: decode(v, tensors) for k, v in skeleton["dict"].items()}
    if skeleton["type"] not in _STORABLE:
        raise StoreError(f"The model holds a {skeleton['type']}, unknown to this version.")
    fields = {k: decode(v, tensors) for k, v in skeleton["fields"].items()}
    return _STORABLE[skeleton["type"]](**fields)


def _is_named_array(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], np.ndarray)


def _encode_csr(matrix: Any, at: str, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    if matrix.format != "csr" or matrix.ndim != 2:
        raise TypeError(f"cannot store a sparse array of format {matrix.format}: make it CSR")
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    for part in ("data", "indices", "indptr"):
        tensors[f"{at}.{part}"] = getattr(matrix, part)
    return {"csr": at, "shape": list(matrix.shape)}


def _decode_csr(tensors: Mapping[str, NDArray[Any]], at: str, shape: list[int]) -> CSR:
    data, indices, indptr = (tensors[f"{at}.{part}"] for part in ("data", "indices", "indptr"))
    n_rows, n_columns = shape
    fits = (
        data.shape == indices.shape == (data.size,)
        and indptr.shape == (n_rows + 1,)
        and indices.dtype.kind == indptr.dtype.kind == "i"
        and indptr[0] == 0
        and indptr[-1] == data.size
        and (np.diff(indptr) >= 0).all()
        and indices.min(initial=0) >= 0
        and indices.max(initial=-1) < n_columns
    )
    if not fits:  # compiled loops would read beyond the arrays
        raise ValueError(f"{at} is no CSR matrix of shape {shape}")
    return from_parts(data, indices, indptr, (n_rows, n_columns))


def _pack_strings(strings: Iterable[str], at: str) -> dict[str, NDArray[Any]]:
    """Return one UTF-8 blob and the offsets of its (n + 1) cuts."""
    encoded = [s.encode("utf-8", "surrogatepass") for s in strings]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return {f"{at}.utf8": np.frombuffer(b"".join(encoded), np.uint8), f"{at}.offsets": offsets}


def _unpack_strings(tensors: Mapping[str, NDArray[Any]], at: str) -> tuple[str, ...]:
    blob, offsets = tensors[f"{at}.utf8"].tobytes(), tensors[f"{at}.offsets"]
    cuts = offsets.tolist()
    if cuts[0] != 0 or cuts[-1] != len(blob) or (np.diff(offsets) < 0).any():
        raise ValueError(f"{at} has offsets that do not fit its text")
    if blob.isascii():
        text = blob.decode("ascii")
        return tuple(text[a:b] for a, b in zip(cuts, cuts[1:], strict=False))
    return tuple(
        blob[a:b].decode("utf-8", "surrogatepass") for a, b in zip(cuts, cuts[1:], strict=False)
    )
