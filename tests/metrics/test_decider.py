"""Calibration, rule, closure and safe answers together."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.cli import decisions as flags
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics import CALIBRATORS, RULES, Decider, GlobalThreshold, fit_decider
from labeltree.metrics import decider as module

TREE = Hierarchy.from_edges([(f"p{i // 4}", f"c{i}") for i in range(12)])
CASES = [
    (rule, calibrate)
    for rule in RULES
    for calibrate in CALIBRATORS
    if calibrate != "none" or rule not in module.NEED_PROBABILITIES
]


def drawn(n=300, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.zeros((n, 15))
    child = rng.integers(3, 15, (n, 2))
    np.put_along_axis(truth, child, 1, axis=1)
    Y = TREE.close(csr_array(truth.astype(np.float32)))
    noise = rng.random((n, 15))
    S = csr_array(np.where(noise < 0.8, 0.6 * noise + 0.3 * Y.toarray(), 0).astype(np.float32))
    labels = Labels(TREE.label_ids, hierarchy=TREE).counted(Y)
    return Y, S, labels


@pytest.mark.parametrize(("rule", "calibrate"), CASES)
def test_closed_decisions_have_no_violation(rule, calibrate):
    Y, S, labels = drawn()
    found = fit_decider(Y[:200], S[:200], labels, "validation", rule=rule, calibrate=calibrate)
    decided = found.decide(S[200:], labels)
    assert found.closed
    assert decided.nnz
    assert TREE.is_closed(decided)
    assert set(decided.data) == {1.0}


@pytest.mark.parametrize(("rule", "calibrate"), CASES)
def test_what_is_stored_decides_the_same(rule, calibrate, tmp_path):
    Y, S, labels = drawn()
    found = fit_decider(Y, S, labels, "validation", rule=rule, calibrate=calibrate, k=15)
    write_folder(tmp_path / "model", {}, {"decider": found})
    again = read_folder(tmp_path / "model")[1]["decider"]
    assert (again.decide(S, labels) != found.decide(S, labels)).nnz == 0
    assert (again.answer(S, labels, 0.9) != found.answer(S, labels, 0.9)).nnz == 0
    assert (again.k, again.closed, str(again)) == (15, True, str(found))
    assert again.rule.fitted_on == "validation"


def test_explicit_label_sets_are_not_closed():
    Y, S, labels = drawn()
    lowest = TREE.most_specific(Y)
    found = fit_decider(lowest, S, labels.counted(lowest), "validation")
    assert not found.closed
    assert "ancestors" not in str(found)


def test_new_truth_changes_nothing_once_fitted():
    Y, S, labels = drawn()
    before = fit_decider(Y[:200], S[:200], labels, "v").decide(S[200:], labels)
    shuffled = csr_array(np.random.default_rng(0).permuted(Y.toarray()[200:], axis=1))
    assert shuffled.shape == before.shape
    after = fit_decider(Y[:200], S[:200], labels, "v").decide(S[200:], labels)
    assert (before != after).nnz == 0


def test_safe_answers_use_the_scores_of_the_model():
    Y, S, labels = drawn()
    plain = fit_decider(Y, S, labels, "v", calibrate="none")
    platt = fit_decider(Y, S, labels, "v", calibrate="platt")
    assert (plain.safe.errors == platt.safe.errors).all()
    assert (plain.answer(S, labels, 0.8) != platt.answer(S, labels, 0.8)).nnz == 0


def test_one_label_and_no_hierarchy():
    rng = np.random.default_rng(0)
    S = csr_array(rng.random((40, 1)).astype(np.float32))
    Y = csr_array((S.toarray() > 0.5).astype(np.float32))
    for rule, calibrate in CASES:
        found = fit_decider(
            Y, S, Labels.numbered(1).counted(Y), "v", rule=rule, calibrate=calibrate
        )
        assert found.decide(S, Labels.numbered(1)).shape == (40, 1)


@pytest.mark.parametrize(
    ("rule", "calibrate", "message"),
    [
        ("best", "platt", "no rule is called 'best'"),
        ("global", "beta", "no calibration is called 'beta'"),
        ("expected_f1", "none", "needs probabilities"),
        ("macro_at_k", "none", "needs probabilities"),
    ],
)
def test_names_that_make_no_sense(rule, calibrate, message):
    Y, S, labels = drawn(30)
    with pytest.raises(ParameterError, match=message):
        fit_decider(Y, S, labels, "v", rule=rule, calibrate=calibrate)


def test_no_documents_are_refused():
    Y, S, labels = drawn(30)
    with pytest.raises(DataError, match="no documents"):
        fit_decider(Y[:0], S[:0], labels, "v")


def test_a_bare_threshold_has_no_safe_answers():
    bare = Decider(GlobalThreshold(0.5, "given", "", float("nan")))
    _, S, labels = drawn(30)
    with pytest.raises(ParameterError, match="no safe answers"):
        bare.answer(S, labels, 0.9)
    assert (bare.decide(S, labels).toarray() == (S.toarray() >= 0.5)).all()


def test_the_command_line_knows_the_same_names():
    assert tuple(RULES) == flags.RULES
    assert tuple(CALIBRATORS) == flags.CALIBRATIONS
    assert (module.DEFAULT_RULE, module.DEFAULT_CALIBRATOR) == ("global", "both")
