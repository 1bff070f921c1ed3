"""`labeltree models`: list the models, or the fields of one."""

from __future__ import annotations

import argparse

SUMMARY = "list the models, or the fields of one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a model")


def run(arguments: argparse.Namespace) -> None:
    """Print a table."""
    import inspect

    from labeltree.cli.console import show_table
    from labeltree.cli.fields import table
    from labeltree.models import find, names

    if arguments.name is None:
        rows = []
        for name in names():
            model = find(name)
            summary = (inspect.getdoc(model) or "").splitlines()[0]
            rows.append((name, model().takes, summary))
        show_table(("model", "takes", "what it is"), rows)
        return
    model = find(arguments.name)
    print(inspect.getdoc(inspect.getmodule(model)), end="\n\n")
    show_table(("flag", "default", "meaning"), table(model()))
