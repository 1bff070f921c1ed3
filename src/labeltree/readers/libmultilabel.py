"""LibMultiLabel's text: id, labels divided by blanks, text; divided by tabs, without a header."""

from __future__ import annotations

from labeltree.readers.documents import Documents, Part
from labeltree.readers.files import text_lines


def read_libmultilabel(documents: Documents) -> Part:
    """Read one document a line; the id may be left out in all lines, and is not kept.

    Raises
    ------
    DataError
        If a line has other columns than the first.
    """
    width = 0
    for number, line in text_lines(documents.file):
        if line.isspace():
            documents.skip_blank(number)
            continue
        cells = line.removesuffix("\n").removesuffix("\r").split("\t")
        width = width or len(cells)
        if len(cells) != width or width not in (2, 3):
            expected = "2 or 3" if width not in (2, 3) else str(width)
            documents.fail(
                f"Found {len(cells)} columns, not {expected}.",
                "Each line must be id<TAB>label label<TAB>text, or all lines without the id; if"
                " this is another format, say which with --format.",
                number,
            )
        documents.add(cells[-1], cells[-2].split(), number)
    return documents.finish()
