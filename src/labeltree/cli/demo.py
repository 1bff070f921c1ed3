"""`labeltree demo`: the main job on the project's own corpus."""

from __future__ import annotations

import argparse

SUMMARY = "train, measure, explain, save and reload on the project's own corpus"
NOTE = (
    "Kettle takes ages and roars like a jet. Inside: a white crust as thick as an eggshell. Two"
    " rounds of citric acid and it is quiet again."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--out", default="demo_model", metavar="DIR", help="where to save")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> None:
    """Do the main job once."""
    from labeltree.cli.console import progress, show_table
    from labeltree.cli.explain import show
    from labeltree.models import find, load
    from labeltree.readers import repair_cafe
    from labeltree.run.evaluate import evaluate
    from labeltree.run.explain import explain
    from labeltree.run.train import train

    splits = repair_cafe()
    assert splits.train is not None
    assert splits.test is not None
    print(f"{len(splits.train)} notes of a repair café, {len(splits.labels)} labels in a taxonomy")
    rows, models = [], {}
    with progress(arguments.quiet):
        for name, tree in (("popular", None), ("parabel", "grown"), ("parabel", "given")):
            inner = find(name)()
            if tree is not None:
                from labeltree.core.params import Params

                inner.set_params(tree=Params.known[tree]())
            model = train(find("pipeline")(model=inner), splits)  # type: ignore[call-arg]
            title = name if tree is None else f"{name}, {tree} tree"
            models[title] = model
            found = evaluate(model, splits.test).metrics
            shown = ("P@1", "P@3", "nDCG@5", "R-Precision", "PSP@5", "micro-F1")
            rows.append((title, *(f"{100 * found[m]:.1f}" for m in shown)))
    show_table(("model", *shown), rows)
    model = models["parabel, given tree"]
    print(f"\n{NOTE}\n")
    show(explain(model, NOTE))
    model.save(arguments.out)
    again = load(arguments.out)
    same = (again.predict([NOTE]) != model.predict([NOTE])).nnz == 0
    verdict = "same answers" if same else "DIFFERENT answers"
    print(f"\nsaved to {arguments.out}, reloaded: {verdict}")
