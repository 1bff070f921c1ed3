"""The command line: one file a verb. Importing it loads nothing heavy, so that help is instant."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib import import_module

from labeltree import __version__

VERBS = (
    "fit",
    "update",
    "decide",
    "predict",
    "evaluate",
    "explain",
    "doctor",
    "split",
    "convert",
    "search",
    "models",
    "tree",
    "demo",
)
"""Each is a module of this folder with `SUMMARY`, `add_arguments(parser)` and `run(arguments)`,
which may return an exit status."""

TAKES_FIELDS = ("fit", "search")
"""Verbs that take the fields of a model as flags."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb; return the exit status: 0 done, 1 failed, 2 wrong usage."""
    arguments, rest = parser().parse_known_args(argv)
    logging.basicConfig(format="labeltree: %(message)s", level=logging.WARNING, stream=sys.stderr)
    if rest and arguments.verb not in TAKES_FIELDS:
        return _usage(f"unknown arguments: {' '.join(rest)}")
    arguments.fields = rest
    from labeltree.core.errors import LabeltreeError, ParameterError

    try:
        status: int | None = import_module(f"labeltree.cli.{arguments.verb}").run(arguments)
    except ParameterError as error:
        return _usage(str(error))
    except (LabeltreeError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output has gone (`| head`): nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"labeltree: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("labeltree: stopped; nothing was written", file=sys.stderr)
        return 1
    return status or 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    top = argparse.ArgumentParser(
        prog="labeltree",
        description="Classify text into large label hierarchies: every label space is a tree,"
        " given or grown.",
    )
    top.add_argument("--version", action="version", version=f"labeltree {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        module = import_module(f"labeltree.cli.{verb}")
        sub = verbs.add_parser(
            verb, help=module.SUMMARY, description=module.SUMMARY,
            epilog=getattr(module, "EPILOG", None), allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        module.add_arguments(sub)
    return top


def _usage(message: str) -> int:
    print(f"labeltree: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
