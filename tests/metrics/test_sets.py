"""Rules over whole rankings against enumeration."""

from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.errors import ParameterError
from labeltree.core.scores import best, from_ranking
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics import macro_f1, micro_f1
from labeltree.metrics.sets import (
    BLOCK,
    ExpectedF1,
    MacroAtK,
    RCut,
    expected_f1,
    fit_macro_at_k,
    fit_rcut,
)


def enumerated(p):
    """Return the expected F1 of each head, over all 2^m truths."""
    total = np.zeros(len(p))
    for truth in product((0, 1), repeat=len(p)):
        chance = np.prod([q if t else 1 - q for q, t in zip(p, truth, strict=True)])
        for k in range(1, len(p) + 1):
            total[k - 1] += chance * 2 * sum(truth[:k]) / (k + sum(truth))
    return total


@pytest.mark.parametrize("m", [1, 2, 5, 9])
def test_expected_f1_equals_enumeration(m):
    p = -np.sort(-np.random.default_rng(m).random((4, m)), axis=1)
    assert expected_f1(p) == pytest.approx(np.array([enumerated(row) for row in p]), abs=1e-12)


def test_expected_f1_by_hand():
    # One label: F1 is 1 if true. Two: 2/3 (p1 + p2 - 2 p1 p2) + p1 p2 for both.
    assert expected_f1(np.array([[0.3]])) == pytest.approx(np.array([[0.3]]))
    p1, p2 = 0.8, 0.5
    both = 2 / 3 * (p1 * (1 - p2) + p2 * (1 - p1)) + p1 * p2
    first = p1 * (1 - p2) + p1 * p2 * 2 / 3
    assert expected_f1(np.array([[p1, p2]])) == pytest.approx(np.array([[first, both]]))


def test_expected_f1_decides_the_best_head():
    rng = np.random.default_rng(0)
    S = csr_array(np.where(rng.random((BLOCK + 40, 9)) < 0.8, rng.random((BLOCK + 40, 9)), 0))
    S = S.astype(np.float32)
    decided = ExpectedF1("expected F1", "v").decide(S)
    for row in range(BLOCK - 20, BLOCK + 20):
        p = -np.sort(-S[[row]].data.astype(float))
        kept = S[[row]].multiply(decided[[row]]).tocsr().data
        assert len(kept) == enumerated(p).argmax() + 1
        assert kept.min() == np.float32(p[len(kept) - 1])


def test_expected_f1_beats_a_single_threshold_for_documents_if_scores_are_probabilities():
    rng = np.random.default_rng(1)
    p = rng.beta(0.3, 2, (4000, 8)) * rng.random((4000, 1))
    Y = csr_array((rng.random(p.shape) < p).astype(np.float32))
    S = csr_array(p.astype(np.float32))
    from labeltree.metrics import fit_global_threshold, sample_f1

    one = fit_global_threshold(Y, S, "v").decide(S)
    best_sets = ExpectedF1("expected F1", "v").decide(S)
    assert sample_f1(Y, best_sets) > sample_f1(Y, one) + 0.03


def test_nothing_ranked_decides_nothing():
    S = csr_array((3, 4), dtype=np.float32)
    assert ExpectedF1("expected F1", "v").decide(S).nnz == 0
    assert fit_macro_at_k(from_rows([[1]] * 3, 4), S, "v").decide(S).nnz == 0
    assert fit_rcut(from_rows([[1]] * 3, 4), S, "v").decide(S).nnz == 0


@pytest.mark.parametrize("seed", range(4))
def test_rcut_equals_trying_every_t(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random((50, 10)) < 0.25
    scores = np.where(rng.random(truth.shape) < 0.7, rng.random(truth.shape) + truth * 0.4, 0)
    Y, S = csr_array(truth.astype(np.float32)), csr_array((scores / 1.5).astype(np.float32))
    tried = [micro_f1(Y, csr_array(best(S, t) > 0).astype(np.float32)) for t in range(1, 11)]
    found = fit_rcut(Y, S, "validation")
    assert found.t == int(np.argmax(tried)) + 1
    assert micro_f1(Y, found.decide(S)) == pytest.approx(max(tried))


def imbalanced(n, seed):
    """Calibrated scores of forty labels, most of them rare."""
    rng = np.random.default_rng(seed)
    share = 0.6 / np.arange(1, 41) ** 1.2
    p = np.clip(rng.gamma(0.15, share / 0.15, (n, 40)), 0, 0.95)
    return csr_array((rng.random(p.shape) < p).astype(np.float32)), csr_array(p.astype(np.float32))


@pytest.mark.parametrize("k", [1, 3])
def test_macro_at_k_keeps_its_budget_and_beats_the_first_k(k):
    Y, S = imbalanced(4000, 0)
    new_Y, new_S = imbalanced(4000, 1)
    found = fit_macro_at_k(Y, S, "validation", k=k)
    decided = found.decide(new_S)
    assert np.diff(decided.indptr).max() == k
    assert macro_f1(new_Y, decided) > macro_f1(new_Y, RCut(k, "", "").decide(new_S)) + 0.02


def test_macro_at_k_without_a_binding_budget_is_half_the_f1_of_each_label():
    Y, S = imbalanced(20_000, 2)
    found = fit_macro_at_k(Y, S, "validation", k=40)
    decided = found.decide(S)
    for label in range(3):  # frequent ones, where the theory is sharp
        chosen = S[:, [label]].toarray().ravel()
        lowest = chosen[decided[:, [label]].toarray().ravel() > 0].min()
        assert lowest == pytest.approx(found.f1[label] / 2, abs=0.01)


def test_the_budget_covers_most_documents_unless_given():
    Y, S = imbalanced(2000, 3)
    k = fit_macro_at_k(Y, S, "validation").k
    assert (np.diff(Y.indptr) <= k).mean() >= 0.95
    with pytest.raises(ParameterError, match="1 or more"):
        fit_macro_at_k(Y, S, "validation", k=0)


def test_a_document_is_decided_by_itself():
    Y, S = imbalanced(300, 4)
    for rule in (fit_macro_at_k(Y, S, "v"), ExpectedF1("expected F1", "v"), fit_rcut(Y, S, "v")):
        whole = rule.decide(S)
        alone = [rule.decide(S[[row]]).indices.tolist() for row in range(20)]
        assert alone == [whole[[row]].indices.tolist() for row in range(20)]


def test_rules_are_kept_in_a_model_folder(tmp_path):
    Y, S = imbalanced(300, 5)
    rules = {
        "a": fit_macro_at_k(Y, S, "v"),
        "b": ExpectedF1("expected F1", "v"),
        "c": RCut(2, "", "v"),
    }
    write_folder(tmp_path / "model", {}, rules)
    again = read_folder(tmp_path / "model")[1]
    for name, rule in rules.items():
        assert (again[name].decide(S) != rule.decide(S)).nnz == 0
        assert str(again[name]) == str(rule)


def test_scores_of_a_ranking_are_cut_by_rank():
    S = from_ranking(np.array([[2, 0, 1]], np.int32), np.array([[0.9, 0.9, 0.9]]), 3)
    assert RCut(2, "", "").decide(S).indices.tolist() == [0, 2]
    assert isinstance(fit_macro_at_k(from_rows([[2]], 3), S, "v"), MacroAtK)
