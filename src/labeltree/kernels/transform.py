"""From the margin of a classifier to the score of a child, and to what tells apart what ties."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.types import F32


@kernel
def log_transform(margin: float, transform: int) -> float:
    """Return log of the child's conditional score.

    Parameters
    ----------
    transform
        See `linear.solver`: 0 and 2 -max(0, 1 - f)^p with p = 2, 3; 1 log sigmoid(f); 3 softmax,
        where `level_margins` has already made f the log probability among the siblings.
    """
    if transform == 1:  # written so that neither sign overflows
        tail = np.log1p(np.exp(-abs(margin)))
        return float(-tail if margin > 0 else margin - tail)
    if transform == 3:
        return float(margin)
    miss = max(0.0, 1.0 - margin)
    return -(miss**2) if transform == 0 else -(miss**3)


@kernel
def log_softmax(margins: F32) -> None:
    """Turn the margins of exclusive siblings into log probabilities, in place.

    A child that is never right, margin -inf, has no share.
    """
    top = margins.max()
    if top == -np.inf:
        return
    total = 0.0
    for f in margins:
        total += np.exp(f - top)
    margins -= np.float32(top + np.log(total))


@kernel
def certainty(margin: float) -> float:
    """Return what tells apart nodes whose scores saturate: -1 up to margin 1, then rising.

    It adds up along a path and is never 0: where scores tie, ancestors come before descendants.
    """
    return -1.0 / min(max(1.0, margin), 1000.0)
