"""A model folder on disk: JSON plus the safetensors format; never pickle.

`model.json` holds the format version, the registered name, the parameters, the shape of the
learned state and a SHA-256 of every file (its own included). Each learned attribute is one
`*.safetensors` file, mapped into memory on reading. A folder is written to a temporary sibling
and renamed: a crash leaves the old model or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from labeltree.core.errors import StoreError
from labeltree.core.tensors import open_tensors, write_tensors
from labeltree.core.values import decode, encode, storable

__all__ = ["FORMAT", "check_target", "read_folder", "storable", "write_folder"]

FORMAT = 1
"""Version of the folder layout; readers refuse newer ones."""
HEADER = "model.json"
_SUFFIX = ".safetensors"
_NAME = re.compile(r"\w[\w.]*")


def check_target(path: str | Path) -> None:
    """Check that a model may be written to `path`: what is there would be replaced whole.

    Raises
    ------
    StoreError
        If it is a file, or a folder with anything but a model in it, or nothing can be written
        where it would be.
    """
    path = Path(path)
    place = next(folder for folder in path.resolve().parents if folder.exists())
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written, for nothing can in {place}: {error.strerror}."
            " Choose another folder."
        ) from error
    if not path.exists():
        return
    names = sorted(os.listdir(path)) if path.is_dir() else [path.name]
    others = [name for name in names if name != HEADER and not name.endswith(_SUFFIX)]
    if others or (names and HEADER not in names):
        raise StoreError(
            f"{path} exists and is not a labeltree model: it holds {(others or names)[0]}."
            " Choose another folder."
        )


def write_folder(path: str | Path, header: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a model folder.

    Parameters
    ----------
    path
        The folder; an older model there is replaced, anything else is refused. Of a link, the
        folder it points to.
    header
        JSON values: registered name, parameters.
    state
        Learned attributes by name, each of arrays, strings, numbers, tuples, lists, storables, or a
        dictionary of arrays.

    Raises
    ------
    StoreError
        If there is something else at `path`.
    """
    path = Path(path).resolve()
    check_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    fresh = path.with_name(f"{_writing(path)}{os.getpid()}-{threading.get_ident()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir()
        _write_files(fresh, header, state)
        _swap(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read_folder(
    path: str | Path,
    *,
    verify: bool = True,
    prepare: Callable[[dict[str, Any]], object] = lambda header: None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read (header, state) back; arrays are views into the mapped files.

    Parameters
    ----------
    verify
        Compare every file with its checksum.
    prepare
        Called with the header before the state is decoded: imports what declares its types.

    Raises
    ------
    StoreError
        If a file is missing, truncated or altered, or the format is newer than this library.
    """
    path = Path(path)
    if not path.exists() and (old := _retired(path.resolve())).exists():
        path = old  # a writer died between its two renames: the old model is still whole
    content = _read_header(path / HEADER)
    for name, entry in content["files"].items():
        _check_file(path / name, entry, verify)
    prepare(content["header"])
    state = {}
    for name, skeleton in content["state"].items():
        file = path / (name + _SUFFIX)
        tensors = open_tensors(file)
        try:
            state[name] = decode(skeleton, tensors)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{file} does not hold what {HEADER} says: {error!r}.") from error
    return content["header"], state


def _write_files(folder: Path, header: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    files, skeletons = {}, {}
    for name, value in state.items():
        if not _NAME.fullmatch(name):
            raise StoreError(f"{name!r} cannot name a file. Use letters and digits.")
        tensors: dict[str, NDArray[Any]] = {}
        skeletons[name] = encode(value, name, tensors)
        file = folder / (name + _SUFFIX)
        files[file.name] = {"sha256": write_tensors(file, tensors), "bytes": file.stat().st_size}
    content = {"format": FORMAT, "header": dict(header), "state": skeletons, "files": files}
    content["sha256"] = hashlib.sha256(_canonical(content)).hexdigest()
    with open(folder / HEADER, "xb") as out:
        out.write(_canonical(content))
        out.flush()
        os.fsync(out.fileno())
    _sync(folder)


def _swap(fresh: Path, path: Path) -> None:
    """Put the new folder in the place of the old one; on an error the old one stays."""
    old = _retired(path)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(path, old)
        try:
            os.rename(fresh, path)
        except BaseException:
            with suppress(OSError):
                os.rename(old, path)
            raise
    else:
        os.rename(fresh, path)
    try:
        _sync(path.parent)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sweep(path: Path) -> None:
    """Remove what writers on this machine left behind when they were killed."""
    if os.name == "nt":
        return  # asking whether a process lives would end it there
    for left in path.parent.glob(escape(_writing(path)) + "*"):
        number = left.name.removeprefix(_writing(path)).partition("-")[0]
        if number.isdecimal():
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                shutil.rmtree(left, ignore_errors=True)
            except (PermissionError, OverflowError):
                continue


def _retired(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _writing(path: Path) -> str:
    """Return how the temporary folders of this machine begin; a process number follows."""
    return f".{path.name}.writing-{platform.node()}-"


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _read_header(file: Path) -> dict[str, Any]:
    try:
        raw = file.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"{file.parent} is not a model folder: {file.name} is missing.") from error
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}.") from error
    altered = f"{file} was altered or is incomplete. Restore it, or fit the model again."
    try:
        content = json.loads(raw.decode("utf-8", "surrogatepass"))
        claimed = {k: v for k, v in content.items() if k != "sha256"}
    except (ValueError, AttributeError, RecursionError) as error:
        raise StoreError(altered) from error
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise StoreError(
            f"{file} has format {content['format']}; this version reads up to {FORMAT}."
            " Install a newer labeltree."
        )
    digest = hashlib.sha256(_canonical(claimed)).hexdigest()
    whole = content.get("sha256") == digest and _canonical(content) == raw
    if not whole or not _is_complete(content):
        raise StoreError(altered)
    return dict(content)


def _is_complete(content: Mapping[str, Any]) -> bool:
    """Whether the entries are there, and name files inside the folder only."""
    files, state = content.get("files"), content.get("state")
    return (
        isinstance(content.get("format"), int)
        and isinstance(content.get("header"), dict)
        and isinstance(files, dict)
        and isinstance(state, dict)
        and all(_NAME.fullmatch(name) for name in state)
        and files.keys() == {name + _SUFFIX for name in state}
        and all(isinstance(e, dict) and e.keys() == {"sha256", "bytes"} for e in files.values())
    )


def _check_file(file: Path, entry: Mapping[str, Any], verify: bool) -> None:
    try:
        with open(file, "rb") as source:
            size = os.fstat(source.fileno()).st_size
            whole = not verify or size != entry["bytes"] or _digest(source) == entry["sha256"]
    except FileNotFoundError as error:
        raise StoreError(f"{file} is missing. Restore it, or fit the model again.") from error
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}.") from error
    if size != entry["bytes"]:
        raise StoreError(f"{file} has {size} bytes, expected {entry['bytes']}.")
    if not whole:
        raise StoreError(f"{file} was altered. Restore it, or fit the model again.")


def _digest(source: IO[bytes]) -> str:
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]
