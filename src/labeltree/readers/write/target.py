"""Where output goes: written under a temporary name, then renamed."""

from __future__ import annotations

import codecs
import gzip
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from labeltree.core.errors import DataError, ParameterError

COMPRESSIONS = {None: "", "gz": ".gz", "zst": ".zst"}
"""Endings of compressed files, by what `--compress` takes."""


def check_free(path: Path) -> None:
    """Check that nothing would be overwritten.

    Raises
    ------
    DataError
        If there is a file, or a folder with anything in it.
    """
    if path.is_symlink() or path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise DataError("Something is there already.", "Choose another name.", file=path)


@contextmanager
def fresh(path: Path) -> Iterator[Path]:
    """Give an empty folder to write into; at the end it, or the one file `path.name` in it, moves.

    An error inside the block leaves nothing behind.
    """
    check_free(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{path.name}.writing-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        yield folder
        single = folder / path.name
        check_free(path)
        if single.is_file():
            os.rename(single, path)
        else:
            with suppress(FileNotFoundError):
                path.rmdir()  # an empty one: not every system renames over it
            os.rename(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_lines(file: Path, content: Iterable[bytes]) -> None:
    """Write pieces of bytes one after another, compressed by the file's ending.

    A byte-order mark that belongs to the content is doubled, because readers take one away.
    """
    with open_packed(file) as out:
        for n, piece in enumerate(content):
            if not n and piece.startswith(codecs.BOM_UTF8):
                out.write(codecs.BOM_UTF8)
            out.write(piece)


@contextmanager
def open_packed(file: Path) -> Iterator[IO[bytes]]:
    """Open a new file, compressed by its ending, and make it durable at the end."""
    with open(file, "xb", 1 << 20) as raw:
        packed = _packer(file, raw)
        yield packed
        if packed is not raw:
            packed.close()
        raw.flush()
        os.fsync(raw.fileno())


def _packer(file: Path, raw: IO[bytes]) -> IO[bytes]:
    if file.suffix == ".gz":  # without name and time: the same data give the same bytes
        return cast(IO[bytes], gzip.GzipFile("", "wb", 6, raw, mtime=0))
    if file.suffix == ".zst":
        import zstandard

        stream: Any = zstandard.ZstdCompressor().stream_writer(raw, closefd=False)
        return cast(IO[bytes], stream)
    return raw


def packing(compress: str | None) -> str:
    """Return the ending of a compression.

    Raises
    ------
    ParameterError
        If there is no such compression.
    """
    if compress not in COMPRESSIONS:
        raise ParameterError(f"compress must be gz or zst, found {compress!r}.")
    return COMPRESSIONS[compress]
