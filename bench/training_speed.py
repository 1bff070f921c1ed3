"""What does the training loop cost? Documents a second, beside a bare PyTorch loop.

training_speed.py [--encoder NAME|FOLDER|part] [--documents 640] [--repeat 5] [--device auto]
Both loops train the same network on the same batches with the same optimizer, in turns; the bare
one does nothing else: no progress, no look at the loss. Batches are made by ours in both.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from common import record

from labeltree.cli.fields import configured, pairs
from labeltree.core.arrays import as_csr
from labeltree.core.hierarchy import Hierarchy
from labeltree.models.flat import Flat
from labeltree.nn.answers import Order
from labeltree.nn.batches import TrainingData, batches, dense_targets
from labeltree.nn.graph import LabelGraph
from labeltree.nn.machine import parameter_groups
from labeltree.nn.network import Network, built, device_of
from labeltree.nn.randomness import seeded
from labeltree.nn.recipe import Recipe
from labeltree.nn.train import train

BENCH = "training_speed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="")
    parser.add_argument("--documents", type=int, default=640)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    settings = [("epochs", "1"), ("precision", "fp32"), ("device", options.device)]
    if options.encoder:
        settings += pairs(["--encoder", options.encoder])
    model = configured(Flat(), settings)
    texts, Y = corpus(options.documents, options.labels, options.words)
    reading = model.encoder.prepare(texts, 0)
    data = TrainingData(reading.read(texts), Y)
    graph = LabelGraph.of(Hierarchy.from_edges((), [str(i) for i in range(options.labels)]), Y)
    order = Order.of(graph, np.ones(options.labels, bool))
    recipe, seconds = model.recipe(), {"ours": [], "bare": []}
    for turn in range(options.repeat + 1):
        for name in seconds:
            network = built(reading, model.head(), graph, pretrained=True, seed=0)
            began = time.perf_counter()
            if name == "ours":
                train(network, data, None, recipe, order=order)
            else:
                bare(network, data, recipe)
            if turn:  # the first one warms up
                seconds[name].append(time.perf_counter() - began)
    ours, theirs = (statistics.median(seconds[name]) for name in ("ours", "bare"))
    record(
        BENCH, encoder=options.encoder or "default", device=str(device_of(options.device)),
        documents=options.documents, batch_size=recipe.batch_size, repeat=options.repeat,
        ours=round(options.documents / ours, 1), bare=round(options.documents / theirs, 1),
        ratio=round(theirs / ours, 3),
    )  # fmt: skip


def corpus(n: int, n_labels: int, n_words: int) -> tuple[list[str], object]:
    """Return random texts of some length and labels."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(3000)]
    lengths = rng.integers(n_words // 2, n_words * 3 // 2, n)
    texts = [" ".join(words[i] for i in rng.integers(0, 3000, length)) for length in lengths]
    return texts, as_csr(rng.random((n, n_labels)) < 3 / n_labels, "Y")


def bare(network: Network, data: TrainingData, recipe: Recipe) -> None:
    """Train as anybody would write it down."""
    device = device_of(recipe.device)
    network.to(device).train()
    plan = batches(data.documents.lengths, recipe.batch_size, recipe.seed, 0)
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe), fused=True)
    with seeded(recipe.seed, device):
        for step, rows in enumerate(plan):
            batch = data.documents.batch(rows).to(device)
            loss = network(batch, dense_targets(data.Y, rows, device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * recipe.rate(step, len(plan))
            optimizer.step()
            optimizer.zero_grad()
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
