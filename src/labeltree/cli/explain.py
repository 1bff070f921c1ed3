"""`labeltree explain`: why a document has a label, or has not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from labeltree.cli.reading import add_reading_flags
from labeltree.cli.words import Line, headline, spelled

if TYPE_CHECKING:
    from labeltree.core.model import BaseModel
    from labeltree.run.explain import AnyExplanation, Explanation, FellOut, Rival, Step

SUMMARY = "show why a document has a label, or why not"
EPILOG = """Each line is a step down the tree: the score of the node given the one above, the bias,
and the words that add most to its margin. The figures are exact: bias and all words together are
the margin. `over` names the sibling that came closest, and the words that made the difference.
Forests over documents (fastxml, pfastrexml, craftml) show the words of the splits on the way to
the leaves that vote for the label, and the tree that votes most. Label embeddings (plst, cplst,
occa, leml, compressed_sensing) show what each word adds to the score; mach and bloom the words
through each of the label's buckets, and who shares them; sleec and annexml the nearest training
documents and their votes, by row, with their texts where --train names the data.
For models that take features, TEXT is "feature:value feature:value ..."."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="DIR", help="a saved model")
    parser.add_argument(
        "text", nargs="?", metavar="TEXT", help="the document; - for standard input"
    )
    parser.add_argument("--file", metavar="FILE", help="read the document from there")
    parser.add_argument("--label", metavar="ID", help="explain this label, given or not")
    parser.add_argument("--k", type=int, default=3, help="explain the k best labels (3)")
    parser.add_argument(
        "--words", type=int, default=4, help="words shown of each step, or nearest documents (4)"
    )
    parser.add_argument(
        "--train", metavar="DATA", help="what the model was trained on: shows the nearest texts"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, all words in it"
    )
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the paths."""
    import json

    from labeltree.core.errors import ParameterError
    from labeltree.models import load
    from labeltree.run.explain import explain, explain_best

    if arguments.k < 1 or arguments.words < 1:
        raise ParameterError("--k and --words must be 1 or more")
    text = _text(arguments)
    model = load(arguments.model)
    document = text if model.takes == "text" else _features(text, model)
    texts = _training_texts(arguments, model)
    if arguments.label is None:
        found = explain_best(model, document, arguments.k, texts=texts)
    else:
        found = [explain(model, document, arguments.label, texts=texts)]
    if arguments.json:
        shown = {"explanations": [explanation.to_json() for explanation in found]}
        print(json.dumps(shown, ensure_ascii=False))
        return
    for i, explanation in enumerate(found):
        print("\n" if i else "", end="")
        show(explanation, arguments.words)


def _text(arguments: argparse.Namespace) -> str:
    from pathlib import Path

    from labeltree.core.errors import DataError, ParameterError

    if (arguments.text is None) == (arguments.file is None):
        raise ParameterError("give the document as TEXT, as - for standard input, or by --file")
    try:
        if arguments.file is not None:
            text = Path(arguments.file).read_bytes().decode()
        elif arguments.text == "-":
            text = sys.stdin.buffer.read().decode()
        else:
            text = arguments.text
    except UnicodeDecodeError as error:
        where = arguments.file or "standard input"
        raise DataError(
            f"invalid UTF-8 at byte {error.start + 1}.", "Save it as UTF-8.", file=where
        ) from error
    if not text.strip():
        raise ParameterError("the document is empty")
    return str(text)


def _training_texts(arguments: argparse.Namespace, model: BaseModel) -> Sequence[str] | None:
    from labeltree.cli.reading import reading_options
    from labeltree.core.errors import DataError
    from labeltree.readers import read

    if arguments.train is None:
        return None
    options = reading_options(arguments, model)
    splits = read(arguments.train, labels=model.labels_, part="train", options=options)
    if splits.train is None or splits.train.texts is None:
        raise DataError(f"{arguments.train} holds no training texts.")
    return splits.train.texts


def _features(text: str, model: BaseModel) -> Any:
    """Return the row of features that "feature:value ..." says."""
    import numpy as np
    from scipy.sparse import csr_array

    from labeltree.core.errors import DataError
    from labeltree.run.explain import n_features

    width = n_features(model)
    try:
        pairs = [token.split(":") for token in text.split()]
        values = {int(feature): float(value) for feature, value in pairs}
    except ValueError as error:
        raise DataError(
            f"not feature:value pairs: {text.strip()[:60]!r}.", "The model was fitted on features."
        ) from error
    wrong = [feature for feature in values if not 0 <= feature < width]
    if wrong:
        raise DataError(f"the model has features 0 to {width - 1}, found {wrong[0]}.")
    columns = (np.zeros(len(values), np.int32), list(values))
    return csr_array((list(values.values()), columns), shape=(1, width))


# ---- what is shown -------------------------------------------------------------------------------


def show(explanation: AnyExplanation, n_words: int = 4) -> None:
    """Print why a model gives a label: drawn as a tree on a terminal."""
    title, lines = told(explanation, n_words)
    if sys.stdout.isatty():
        _draw(title, lines)
        return
    print(title)
    for depth, text, notes in lines:
        print(f"{'  ' * depth}> {text}")
        for note in notes:
            print(f"{'  ' * depth}    {note}")


def told(explanation: AnyExplanation, n_words: int) -> tuple[str, Iterator[Line]]:
    """Return the headline of an explanation and the lines below it."""
    from labeltree.cli import evidence, forests
    from labeltree.run.explain import Explanation
    from labeltree.run.explain_bits import BitsExplanation
    from labeltree.run.explain_embedding import EmbeddingExplanation
    from labeltree.run.explain_forest import ForestExplanation

    if isinstance(explanation, Explanation):
        return _title(explanation), _lines(explanation, n_words)
    if isinstance(explanation, ForestExplanation):
        return forests.forest_title(explanation), forests.forest_lines(explanation, n_words)
    if isinstance(explanation, EmbeddingExplanation):
        return headline(explanation), evidence.embedding_lines(explanation, n_words)
    if isinstance(explanation, BitsExplanation):
        return evidence.bits_title(explanation), evidence.bits_lines(explanation, n_words)
    return evidence.neighbour_title(explanation), evidence.neighbour_lines(explanation, n_words)


def _draw(title: str, lines: Iterator[Line]) -> None:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    top = Tree(Text(title, style="bold"))
    branches = [top]
    for depth, text, notes in lines:
        label = Text(text)
        for note in notes:
            label.append(f"\n{note}", style="dim")
        branches[depth + 1 :] = [branches[depth].add(label)]
    Console().print(top)


def _title(explanation: Explanation) -> str:
    tree = f", tree {explanation.tree + 1} of {explanation.n_trees}"
    return headline(explanation) + (tree if explanation.n_trees > 1 else "")


def _lines(explanation: Explanation, n_words: int) -> Iterator[Line]:
    """Yield a line for each step."""
    lost = explanation.fell_out
    for depth, step in enumerate(explanation.steps):
        notes = [] if step.rival is None else [_against(step, step.rival, n_words)]
        if lost is not None and lost.step == depth:
            notes.append(_lost(lost))
        yield depth, f"{step.name}  {step.score:.3f}  ({_why(step, n_words)})", notes


def _why(step: Step, n_words: int) -> str:
    if step.bias == float("inf"):
        return "all training documents here have it"
    if step.bias == float("-inf"):
        return "no training document here has it"
    return f"bias {step.bias:+.2f}; {spelled(step.words, n_words)}"


def _against(step: Step, rival: Rival, n_words: int) -> str:
    word = "over" if step.score >= rival.score else "behind"
    if abs(rival.bias) == float("inf"):
        return f"{word} {rival.name} {rival.score:.3f}"
    terms = sorted([*rival.words, ("bias", rival.bias)], key=lambda w: -abs(w[1]))
    return f"{word} {rival.name} {rival.score:.3f}: {spelled(terms, n_words)}"


def _lost(lost: FellOut) -> str:
    if lost.rank is None:
        return "the search stops here: it never was right in training"
    return (
        f"the search lost it here: rank {lost.rank} of the nodes met, {lost.kept} were followed,"
        f" the last {lost.last} ({lost.last_score:.3g} to {lost.score:.3g})"
    )
