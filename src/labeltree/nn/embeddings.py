"""Vectors of frozen encoders: computed once, kept on the disk beside the compiled kernels."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from labeltree.core.arrays import Floats, Ints, Longs
from labeltree.core.pool import ThreadPool, phase
from labeltree.kernels.compile import cache_folder
from labeltree.nn.documents import EmbeddedDocuments, Run, TokenDocuments
from labeltree.nn.text_encoder import TextEncoder

logger = logging.getLogger(__name__)

WORTH = 256
"""Fewer documents are embedded anew each time: that is over sooner than the weights are hashed."""
ROOM = 8 << 30
"""Bytes that the files may take; those not used for longest go first."""
STALE = 24 * 3600
"""Seconds after which nobody writes to a file any more."""
WITHOUT_GRADIENTS = 4
"""How many times as many tokens an accelerator holds as when training. Processors gain nothing from
larger batches: their caches are small."""


def embedded(
    encoder: TextEncoder, documents: TokenDocuments, run: Run, about: str
) -> EmbeddedDocuments:
    """Return documents as the vectors that an encoder makes of them.

    Parameters
    ----------
    about
        What the vectors depend on beside weights and tokens: the architecture.
    """
    folder = _folder() if len(documents) >= WORTH else None
    if folder is None:
        return EmbeddedDocuments(_computed(encoder, documents, run))
    with phase("looking for embeddings"):
        file = folder / f"{_key(encoder, documents, run, about)}.npy"
        vectors = _read(file, (len(documents), encoder.width))
    if vectors is None:
        vectors = _computed(encoder, documents, run)
        _write(file, vectors)
    return EmbeddedDocuments(vectors)


def _computed(encoder: TextEncoder, documents: TokenDocuments, run: Run) -> Floats:
    """Return the vectors, (n_documents, width); documents of about one length at once."""
    lengths = documents.lengths
    more = 1 if run.device.type == "cpu" else WITHOUT_GRADIENTS
    room = more * run.batch_size * int(lengths.max(initial=1))
    out = np.empty((len(documents), encoder.width), np.float32)
    before = encoder.training
    encoder.to(run.device).eval()

    def embed(rows: Longs) -> None:
        with torch.no_grad(), run.autocast():
            pooled = encoder(documents.batch(rows).to(run.device)).pooled
        out[rows] = pooled.float().cpu().numpy()

    try:
        ThreadPool(1).map(embed, by_length(lengths, room), what="embedding documents")
    finally:
        encoder.train(before)
    return out


def by_length(lengths: Ints, room: int) -> list[Longs]:
    """Cut documents into batches of at most `room` tokens with padding, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    batches, at = [], 0
    while at < len(order):
        n = max(1, room // int(lengths[order[at]]))
        batches.append(order[at : at + n])
        at += n
    return batches


# ---- the disk -----------------------------------------------------------------------------------


def _folder() -> Path | None:
    """Return where vectors are kept; None where nothing can be written."""
    kernels = cache_folder()
    if kernels is None:
        return None
    folder = kernels.parent / "embeddings"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        logger.warning("embeddings are not kept: %s", error)
        return None
    return folder


def _key(encoder: TextEncoder, documents: TokenDocuments, run: Run, about: str) -> str:
    """Return a name that only the same vectors have."""
    digest = hashlib.sha256(f"1 {about} {run.precision} {run.device.type}".encode())
    for name, weight in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        raw = weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(raw.numpy().data)
    for array in (documents.ids, documents.ptr):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read(file: Path, shape: tuple[int, int]) -> Floats | None:
    """Return the vectors in a file, mapped; None if it is not there or not whole."""
    try:
        vectors = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    with suppress(OSError):  # the file may be another user's
        os.utime(file)  # used now
    return vectors if vectors.shape == shape and vectors.dtype == np.float32 else None


def _write(file: Path, vectors: Floats) -> None:
    """Write the vectors under a temporary name, rename, and make room."""
    fresh = file.with_name(f".{file.name}-{os.getpid()}-{threading.get_ident()}")
    _sweep(file.parent)
    try:
        with open(fresh, "wb") as out:
            np.save(out, vectors)
        os.replace(fresh, file)
        _make_room(file)
    except OSError as error:  # the vectors are there all the same
        logger.warning("embeddings are not kept: %s", error)
    finally:
        fresh.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what writers left that were killed."""
    for file in folder.glob(".*.npy-*"):
        with suppress(OSError):  # gone already, or another user's
            if time.time() - file.stat().st_mtime > STALE:
                file.unlink()


def _make_room(newest: Path) -> None:
    """Remove the files that were not used for longest, until the others fit."""
    files = [(f.stat(), f) for f in newest.parent.glob("*.npy") if f != newest]
    left = ROOM - newest.stat().st_size
    for stat, file in sorted(files, key=lambda pair: -pair[0].st_mtime):
        left -= stat.st_size
        if left < 0:
            with suppress(OSError):  # gone already, or another user's
                file.unlink()
