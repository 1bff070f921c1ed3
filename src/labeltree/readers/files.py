"""Which files make up a data set, and their lines, decompressed as they are read."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any, cast

from labeltree.core.errors import DataError

PARTS = {
    "train": "train",
    "trn": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "tst": "test",
}
"""File names that make up a data set, without their endings, and the part they hold."""
COMPRESSIONS = (".gz", ".zst")
# ---- names ---------------------------------------------------------------------------------------


def split_name(file: Path) -> tuple[str, str]:
    """Return (stem, ending) in small letters, without the compression: ("train", ".jsonl")."""
    name = file.name.lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    bare = Path(name)
    return bare.stem, bare.suffix


def part_of(file: Path) -> str | None:
    """Return the part that a file's name says it holds, or None.

    The name is that of a part: `train.jsonl`, `dev.csv.gz`. HiAGM's files have the data's name
    before it, `wos_train.json`; the features of a pair of matrices an X, `train.X.npz` or
    `X.trn.npz`.
    """
    stem, ending = split_name(file)
    if ending == ".json":
        stem = stem.rpartition("_")[2]
    if ending == ".npz":
        pieces = stem.split(".")
        stem = "".join(piece for piece in pieces if piece != "x") if "x" in pieces else ""
    return PARTS.get(stem)


def find_parts(
    folder: Path, endings: Collection[str] | None
) -> tuple[dict[str, Path], list[tuple[str, Path]]]:
    """Find the files that hold documents.

    Parameters
    ----------
    endings
        Those of known formats; None: take any.

    Returns
    -------
    parts
        The file of each part, in the order train, val, test.
    unread
        (part, file) for files named like a part whose format is unknown.

    Raises
    ------
    DataError
        If there is none, or two for one part.
    """
    found: dict[str, Path] = {}
    unread = []
    files = sorted(entry for entry in folder.iterdir() if entry.is_file())
    for file in files:
        stem, ending = split_name(file)
        part = part_of(file)
        if part is None or (endings is not None and ending not in endings):
            if PARTS.get(stem) is not None:
                unread.append((PARTS[stem], file))
        elif part in found:
            raise DataError(
                f"Two files hold the {part} part: {found[part].name} and {file.name}.",
                "Keep one of them in the folder.",
                file=folder,
            )
        else:
            found[part] = file
    if not found:
        names = ", ".join(file.name for file in files[:10]) or "nothing"
        wanted = "" if endings is None else f" with one of the endings {', '.join(endings)}"
        raise DataError(
            f"No train, val or test file; found {names}.",
            f"Name them {', '.join(PARTS)}{wanted}.",
            file=folder,
        )
    return {part: found[part] for part in dict.fromkeys(PARTS.values()) if part in found}, unread


def find_beside(folder: Path, *names: str) -> Path | None:
    """Return the file of one of these names, compressed or not, or None.

    A name may hold a star, as "*.taxonomy" does.

    Raises
    ------
    DataError
        If there are two.
    """
    packed = [f"{name}{ending}" for name in names for ending in ("", *COMPRESSIONS)]
    found = [file for name in packed for file in sorted(folder.glob(name)) if file.is_file()]
    if len(found) > 1:
        raise DataError(
            f"Both {found[0].name} and {found[1].name} are there.", "Keep one of them.", file=folder
        )
    return found[0] if found else None


# ---- contents ------------------------------------------------------------------------------------


def lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) of a file, numbers from 1, lines with their ends, without a BOM.

    Raises
    ------
    DataError
        If the file cannot be opened, or its compression is damaged or cut off.
    """
    number = 0
    try:
        with open_stream(file) as stream:
            for number, line in enumerate(stream, 1):
                yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(file, error, number + 1) from error
    except OSError as error:
        raise DataError(f"The file cannot be read: {error.strerror}.", file=file) from error


def text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, line) decoded; see `lines`.

    Raises
    ------
    DataError
        Also for a line that is not UTF-8.
    """
    for number, line in lines(file):
        yield number, decode(line, file, number)


def decode(line: bytes, file: Path, number: int) -> str:
    """Return a line as text.

    Raises
    ------
    DataError
        If it is not UTF-8; says at which byte of the line.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"Invalid UTF-8 at byte {error.start + 1} of the line"
            f" (0x{line[error.start]:02x}: {error.reason}).",
            "Save the file as UTF-8.",
            file=file,
            line=number,
        ) from error


def damaged(file: Path | str, error: Exception, line: int | None = None) -> DataError:
    """Return the error for a file that cannot be read to its end."""
    return DataError(
        f"The file is damaged or cut off ({error}).",
        "Fetch or write it again.",
        file=file,
        line=line,
    )


def open_stream(file: Path) -> IO[bytes]:
    """Open a file for reading, decompressed by its ending."""
    ending = file.suffix.lower()
    if ending == ".gz":
        return cast(IO[bytes], gzip.open(file, "rb"))
    if ending == ".zst":
        return io.BufferedReader(_ZstdStream(file), 1 << 20)
    return open(file, "rb", 1 << 20)


class _ZstdStream(io.RawIOBase):
    """The contents of a .zst file; unlike the library's own reader it notices a missing end."""

    def __init__(self, file: Path) -> None:
        import zstandard

        self._source = open(file, "rb")  # noqa: SIM115 - closed with this stream
        self._fresh = zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame: Any = self._fresh()
        self._begun = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._advance():
            pass
        n = min(len(buffer), len(self._ready))
        buffer[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n

    def close(self) -> None:
        self._source.close()
        super().close()

    def _advance(self) -> bool:
        """Decompress the next piece; return whether there was one."""
        rest = b""
        if self._frame.eof:  # several frames may follow each other in one file
            rest, self._frame, self._begun = self._frame.unused_data, self._fresh(), False
        piece = rest or self._source.read(1 << 18)
        if piece:
            self._begun = True
            try:
                self._ready = memoryview(self._frame.decompress(piece))
            except self._error as error:
                raise EOFError(str(error)) from error
        elif self._begun:
            raise EOFError("it ends before its last frame does")
        return bool(piece)
