"""`labeltree predict`: documents in, ranked labels out, line by line."""

from __future__ import annotations

import argparse
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labeltree.core.arrays import CSR
    from labeltree.core.model import BaseModel
    from labeltree.metrics.decider import Decider

SUMMARY = "rank labels for documents"
EPILOG = """FILE holds one document a line: a JSON object with "text", or plain text. For models
that take features, each line is "feature:value feature:value ...". Answers are JSON lines,
{"labels": [{"id", "name", "score"}, ...]}, one for each line read, also from a pipe.
With --threshold stored the model's own rule decides; scores then are calibrated ones."""
BLOCK = 1024
"""Lines answered together at most; whatever has arrived is answered at once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="DIR", help="a saved model")
    parser.add_argument("file", metavar="FILE", help="documents; - for standard input")
    parser.add_argument(
        "--k", type=int,
        help="labels of each document at most (5; with --threshold stored all that are decided)",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", help="write there instead of standard output")
    parser.add_argument(
        "--threshold", default="none", metavar="none|stored|NUMBER",
        help="keep only labels whose score reaches it, or by the stored rule (none)",
    )  # fmt: skip
    parser.add_argument(
        "--coverage", type=float, metavar="SHARE",
        help="one label a document or none, as specific as this share of right answers allows",
    )  # fmt: skip
    parser.add_argument("--calibrated", action="store_true", help="show probabilities as scores")
    parser.add_argument("--close", action="store_true", help="add the ancestors of kept labels")
    parser.add_argument("--quiet", action="store_true", help="no remarks")


def run(arguments: argparse.Namespace) -> None:
    """Answer every line."""
    import orjson

    from labeltree.cli.console import note
    from labeltree.core.errors import ParameterError
    from labeltree.models import load

    if arguments.k is not None and arguments.k < 1:
        raise ParameterError("--k must be 1 or more")
    model = load(arguments.model)
    scored = _answering(arguments, model)
    n_empty = 0
    with _output(arguments.out) as out:
        for lines in _blocks(arguments.file):
            documents, empty = _documents(lines, model, arguments.file)
            answers = _answers(model, scored(documents))
            n_empty += int(sum(empty))
            for answer, blank in zip(answers, empty, strict=True):
                out.write(orjson.dumps({"labels": [] if blank else answer}) + b"\n")
            out.flush()
    if n_empty:
        note(f"{n_empty} empty documents: answered without labels", arguments.quiet)


def _answering(arguments: argparse.Namespace, model: BaseModel) -> Callable[[Any], CSR]:
    """Return what turns documents into the scores to show."""
    from labeltree.core.errors import ParameterError
    from labeltree.core.scores import above, best

    word, k = arguments.threshold, arguments.k or 5
    if arguments.close and model.labels_.hierarchy is None:
        raise ParameterError("--close needs a taxonomy; the model was fitted without one")
    if arguments.coverage is not None:
        return _safely(arguments, _stored(model), model)
    if word == "stored":
        return _by_rule(arguments, _stored(model), model)
    cut = _number(word)

    def answer(documents: Any) -> CSR:
        if not arguments.calibrated:
            scores = model.predict(documents, k)
        else:  # calibrated scores may rank otherwise: the first k are found among more
            decider = _stored(model)
            scores = best(decider.calibrated(model.predict(documents, max(k, decider.k))), k)
        if cut > 0:
            scores = scores.multiply(above(scores, cut)).tocsr()
        return _closed(scores, model) if arguments.close else scores

    return answer


def _by_rule(
    arguments: argparse.Namespace, decider: Decider, model: BaseModel
) -> Callable[[Any], CSR]:
    """Return the decisions of the stored rule, with calibrated scores."""
    from labeltree.core.scores import best

    def answer(documents: Any) -> CSR:
        scores = decider.calibrated(model.predict(documents, decider.k))
        scores = scores.multiply(decider.rule.decide(scores)).tocsr()
        if decider.closed or arguments.close:
            scores = _closed(scores, model)
        return scores if arguments.k is None else best(scores, arguments.k)

    return answer


def _safely(
    arguments: argparse.Namespace, decider: Decider, model: BaseModel
) -> Callable[[Any], CSR]:
    """Return one answer a document at most, right as often as was asked for."""
    from labeltree.core.errors import ParameterError

    if arguments.threshold != "none" or arguments.calibrated or arguments.k is not None:
        raise ParameterError(
            "--coverage answers by itself: leave out --threshold, --calibrated, --k"
        )
    if decider.safe is None:
        raise ParameterError(
            "the model has no answers with a stated coverage: `labeltree decide` fits them"
        )
    decider.safe.tau(arguments.coverage)  # refuses impossible coverages before any line is read

    def answer(documents: Any) -> CSR:
        scores = model.predict(documents, decider.k)
        found = decider.answer(scores, model.labels_, arguments.coverage)
        return _closed(found, model) if arguments.close else found

    return answer


def _stored(model: BaseModel) -> Decider:
    from labeltree.core.errors import ParameterError

    decider: Decider | None = getattr(model, "decider_", None)
    if decider is None:
        raise ParameterError(
            "the model has no stored threshold: it was fitted without one;"
            " `labeltree decide` adds it"
        )
    return decider


def _number(word: str) -> float:
    from labeltree.core.errors import ParameterError

    try:
        return 0.0 if word == "none" else float(word)
    except ValueError as error:
        raise ParameterError(f"--threshold: none, stored or a number, found {word!r}") from error


def _closed(scores: CSR, model: BaseModel) -> CSR:
    """Add ancestors, each with the best score of what is below."""
    from labeltree.core.scores import with_ancestors

    hierarchy = model.labels_.hierarchy
    return scores if hierarchy is None else with_ancestors(scores, hierarchy)


def _blocks(file: str) -> Iterator[list[tuple[int, bytes]]]:
    """Yield (line number, line) pairs: all that have arrived, up to a block."""
    from labeltree.cli.reading import standard_input
    from labeltree.readers.files import lines

    source: Any = enumerate(standard_input(), start=1) if file == "-" else lines(Path(file))
    arrived: queue.Queue[Any] = queue.Queue(maxsize=4 * BLOCK)

    def receive() -> None:
        try:
            for item in source:
                arrived.put(item)
            arrived.put(None)
        except BaseException as error:
            arrived.put(error)

    threading.Thread(target=receive, daemon=True).start()
    while True:
        block, item = [], arrived.get()
        while isinstance(item, tuple):
            block.append(item)
            if len(block) == BLOCK or arrived.empty():
                break
            item = arrived.get()
        if block:
            yield block
        if isinstance(item, BaseException):
            raise item
        if item is None:
            return


def _documents(
    lines: list[tuple[int, bytes]], model: BaseModel, file: str
) -> tuple[Any, list[bool]]:
    """Return what the model takes, and which documents are empty."""
    if model.takes == "features":
        X = _features(lines, model, file)
        return X, [bool(a == b) for a, b in zip(X.indptr, X.indptr[1:], strict=False)]
    texts = [_text(number, line, file) for number, line in lines]
    return texts, [not text.strip() for text in texts]


def _features(lines: list[tuple[int, bytes]], model: BaseModel, file: str) -> CSR:
    """Return the features of "feature:value ..." lines; a label list before them is skipped."""
    import numpy as np
    from scipy.sparse import csr_array

    from labeltree.core.errors import DataError

    n_features = 2**31 - 1 if model.n_features is None else model.n_features
    rows: list[dict[int, float]] = []
    for number, line in lines:
        tokens = line.split()
        pairs = [t.split(b":") for t in tokens[1 if tokens and b":" not in tokens[0] else 0 :]]
        try:
            rows.append({int(f): float(v) for f, v in pairs})
        except ValueError as error:
            raise DataError(
                f"not feature:value pairs: {line.strip()[:60]!r}.",
                "The model was fitted on features.", file=file, line=number,
            ) from error  # fmt: skip
        if any(not 0 <= f < n_features for f in rows[-1]):
            raise DataError(
                f"the model has features 0 to {n_features - 1}, found {max(rows[-1])}.",
                file=file, line=number,
            )  # fmt: skip
    indptr = np.cumsum([0, *map(len, rows)])
    columns = [f for row in rows for f in row]
    values = [v for row in rows for v in row.values()]
    return csr_array((values, columns, indptr), shape=(len(rows), n_features))


def _text(number: int, line: bytes, file: str) -> str:
    import orjson

    from labeltree.core.errors import DataError

    try:
        line = line.strip()
        if not line.startswith(b"{"):
            return line.decode("utf-8")
        found = orjson.loads(line)
    except UnicodeDecodeError as error:
        raise DataError(
            f"invalid UTF-8 at byte {error.start}.", "Save as UTF-8.", file=file, line=number
        ) from error
    except orjson.JSONDecodeError as error:
        raise DataError(f"invalid JSON: {error}.", file=file, line=number) from error
    if not isinstance(found.get("text"), str):
        raise DataError('no "text" in the object.', file=file, line=number)
    return str(found["text"])


def _answers(model: BaseModel, scores: CSR) -> Iterator[list[dict[str, Any]]]:
    from labeltree.core.scores import ranked

    labels = model.labels_
    entry, ptr = ranked(scores)
    for start, stop in zip(ptr, ptr[1:], strict=False):
        at = entry[start:stop]
        yield [
            {"id": labels.ids[c], "name": labels.names[c], "score": round(s, 6) or s}
            for c, s in zip(scores.indices[at].tolist(), scores.data[at].tolist(), strict=True)
        ]


@contextmanager
def _output(file: str | None) -> Iterator[IO[bytes]]:
    """Open standard output, or a file that appears under its name only when complete."""
    if file is None:
        yield sys.stdout.buffer
        return
    import os
    from pathlib import Path

    target = Path(file)
    fresh = target.with_name(f".{target.name}.writing-{os.getpid()}")
    try:
        with open(fresh, "wb") as out:
            yield out
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
