"""The errors a user can meet: each says what is wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class LabeltreeError(Exception):
    """Base of everything this library raises on purpose."""


class DataError(LabeltreeError, ValueError):
    """Data that cannot be used: a file, a matrix, a taxonomy.

    Parameters
    ----------
    problem
        What is wrong and what was found.
    remedy
        What the user can do about it.
    file, line
        Where, if the data came from a file; lines count from 1.
    """

    def __init__(
        self,
        problem: str,
        remedy: str = "",
        *,
        file: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{where}{problem}" + (f" {remedy}" if remedy else ""))
        self.file, self.line, self.remedy = file, line, remedy


class ParameterError(LabeltreeError, ValueError):
    """A parameter outside its range, or a name that does not exist."""


class NotFittedError(LabeltreeError, AttributeError):
    """A model is asked for something before `fit`."""


class StoreError(LabeltreeError, OSError):
    """A model folder is damaged, incomplete, or written by a newer version."""


class MissingExtraError(LabeltreeError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs more packages: pip install 'labeltree[{extra}]'")
        self.feature, self.extra = feature, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.feature, self.extra)  # errors travel between processes


def first_line(error: BaseException) -> str:
    """Return what an error of another library says first, to be quoted in one of ours."""
    return (str(error).strip() or repr(error)).splitlines()[0].rstrip(".")
