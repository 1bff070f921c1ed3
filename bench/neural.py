"""Networks that know the hierarchy, wrapped and not, beside linear trees on the same documents.

neural.py [--data a,b] [--mode frozen|tuned] [--models x,y] [--layouts x,y] [--seeds 3]
neural.py --trial '{"width": 32}' --data a --models x    how fields were chosen: on validation

Each cell (mode, data, model, layout, seed) in a process of its own; cells already in bench/results
are not run again. Training stops by, and decisions are fitted on, the validation part (or a tenth
of train, the same for all models and seeds); test chooses nothing. Vectors of frozen encoders are
computed before all cells, and read from the disk by each. Decided labels are kept in bench/work,
where neural_compare.py finds them. Trials are printed, not recorded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import WORK, apart, data_root, is_measured, peak_mb, record_apart

from labeltree.core.params import Params
from labeltree.core.tree import LabelTree
from labeltree.grow import Given

BENCH = "neural"
KEPT = WORK / "neural"
FIRST = {"arxiv_subjects": (10_000, 2_000)}
"""Data sets of which the first training documents, and the first others, are used."""
SPLITS = ("train", "val", "test")
WRAPPED = ("flat", "c_hmcnn", "hiagm", "hitin")
LAYOUTS = ("none", "masking", "projection")
LINEAR = ("parabel", "one_vs_rest")
GRID = [
    *((model, "none") for model in LINEAR),
    *((model, layout) for model in WRAPPED for layout in LAYOUTS),
    *((model, "none") for model in ("gat", "himatch", "hmcn")),
]
CONTROLS = [
    *(("one_vs_rest", layout) for layout in ("logistic", "tokens", "vectors")), ("flat", "words"),
]  # fmt: skip
"""Is it the heads that lose, or what they read? Linear models with the networks' loss, on TF-IDF of
the tokens that the encoder reads, and on its vectors; a network on TF-IDF."""
STRUCTURE = [
    ("flat", "random"), ("flat", "routing"), ("hiagm", "random"), ("hiagm", "shuffled"),
    ("hiagm", "star"), ("hitin", "shuffled"), ("hitin", "star"),
]  # fmt: skip
"""Is it the hierarchy? Heads for random groups of labels instead of branches, one head whose
gradients are routed by branches, labels dealt out anew to the hierarchy's nodes, no hierarchy."""
WITHOUT = {
    "no_match": {"match": 0.0}, "no_joint": {"joint": 0.0},
    "no_labels": {"match": 0.0, "joint": 0.0},
}  # fmt: skip
"""What is left out of himatch: the ranking of labels, the distance to gold ones, both."""
MATCHING = [("himatch", layout) for layout in ("shuffled", *WITHOUT)]
CELLS = GRID + CONTROLS + STRUCTURE + MATCHING
LOGISTIC = {"C": 50.0}
"""Of 1, 10 and 50 the best on validation documents of reuters21578."""
SETTINGS: dict[str, dict[str, Any]] = {
    "frozen": {
        "encoder__frozen": True, "encoder__frozen_precision": "bf16", "epochs": 60, "patience": 5,
        "batch_size": 128, "head_lr": 3e-3,
    },
    "tuned": {"epochs": 8, "patience": 2, "batch_size": 32, "head_lr": 3e-3, "precision": "bf16"},
}  # fmt: skip
FITTED = {"flat": {"layers": 1}, "c_hmcnn": {"layers": 1}} | {
    model: {"width": 32} for model in ("hiagm", "gat", "himatch")
} | {"hitin": {"width": 128, "init": "scalar"}}  # fmt: skip
"""Fields of heads on frozen vectors, wrapped or not: a hidden layer where there would be none, and
nodes' features that a processor has time for. Chosen on validation documents. HiTIN answers from
one sum over all nodes, to which 32 numbers are too few; its full leaves take twice the time."""
EPOCHS = {model: 12 for model in ("hiagm", "hitin", "gat", "himatch")}
"""Times that these heads meet each frozen vector; a processor has no time for more."""
SHOWN = (
    "micro-F1", "macro-F1", "hierarchical-F1", "P@1", "P@3", "P@5", "R-Precision", "violations",
    "score-violations",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="reuters21578,arxiv_subjects")
    parser.add_argument("--mode", default="frozen", choices=list(SETTINGS))
    parser.add_argument("--models", default=",".join(dict.fromkeys(m for m, _ in CELLS)))
    parser.add_argument("--layouts", default=",".join(dict.fromkeys(layout for _, layout in CELLS)))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trial", help="fields to try, as JSON")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        cell = json.loads(arguments.cell)
        print(json.dumps(embedded(cell["vectors"]) if "vectors" in cell else measured(**cell)))
        return
    models, layouts = arguments.models.split(","), arguments.layouts.split(",")
    if arguments.trial:
        tried(arguments.mode, arguments.data, models[0], layouts[0], json.loads(arguments.trial))
        return
    for data in arguments.data.split(","):
        cells = [
            {"mode": arguments.mode, "data": data, "model": m, "layout": layout, "seed": seed}
            for seed in range(arguments.seeds) for m, layout in CELLS
            if m in models and layout in layouts
        ]  # fmt: skip
        missing = [cell for cell in cells if not is_measured(BENCH, **cell)]
        if missing and arguments.mode == "frozen":  # so that no cell pays for the vectors
            apart(__file__, {"vectors": data})
        for cell in missing:
            record_apart(BENCH, __file__, cell)


def measured(mode: str, data: str, model: str, layout: str, seed: int) -> dict[str, Any]:
    """Fit, decide and measure; keep truth and decisions."""
    from scipy.sparse import save_npz

    from labeltree.nn.model import NeuralModel
    from labeltree.run.evaluate import examine
    from labeltree.run.results import Settings
    from labeltree.run.train import train

    splits = documents(data)
    if layout in READ:
        splits = reread(splits, layout)
    fitted = made(mode, model, layout, seed)
    began, began_cpu = time.perf_counter(), time.process_time()
    train(fitted, splits, seed=seed)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    every = examine(fitted, splits.test)
    specific = examine(fitted, splits.test, Settings(specific=True)).report.metrics
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, matrix in (("truth", every.Y), ("decided", every.decided)):
        save_npz(kept(mode, data, model, layout, seed, name), matrix)
    shown = {m: round(every.report.metrics[m], 6) for m in SHOWN if m in every.report.metrics}
    ranks = {f"specific {m}": round(v, 6) for m, v in specific.items() if m in SHOWN}
    if isinstance(fitted, NeuralModel):
        shown |= {"n_epochs": len(fitted.history_.loss), "head_ms": head_ms(fitted, splits.train.Y)}
    return {
        "n_train": len(splits.train), "n_test": len(splits.test), "closed": splits.train.closed,
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "seconds": round(seconds, 1), "cpu_s": round(cpu_s, 1), "peak_mb": peak_mb(),
        "docs_per_s": round(every.report.documents_per_second),
        **shown, **ranks,
    }  # fmt: skip


def tried(mode: str, data: str, model: str, layout: str, fields: dict[str, Any]) -> None:
    """Print micro-F1 of a model with other fields on validation documents, one seed."""
    from labeltree.run.evaluate import examine
    from labeltree.run.train import train

    splits, fitted = documents(data), made(mode, model, layout, 0)
    train(fitted.set_params(**fields), splits, seed=0)
    found = examine(fitted, splits.val).report.metrics["micro-F1"]
    print(f"{data}, {model}, {layout}, {fields}: {100 * found:.2f} micro-F1 on validation")


def documents(data: str) -> Any:
    """Return the splits, or the first documents of them."""
    from labeltree.readers import read
    from labeltree.run.train import HELD_OUT

    splits = read(data_root() / data)
    if splits.val is None:
        train, val = splits.train.split(HELD_OUT, 0)
        splits = replace(splits, train=train, val=val)
    if data not in FIRST:
        return splits
    n_train, n_others = FIRST[data]
    val, test = (part.subset(range(n_others)) for part in (splits.val, splits.test))
    return replace(splits, train=splits.train.subset(range(n_train)), val=val, test=test)


def embedded(data: str) -> dict[str, Any]:
    """Let the frozen encoder read all documents; its vectors stay on the disk."""
    splits = reread(documents(data), "vectors")
    return {"n": sum(len(getattr(splits, name)) for name in SPLITS)}


def reread(splits: Any, layout: str) -> Any:
    """Return the splits as the frozen encoder leaves them: cut texts, or vectors in their place."""
    reading = made("frozen", "flat", "none", 0).encoder.prepare(splits.train.texts, 0)
    read = READ[layout](reading)
    return replace(splits, **{name: read(getattr(splits, name)) for name in SPLITS})


def vectors(reading: Any) -> Callable[[Any], Any]:
    """Return what puts vectors in place of texts."""
    import torch
    from scipy.sparse import csr_array

    from labeltree.nn.documents import Run

    encoder, run = reading.module(True, 0), Run(torch.device("cpu"))

    def read(part: Any) -> Any:
        found = encoder.ready(reading.read(part.texts), run).vectors
        return replace(part, X=csr_array(found), texts=None)

    return read


def tokens(reading: Any) -> Callable[[Any], Any]:
    """Return what ends texts where the encoder stops reading."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(reading.tokenizer)
    tokenizer.enable_truncation(reading.max_length)

    def read(part: Any) -> Any:
        ends = [max(end for _, end in t.offsets) for t in tokenizer.encode_batch(list(part.texts))]
        return replace(part, texts=[text[:end] for text, end in zip(part.texts, ends, strict=True)])

    return read


READ = {"vectors": vectors, "tokens": tokens}


def made(mode: str, model: str, layout: str, seed: int) -> Any:
    """Return the model to fit; a layout wraps its head, or is a control."""
    from labeltree.grow import Star
    from labeltree.linear.solver import Logistic
    from labeltree.models import find
    from labeltree.nn.encoders import TfidfMlp

    if model in LINEAR:
        linear = find(model)().set_params(seed=seed)
        if layout == "logistic":
            linear.set_params(solver=Logistic(**LOGISTIC))
        return linear if layout == "vectors" else find("pipeline")(model=linear)
    preset, fields = find(model)(), dict(SETTINGS[mode])
    if layout == "words":
        fields = {f: v for f, v in fields.items() if not f.startswith("encoder")}
        return preset.set_params(seed=seed, encoder=TfidfMlp(), **fields)
    if mode == "frozen":
        preset.set_params(**FITTED.get(model, {}))
        fields["epochs"] = EPOCHS.get(model, fields["epochs"])
    if layout in WITHOUT:
        preset.set_params(**WITHOUT[layout])
    elif layout in ("shuffled", "star"):
        fields["tree"] = Star() if layout == "star" else Shuffled(seed)
    elif layout == "random":
        preset = find("himtl")(base=preset.head(), split="random")
    elif layout != "none":
        preset = find("himtl")(base=preset.head(), layout=layout)
    return preset.set_params(seed=seed, **fields)


@dataclass
class Shuffled(Params):
    """The given hierarchy, its labels dealt out anew to its nodes."""

    order: int = 0
    """Seed of the deal."""

    def build(self, X: Any, Y: Any, labels: Any, *, seed: int, pool: Any) -> LabelTree:
        """Return the tree."""
        tree = Given().build(X, Y, labels, seed=seed, pool=pool)
        dealt = np.append(np.random.default_rng(self.order).permutation(Y.shape[1]), -1)
        return LabelTree.from_parents(tree.parent, dealt[tree.label])


def head_ms(fitted: Any, Y: Any, n_steps: int = 21) -> float:
    """Return processor milliseconds of a head's training step with 32 documents."""
    import torch

    from labeltree.nn.batches import dense_targets
    from labeltree.nn.network import built
    from labeltree.nn.text_encoder import without_tokens

    network = built(fitted.reading_, fitted.head(), fitted.graph_, pretrained=False, seed=0).train()
    head, width, rows = network.head, network.encoder.width, np.arange(32)
    head.see_labels(torch.randn(Y.shape[1], width))
    text, y = without_tokens(torch.randn(32, width)), dense_targets(Y, rows, network.device)
    seconds = []
    for _ in range(n_steps):
        began = time.process_time()
        head.loss(text, y).backward()
        seconds.append(time.process_time() - began)
    return round(1000 * statistics.median(seconds), 2)


def kept(mode: str, data: str, model: str, layout: str, seed: int, what: str) -> Path:
    return KEPT / f"{mode} {data} {model} {layout} {seed} {what}.npz"


if __name__ == "__main__":
    main()
