"""Flags that choose how scores become decisions, shared by `fit` and `decide`."""

from __future__ import annotations

import argparse

RULES = (
    "global", "per_label", "scut", "fbr0", "fbr1", "rcut", "pcut", "expected_f1", "macro_at_k",
)  # fmt: skip
CALIBRATIONS = ("both", "platt", "isotonic", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --decide and --calibrate; a test holds them to the tables in metrics/decider.py."""
    parser.add_argument(
        "--decide", default="global", choices=RULES, metavar="RULE",
        help=f"how scores become decisions: {', '.join(RULES)} (global)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", default="both", choices=CALIBRATIONS,
        help="how scores become probabilities first (both: platt, then isotonic)",
    )  # fmt: skip
