"""From data sets back to files: one writer for each format that is read."""

from __future__ import annotations

from labeltree.readers.write.splits import WriteReport, write

__all__ = ["WriteReport", "write"]
