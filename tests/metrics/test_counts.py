import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import precision_recall_fscore_support

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.metrics import by_group, count, macro_f1, micro_f1

TRUTH = from_rows([[5], [3], [4]], 6)
DECIDED = from_rows([[3], [3, 4], [1]], 6)


def random_pair(seed, shape=(300, 40)):
    rng = np.random.default_rng(seed)
    truth, decided = rng.random(shape) < 0.05, rng.random(shape) < 0.05
    decided |= truth & (rng.random(shape) < 0.5)
    truth[:30], decided[10:50], truth[:, :5], decided[:, 3:8] = False, False, False, False
    return truth, decided


def csr(dense):
    return csr_array(np.asarray(dense, np.float32))


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_quality_equals_scikit_learn(average):
    truth, decided = random_pair(0)
    expected = precision_recall_fscore_support(truth, decided, average=average, zero_division=0)
    found = getattr(count(csr(truth), csr(decided)), average)()
    assert tuple(found) == pytest.approx(expected[:3], abs=1e-12)


def test_quality_of_each_label_equals_scikit_learn():
    truth, decided = random_pair(1)
    p, r, f, n = precision_recall_fscore_support(truth, decided, average=None, zero_division=0)
    found = count(csr(truth), csr(decided))
    for ours, theirs in ((found.precision, p), (found.recall, r), (found.f1, f), (found.true, n)):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    np.testing.assert_array_equal(found.errors, (truth != decided).sum(axis=0))


def test_groups_restrict_truth_and_decisions():
    truth, decided = random_pair(2)
    group = np.random.default_rng(0).integers(-1, 3, truth.shape[1])
    found = by_group(csr(truth), csr(decided), group, ("x", "y", "z"))
    assert [g.name for g in found] == ["x", "y", "z"]
    for number, g in enumerate(found):
        t, d = truth[:, group == number], decided[:, group == number]
        for average, ours in (("micro", g.micro), ("macro", g.macro)):
            expected = precision_recall_fscore_support(t, d, average=average, zero_division=0)
            assert tuple(ours) == pytest.approx(expected[:3], abs=1e-12)
        sizes = (t.shape[1], t.any(axis=1).sum(), t.sum(), d.sum())
        assert (g.n_labels, g.n_documents, g.n_true, g.n_decided) == sizes


def test_the_group_of_all_labels_is_the_whole():
    truth, decided = random_pair(3)
    Y, D = csr(truth), csr(decided)
    (g,) = by_group(Y, D, np.zeros(truth.shape[1], np.int64), ("all",))
    assert g.micro.f1 == pytest.approx(micro_f1(Y, D), abs=1e-15)
    assert g.macro.f1 == pytest.approx(macro_f1(Y, D), abs=1e-15)
    assert g.n_documents == int(truth.any(axis=1).sum())


def test_labels_outside_the_universe_are_missed():
    found = count(from_rows([[0, 3]], 4), from_rows([[0]], 2))
    assert found.true.tolist() == [1, 0, 0, 1]
    assert found.micro() == pytest.approx((1, 1 / 2, 2 / 3))
    assert found.macro() == pytest.approx((1 / 4, 1 / 4, 1 / 4))


def test_an_empty_group_is_zero():
    (g,) = by_group(TRUTH, DECIDED, np.full(6, -1), ("none",))
    assert (g.n_labels, g.n_documents, g.micro, g.macro) == (0, 0, (0, 0, 0), (0, 0, 0))
    assert by_group(from_rows([], 6), from_rows([], 6), np.zeros(6, int), ("a",))[0].n_true == 0


def test_wrong_shapes_are_refused():
    with pytest.raises(DataError, match="group numbers"):
        by_group(TRUTH, DECIDED, np.zeros(5, np.int64), ("a",))
    with pytest.raises(DataError, match="shape"):
        count(TRUTH, DECIDED[:2])
