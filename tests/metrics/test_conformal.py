"""Backing off along ancestors, and the coverage it promises."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics.conformal import (
    SafeAnswers,
    answers,
    fit_safe_answers,
    is_right,
    paths,
)

# a > b, c; b > d; x is another branch; d hangs below x too.
DAG = Hierarchy.from_edges([("a", "b"), ("a", "c"), ("b", "d"), ("x", "d")], list("abcdx"))
LABELS = Labels(tuple("abcdx"), hierarchy=DAG)


def scores(*rows):
    return csr_array(np.array(rows, np.float32))


def walk(row):
    """Return the path of one document as [(label, score)], by plain Python."""
    parents = {"d": ["b", "x"], "b": ["a"], "c": ["a"], "a": [], "x": []}
    own = dict(zip("abcdx", row, strict=True))
    found = dict(own)
    for child in "dbc":
        for parent in parents[child]:
            found[parent] = max(found[parent], found[child])
    below = {"a": "bcd", "b": "d", "x": "d", "c": "", "d": ""}
    worth = {v: found[v] * (1 - max([found[u] for u in below[v]], default=0)) for v in "abcdx"}
    label, path = max("abcdx", key=lambda v: worth[v]), []
    while label:
        path.append(label)
        label = max(parents[label], key=lambda v: own[v], default=None)
    return path


@pytest.mark.parametrize("seed", range(30))
def test_paths_equal_plain_python(seed):
    row = np.random.default_rng(seed).random(5).round(3)
    path = paths(scores(row), LABELS)
    names = ["abcdx"[v] for v in path.label[0] if v >= 0]
    assert names == walk(row)
    assert (np.diff(path.score[0][: len(names)]) >= 0).all()


def test_the_highest_scored_parent_comes_next():
    sure = paths(scores((0.95, 0.9, 0, 0.9, 0.99), (0.99, 0.98, 0, 0.9, 0.91)), LABELS)
    assert sure.label.tolist() == [[3, 4, -1], [3, 1, 0]]


def test_meta_labels_are_seen_through():
    hierarchy = Hierarchy.from_edges([("a", "meta"), ("meta", "b")], ["a", "b"])
    path = paths(scores((0.5, 0.9)), Labels(("a", "b"), hierarchy=hierarchy))
    assert path.label.tolist() == [[1, 0]]


def test_answers_back_off_until_the_score_exceeds_tau():
    path = paths(scores((0.9, 0.6, 0, 0.59, 0)), LABELS)
    deepest = path.label[0, 0]
    taus = (0.0, float(path.score[0, 0]), 0.95)
    given = [answers(path, tau, 5).indices.tolist() for tau in taus]
    assert given[0] == [deepest]
    assert given[1] == [path.label[0, 1]]
    assert given[2] == []


def test_a_right_answer_is_true_or_above_a_true_label():
    path = paths(scores((0.95, 0.9, 0, 0.85, 0), (0.95, 0.9, 0, 0.85, 0)), LABELS)
    assert path.label.tolist() == [[3, 1, 0], [3, 1, 0]] or path.label[0, 1] == 4
    right = is_right(from_rows([[2], [3]], 5), path, LABELS)
    assert right[1][path.label[1] >= 0].all()
    assert right[0].tolist()[-1] == (path.label[0, -1] == 0)
    assert not right[0, 0]


def test_errors_are_the_highest_scores_of_wrong_answers():
    S = scores((0.95, 0.9, 0, 0.85, 0))
    path = paths(S, LABELS)
    for truth in ([2], [3], [], [4]):
        Y = from_rows([truth], 5)
        right = is_right(Y, path, LABELS)[0]
        wrong = [
            s
            for s, r, v in zip(path.score[0], right, path.label[0], strict=True)
            if v >= 0 and not r
        ]
        assert fit_safe_answers(Y, S, LABELS, "v").errors == pytest.approx([max(wrong, default=0)])


def test_tau_is_the_quantile_with_one_more_document():
    found = SafeAnswers(np.linspace(0.1, 0.9, 9, dtype=np.float32), "v")
    assert found.tau(0.9) == pytest.approx(0.9)  # the 9th of 9: ceil(10 * 0.9)
    assert found.tau(0.5) == pytest.approx(0.5)
    assert found.tau(0.91) == np.inf  # ten would be needed
    assert SafeAnswers(np.zeros(0, np.float32), "v").tau(0.5) == np.inf


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1, 2, float("nan")])
def test_impossible_coverages_are_refused(coverage):
    with pytest.raises(ParameterError, match="between 0 and 1"):
        SafeAnswers(np.zeros(5, np.float32), "v").tau(coverage)


def drawn(n, seed):
    """Documents of a tree of depth 3; scores are noisy, so that deep answers are often wrong."""
    rng = np.random.default_rng(seed)
    hierarchy = Hierarchy.from_edges(
        [(f"p{i}", f"p{i}{j}") for i in range(4) for j in range(4)],
        [f"p{i}" for i in range(4)] + [f"p{i}{j}" for i in range(4) for j in range(4)],
    )
    leaf = rng.integers(0, 16, n)
    noise = rng.gumbel(size=(n, 16)) * 0.9
    noise[np.arange(n), leaf] += 2
    noise[np.arange(n)[:, None], 4 * (leaf // 4)[:, None] + np.arange(4)] += 1
    p = np.exp(noise) / np.exp(noise).sum(axis=1, keepdims=True)
    S = csr_array(np.hstack([p.reshape(n, 4, 4).sum(axis=2), p]).astype(np.float32))
    Y = from_rows([[4 + v] for v in leaf.tolist()], 20)
    return Y, S, Labels(hierarchy.label_ids, hierarchy=hierarchy)


@pytest.mark.parametrize("coverage", [0.75, 0.8, 0.9, 0.95])
def test_coverage_holds_on_average_over_validations(coverage):
    reached, depth = [], []
    for seed in range(20):
        Y, S, labels = drawn(3000, seed)
        found = fit_safe_answers(Y[:1000], S[:1000], labels, "validation")
        given = found.answer(S[1000:], labels, coverage)
        closed = labels.hierarchy.close(Y[1000:])
        wrong = given.nnz - (given > 0).multiply(closed).sum()
        reached.append(1 - wrong / 2000)
        depth.append((given.indices >= 4).mean())
    assert np.mean(reached) == pytest.approx(coverage, abs=0.006)
    assert 0.05 < np.mean(depth) < 0.99


def test_more_coverage_means_shallower_answers():
    Y, S, labels = drawn(2000, 0)
    found = fit_safe_answers(Y, S, labels, "validation")
    depth = [(1 + (found.answer(S, labels, c).indices >= 4)).sum() for c in (0.6, 0.8, 0.9, 0.99)]
    assert depth == sorted(depth, reverse=True)
    assert len(set(depth)) == 4


def test_without_a_hierarchy_it_answers_the_first_label_or_nothing():
    S = scores((0.2, 0.9), (0.4, 0.3), (0, 0))
    flat = Labels.numbered(2)
    found = fit_safe_answers(from_rows([[1], [1], [0]], 2), S, flat, "validation")
    assert found.errors == pytest.approx([0, 0, 0.4])
    given = answers(paths(S, flat), 0.4, 2)
    assert given.toarray() == pytest.approx(np.array([[0, 0.9], [0, 0], [0, 0]]))


def test_no_documents_and_nothing_ranked():
    nothing = csr_array((0, 5), dtype=np.float32)
    assert paths(nothing, LABELS).label.shape == (0, 1)
    assert fit_safe_answers(nothing, nothing, LABELS, "v").tau(0.5) == np.inf
    empty = csr_array((2, 5), dtype=np.float32)
    assert SafeAnswers(np.zeros(9, np.float32), "v").answer(empty, LABELS, 0.5).nnz == 0


def test_a_hierarchy_of_other_labels_is_refused():
    with pytest.raises(DataError, match="3 columns, the hierarchy 5"):
        paths(scores((0.1, 0.2, 0.3)), LABELS)


def test_safe_answers_are_kept_in_a_model_folder(tmp_path):
    found = SafeAnswers(np.array([0.1, 0.2], np.float32), "validation")
    write_folder(tmp_path / "model", {}, {"safe": found})
    again = read_folder(tmp_path / "model")[1]["safe"]
    assert (again.errors == found.errors).all()
