"""From files to data sets: documents, the taxonomy and the names beside them."""

from __future__ import annotations

from labeltree.readers.corpus import repair_cafe
from labeltree.readers.documents import ReadOptions
from labeltree.readers.folder import Splits, read
from labeltree.readers.report import Finding, ReadReport

__all__ = ["Finding", "ReadOptions", "ReadReport", "Splits", "read", "repair_cafe"]
