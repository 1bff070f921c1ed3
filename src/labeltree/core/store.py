"""A model folder on disk: JSON plus the safetensors format; never pickle.

`model.json` holds the format version, the registered name, the parameters, the shape of the
learned state and a SHA-256 of every file (its own included). Each learned attribute is one
`*.safetensors` file, mapped into memory on reading. A folder is written to a temporary sibling
and renamed: a crash leaves the old model or the new one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from labeltree.core.arrays import from_parts
from labeltree.core.errors import StoreError

FORMAT = 1
"""Version of the folder layout; readers refuse newer ones."""

T = TypeVar("T", bound=type)
_STORABLE: dict[str, type] = {}


def storable(cls: T) -> T:
    """Register a dataclass whose fields are arrays, strings, numbers or storables themselves."""
    _STORABLE[cls.__name__] = cls
    return cls


# ---- a folder ----------------------------------------------------------------------------------


def write_folder(path: str | Path, header: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a model folder.

    Parameters
    ----------
    path
        The folder; an older model there is replaced, anything else is refused.
    header
        JSON values: registered name, parameters.
    state
        Learned attributes by name, each of arrays, strings, numbers, lists or storables.
    """
    path = Path(path)
    if path.exists() and not (path / "model.json").is_file() and (path.is_file() or any(path.iterdir())):
        raise StoreError(f"{path} exists and is not a labeltree model. Choose another folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.writing-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        _write_files(fresh, header, state)
        _swap(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read_folder(path: str | Path, *, verify: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read (header, state) back; arrays are views into the mapped files.

    Raises
    ------
    StoreError
        If a file is missing, truncated or altered, or the format is newer than this library.
    """
    path = Path(path)
    if not path.exists() and (old := _retired(path)).exists():
        path = old  # a writer died between its two renames: the old model is still whole
    content = _read_header(path / "model.json")
    for name, entry in content["files"].items():
        _check_file(path / name, entry, verify)
    state = {}
    for name, skeleton in content["state"].items():
        tensors = _open_tensors(path / f"{name}.safetensors")
        state[name] = _decode(skeleton, tensors)
    return content["header"], state


def _write_files(folder: Path, header: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    files, skeletons = {}, {}
    for name, value in state.items():
        tensors: dict[str, NDArray[Any]] = {}
        skeletons[name] = _encode(value, "", tensors)
        file = folder / f"{name}.safetensors"
        files[file.name] = {"sha256": _write_tensors(file, tensors), "bytes": file.stat().st_size}
    content = {"format": FORMAT, "header": dict(header), "state": skeletons, "files": files}
    content["sha256"] = hashlib.sha256(_canonical(content)).hexdigest()
    with open(folder / "model.json", "wb") as out:
        out.write(_canonical(content))
        out.flush()
        os.fsync(out.fileno())


def _swap(fresh: Path, path: Path) -> None:
    old = _retired(path)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(path, old)
    os.rename(fresh, path)
    shutil.rmtree(old, ignore_errors=True)


def _retired(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _read_header(file: Path) -> dict[str, Any]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise StoreError(f"{file.parent} is not a model folder: {file.name} is missing.") from error
    altered = f"{file} was altered or is incomplete. Restore it, or fit the model again."
    try:
        content = json.loads(raw)
        claimed = {k: v for k, v in content.items() if k != "sha256"}
    except (ValueError, AttributeError) as error:
        raise StoreError(altered) from error
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise StoreError(
            f"{file} has format {content['format']}; this version reads up to {FORMAT}."
            " Install a newer labeltree."
        )
    digest = hashlib.sha256(_canonical(claimed)).hexdigest()
    if content.get("sha256") != digest or _canonical(content) != raw:
        raise StoreError(altered)
    return dict(content)


def _check_file(file: Path, entry: Mapping[str, Any], verify: bool) -> None:
    if not file.is_file():
        raise StoreError(f"{file} is missing. Restore it, or fit the model again.")
    if file.stat().st_size != entry["bytes"]:
        raise StoreError(f"{file} has {file.stat().st_size} bytes, expected {entry['bytes']}.")
    if verify:
        with open(file, "rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        if digest != entry["sha256"]:
            raise StoreError(f"{file} was altered. Restore it, or fit the model again.")


# ---- values to tensors and back ----------------------------------------------------------------


def _encode(value: Any, at: str, tensors: dict[str, NDArray[Any]]) -> Any:
    """Return a JSON skeleton of `value`; arrays go to `tensors` under dotted names."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        tensors[at] = value
        return {"array": at}
    if issparse(value):
        names = [f"{at}.{part}" for part in ("data", "indices", "indptr")]
        tensors |= dict(zip(names, (value.data, value.indices, value.indptr), strict=True))
        return {"csr": at, "shape": list(value.shape)}
    if isinstance(value, (tuple, list)):
        if value and all(isinstance(v, str) for v in value):
            tensors |= _pack_strings(value, at)
            return {"strings": at}
        return {"list": [_encode(v, f"{at}.{i}".strip("."), tensors) for i, v in enumerate(value)]}
    if type(value).__name__ in _STORABLE:
        fields = [f.name for f in dataclasses.fields(value) if f.init]
        parts = {f: _encode(getattr(value, f), f"{at}.{f}".strip("."), tensors) for f in fields}
        return {"type": type(value).__name__, "fields": parts}
    raise TypeError(f"cannot store a {type(value).__name__}: declare it @storable")


def _decode(skeleton: Any, tensors: Mapping[str, NDArray[Any]]) -> Any:
    if not isinstance(skeleton, dict):
        return skeleton
    if "array" in skeleton:
        return tensors[skeleton["array"]]
    if "csr" in skeleton:
        parts = (tensors[f"{skeleton['csr']}.{p}"] for p in ("data", "indices", "indptr"))
        return from_parts(*parts, shape=tuple(skeleton["shape"]))
    if "strings" in skeleton:
        return _unpack_strings(tensors, skeleton["strings"])
    if "list" in skeleton:
        return [_decode(v, tensors) for v in skeleton["list"]]
    if skeleton["type"] not in _STORABLE:
        raise StoreError(f"The model holds a {skeleton['type']}, unknown to this version.")
    fields = {k: _decode(v, tensors) for k, v in skeleton["fields"].items()}
    return _STORABLE[skeleton["type"]](**fields)


def _pack_strings(strings: Iterable[str], at: str) -> dict[str, NDArray[Any]]:
    """Return one UTF-8 blob and the offsets of its (n + 1) cuts."""
    encoded = [s.encode("utf-8", "surrogatepass") for s in strings]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return {f"{at}.utf8": np.frombuffer(b"".join(encoded), np.uint8), f"{at}.offsets": offsets}


def _unpack_strings(tensors: Mapping[str, NDArray[Any]], at: str) -> tuple[str, ...]:
    blob, cuts = tensors[f"{at}.utf8"].tobytes(), tensors[f"{at}.offsets"].tolist()
    if blob.isascii():
        text = blob.decode("ascii")
        return tuple(text[a:b] for a, b in zip(cuts, cuts[1:], strict=False))
    return tuple(
        blob[a:b].decode("utf-8", "surrogatepass") for a, b in zip(cuts, cuts[1:], strict=False)
    )


# ---- the safetensors format: 8 bytes of length, a JSON header, the tensors ----------------------

_DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16,
    "F16": np.float16, "U32": np.uint32, "I32": np.int32, "F32": np.float32, "U64": np.uint64,
    "I64": np.int64, "F64": np.float64,
}  # fmt: skip
_NAMES = {np.dtype(v): k for k, v in _DTYPES.items()}


def _write_tensors(file: Path, tensors: Mapping[str, NDArray[Any]]) -> str:
    """Write arrays in the safetensors format, each at a multiple of 64 bytes; return the hash."""
    # Wide types first keeps every tensor aligned for the memory map.
    names = sorted(tensors, key=lambda n: -tensors[n].dtype.itemsize)
    header, at = {}, 0
    for name in names:
        array = tensors[name]
        end = at + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": [at, end]}
        at = end
    raw = json.dumps(header).encode()
    raw += b" " * (-(len(raw) + 8) % 64)
    digest = hashlib.sha256()
    with open(file, "wb") as out:
        for block in (struct.pack("<Q", len(raw)), raw, *(_bytes(tensors[n]) for n in names)):
            out.write(block)
            digest.update(block)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _bytes(array: NDArray[Any]) -> bytes | memoryview:
    array = np.ascontiguousarray(array)
    return array.reshape(-1).view(np.uint8).data if array.size else b""


def _open_tensors(file: Path) -> dict[str, NDArray[Any]]:
    """Map a safetensors file; each array is a read-only view of the map."""
    mapped = np.memmap(file, np.uint8, "r")
    (length,) = struct.unpack("<Q", mapped[:8].tobytes())
    header = json.loads(mapped[8 : 8 + length].tobytes())
    start, found = 8 + length, {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        a, b = entry["data_offsets"]
        flat = np.asarray(mapped[start + a : start + b]).view(_DTYPES[entry["dtype"]])
        found[name] = flat.reshape(entry["shape"])
    return found
