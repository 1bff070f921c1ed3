import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import f1_score

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.metrics import macro_f1, micro_f1, sample_f1

TRUTH = from_rows([[5], [3], [4]], 6)
DECIDED = from_rows([[3], [3, 4], [1]], 6)


def test_the_worked_example():
    assert micro_f1(TRUTH, DECIDED) == pytest.approx(0.285714, abs=5e-6)
    assert macro_f1(TRUTH, DECIDED) == pytest.approx(0.111111, abs=5e-6)
    leaves = [3, 4, 5]
    assert micro_f1(TRUTH[:, leaves], DECIDED[:, leaves]) == pytest.approx(0.333333, abs=5e-6)
    assert macro_f1(TRUTH[:, leaves], DECIDED[:, leaves]) == pytest.approx(0.222222, abs=5e-6)


@pytest.mark.parametrize(
    ("ours", "average"), [(micro_f1, "micro"), (macro_f1, "macro"), (sample_f1, "samples")]
)
def test_equals_scikit_learn(ours, average):
    rng = np.random.default_rng(0)
    truth, decided = rng.random((1000, 200)) < 0.02, rng.random((1000, 200)) < 0.02
    decided |= truth & (rng.random((1000, 200)) < 0.5)
    truth[:100], decided[50:150], truth[:, :9], decided[:, 4:12] = False, False, False, False
    expected = f1_score(truth, decided, average=average, zero_division=0)
    found = ours(csr_array(truth.astype(np.float32)), csr_array(decided.astype(np.float32)))
    assert found == pytest.approx(expected, abs=1e-12)


def test_labels_outside_the_universe_are_missed():
    Y, decided = from_rows([[0, 3]], 4), from_rows([[0]], 2)
    assert micro_f1(Y, decided) == pytest.approx(2 / 3)
    assert sample_f1(Y, decided) == pytest.approx(2 / 3)
    assert macro_f1(Y, decided) == pytest.approx(1 / 4)  # of four columns one is right


@pytest.mark.parametrize("shape", [(0, 3), (3, 3)])
def test_nothing_true_and_nothing_decided_is_zero(shape):
    nothing = csr_array(shape, dtype=np.float32)
    assert (
        micro_f1(nothing, nothing) == macro_f1(nothing, nothing) == sample_f1(nothing, nothing) == 0
    )


def test_refuses_what_cannot_be_compared():
    with pytest.raises(DataError, match="shape"):
        micro_f1(TRUTH, DECIDED[:2])
