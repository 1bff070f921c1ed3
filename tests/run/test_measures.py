import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.scores import above
from labeltree.metrics import (
    by_frequency,
    by_level,
    by_position,
    coverage_correct_at,
    coverage_predicted_at,
    first_answers,
    frequency_bins,
    hierarchical_quality,
    inverse_propensity,
    recall_by_bin,
    reliability_by_mass,
    score_violations,
    violations,
)
from labeltree.run.measures import metrics_of
from labeltree.run.results import Settings

IDS = tuple("abcdefgh")
TREE = Hierarchy.from_edges([("a", "b"), ("a", "c"), ("b", "d"), ("e", "f")], IDS)
LABELS = Labels(IDS, counts=np.array([500, 200, 60, 30, 20, 3, 1, 0]), n_train=600, hierarchy=TREE)


def random_data(seed=0, n=80):
    rng = np.random.default_rng(seed)
    Y = csr_array((rng.random((n, 9)) < 0.3).astype(np.float32))  # one label is outside
    S = csr_array(np.where(rng.random((n, 8)) < 0.6, rng.random((n, 8)), 0).astype(np.float32))
    return Y, S


def measured(Y, S, decided, labels=LABELS, **settings):
    weights = inverse_propensity(labels.counts, labels.n_train, n_columns=Y.shape[1])
    return metrics_of(Y, S, decided, labels, weights, Settings(**settings))


def test_names_and_values_are_those_of_the_metrics():
    Y, S = random_data()
    decided = above(S, 0.5)
    found = measured(Y, S, decided)
    near, broken = hierarchical_quality(Y, decided, TREE), violations(decided, TREE)
    bins = frequency_bins(LABELS.counts, n_columns=9)
    recall = recall_by_bin(Y, S, bins, 4, 5)[:, 4]
    expected = {
        "coverage-correct@3": coverage_correct_at(Y, S, 3)[2],
        "coverage-predicted@1": coverage_predicted_at(S, 1)[0],
        "hierarchical-P": near.precision,
        "hierarchical-R": near.recall,
        "hierarchical-F1": near.f1,
        "hierarchical-sample-F1": near.sample_f1,
        "hierarchical-macro-F1": near.macro_f1,
        "violations": broken.pairs,
        "hard-violations": broken.hard,
        "violations-by-document": broken.rows,
        "violations-of-truth": violations(Y, TREE).pairs,
        "score-violations": score_violations(S, TREE),
        "ECE": reliability_by_mass(Y, S).error,
        "ECE@1": reliability_by_mass(Y, first_answers(S)).error,
        "zero-shot-R@5": recall[0],
        "tail-R@5": recall[1],
        "torso-R@5": recall[2],
        "head-R@5": recall[3],
    }
    groups = (by_level(Y, decided, TREE), by_position(Y, decided, TREE))
    for group in (*groups[0], *groups[1], *by_frequency(Y, decided, LABELS.counts)):
        name = group.name.replace(" ", "-")
        expected[f"{name}-micro-F1"] = group.micro.f1
        expected[f"{name}-macro-F1"] = group.macro.f1
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert {"level-1-micro-F1", "level-3-macro-F1", "leaf-micro-F1", "inner-micro-F1"} <= set(found)
    assert all(isinstance(v, float) and 0 <= v <= 1 for v in found.values())


def test_what_cannot_be_measured_is_absent():
    Y, S = random_data()
    whole = set(measured(Y, S, above(S, 0.5)))
    flat = replace(LABELS, hierarchy=None)
    for found, gone in (
        (measured(Y, S, None), ("F1", "hierarchical", "hard", "-by-document")),
        (measured(Y, S, above(S, 0.5), flat), ("hierarchical", "level", "leaf", "violation")),
        (measured(Y, S, None, Labels(IDS)), ("head", "tail", "zero-shot", "F1", "violation")),
        (measured(Y, csr_array(-S), None), ("ECE",)),
        (measured(Y, S, above(S, 0.5), specific=True), ("violation",)),
    ):
        assert not [n for n in found if any(word in n for word in gone)]
        assert set(found) < whole
        assert "P@1" in found


def test_bins_and_levels_without_a_true_label_are_absent():
    Y, S = from_rows([[0], [4]], 8), random_data(n=2)[1]
    found = measured(Y, S, above(S, 0.1))
    assert {n for n in found if n.endswith("R@5")} == {"R@5", "head-R@5", "tail-R@5"}
    assert not {n for n in found if n.startswith(("level-2", "level-3", "torso", "leaf"))}
    assert "level-1-micro-F1" in found


def test_the_last_cut_off_is_that_of_the_bins():
    Y, S = random_data()
    assert "tail-R@2" in measured(Y, S, None, ks=(1, 2))


def test_every_metric_is_explained():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf8")
    Y, S = random_data()
    for name in measured(Y, S, above(S, 0.5)):
        base = name.partition("@")[0]
        group = base.partition("-")[0]
        if group in ("head", "torso", "tail", "zero", "leaf", "inner", "level"):
            base = group + "-"
        assert f"`{base}" in page, name


def test_nothing_is_ever_dense():
    n, n_labels = 5000, 200_000  # dense, one byte a cell would be 1 GB
    rng = np.random.default_rng(0)
    rows = [sorted(set(r)) for r in rng.integers(0, n_labels, (n, 5)).tolist()]
    Y = from_rows(rows, n_labels)
    S = from_rows([sorted({*r, *rng.integers(0, n_labels, 20).tolist()}) for r in rows], n_labels)
    S.data[:] = rng.random(S.nnz)
    labels = replace(Labels.numbered(n_labels), counts=rng.integers(0, 9, n_labels), n_train=99)
    weights = inverse_propensity(labels.counts, 99)
    tracemalloc.start()
    found = metrics_of(Y, S, above(S, 0.9), labels, weights, Settings())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["R@5"] > 0.1
    assert peak < 200e6
