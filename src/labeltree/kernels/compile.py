"""How kernels are compiled and where the machine code is kept between processes.

The cache folder is keyed by the version and a hash of this folder's sources: numba itself would
not notice when a kernel that another one calls has changed.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import platform
import secrets
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.bytecode import FunctionIdentity

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("labeltree")

# Numba tells closures of one name apart by a number, and counts from 1 in every process. Machine
# code of several processes meets in one cache: there np.sort and np.argsort, both made of closures
# of the same names, would be taken for each other, and memory overwritten. So each process counts
# from a place of its own.
FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile with IEEE arithmetic: equal sums whatever the code around them."""
    return _compiled(function, fastmath=False)


def fast_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile for solvers, where sums may be reordered (they still repeat bit by bit)."""
    # Infinities and NaN keep their meaning: thresholds start at infinity.
    return _compiled(function, fastmath={"reassoc", "contract", "nsz", "arcp"})


def _compiled(function: Callable[P, R], fastmath: bool | set[str]) -> Callable[P, R]:
    folder = cache_folder()
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder or "")
    try:
        options: Any = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
        made: Callable[P, R] = numba.njit(cache=folder is not None, **options)(function)
        return made
    finally:
        config.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Return the folder of compiled kernels, made if need be; None where nothing can be written."""
    base = Path(os.environ.get("LABELTREE_CACHE") or _user_cache() / "labeltree")
    folder = base / f"kernels-{_fingerprint()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        logger.warning(
            "cannot write %s: kernels are compiled anew in every process."
            " Set LABELTREE_CACHE to a folder that can be written.",
            folder,
        )
        return None
    return folder


@cache
def announce() -> None:
    """Say once that kernels will be compiled, if none are in the cache yet."""
    folder = cache_folder()
    if folder is None or next(folder.rglob("*.nbi"), None) is None:
        logger.warning("compiling kernels for this machine: once, about half a minute")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for word in (numba.__version__, platform.machine(), sys.version):
        digest.update(word.encode())
    return digest.hexdigest()[:16]


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home()))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
