import time

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import bootstrap, ttest_rel

from labeltree.core.errors import DataError, ParameterError
from labeltree.core.scores import above
from labeltree.metrics import (
    document_values,
    holm,
    inverse_propensity,
    micro_f1,
    micro_r_precision,
    ndcg_at,
    paired_bootstrap,
    precision_at,
    psp_at,
    r_precision,
    recall_at,
    sample_f1,
)


def random_scores(seed, noise):
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).random((300, 40)) < 0.06
    truth[:20] = False
    S = np.where(rng.random(truth.shape) < 0.6, rng.random(truth.shape) * noise + truth, 0)
    return csr_array(np.pad(truth, ((0, 0), (0, 2))).astype(np.float32)), csr_array(S / (1 + noise))


def total(values):
    return values.mean() if values.ndim == 1 else values[:, 0].sum() / values[:, 1].sum()


def test_values_of_documents_make_up_the_metrics():
    Y, S = random_scores(0, 3)
    dense = Y.toarray()
    dense[40, 40] = 1  # outside the universe
    Y = csr_array(dense)
    q = inverse_propensity(np.arange(40), 500, n_columns=42)
    decided = above(S, 0.3)
    found = document_values(Y, S, 3, weights=q, decided=decided)
    expected = {
        "P@3": precision_at(Y, S, 3)[2],
        "R@3": recall_at(Y, S, 3)[2],
        "nDCG@3": ndcg_at(Y, S, 3)[2],
        "PSP@3": psp_at(Y, S, q, 3)[2],
        "R-Precision": r_precision(Y, S),
        "micro-R-Precision": micro_r_precision(Y, S),
        "micro-F1": micro_f1(Y, decided),
        "sample-F1": sample_f1(Y, decided),
    }
    assert {name: total(v) for name, v in found.items()} == pytest.approx(expected, abs=1e-12)
    assert expected["micro-F1"] > 0.1


def test_what_is_not_given_is_not_there():
    Y, S = random_scores(0, 3)
    assert set(document_values(Y, S, 5)) == {
        "P@5", "R@5", "nDCG@5", "R-Precision", "micro-R-Precision"
    }  # fmt: skip


def test_means_agree_with_scipys_bootstrap():
    rng = np.random.default_rng(0)
    a, b = rng.random(200), rng.random(200) - 0.05
    found = paired_bootstrap(a, b, n_resamples=4000)
    theirs = bootstrap(
        (a - b,), np.mean, n_resamples=4000, method="percentile", random_state=rng
    ).confidence_interval
    assert found.difference == pytest.approx((a - b).mean(), abs=1e-12)
    assert (found.a, found.b) == pytest.approx((a.mean(), b.mean()))
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert found.p == pytest.approx(ttest_rel(a, b).pvalue, abs=0.03)


def test_ratios_of_sums_are_resampled_as_sums():
    rng = np.random.default_rng(1)
    den = rng.integers(1, 30, 150).astype(float)
    a = np.stack((rng.random(150) * den, den), 1)
    b = np.stack((rng.random(150) * den, den[::-1]), 1)
    found = paired_bootstrap(a, b, n_resamples=3000, seed=5)
    draws = np.random.default_rng(7).integers(0, 150, (3000, 150))
    naive = [total(a[d]) - total(b[d]) for d in draws]
    assert found.difference == pytest.approx(total(a) - total(b), abs=1e-12)
    ends = np.quantile(naive, (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=0.15 * (ends[1] - ends[0]))


def test_micro_f1_of_two_systems():
    Y, good = random_scores(0, 1)
    _, poor = random_scores(1, 6)
    values = [document_values(Y, S, 1, decided=above(S, 0.4))["micro-F1"] for S in (good, poor)]
    found = paired_bootstrap(*values)
    assert found.a == pytest.approx(micro_f1(Y, above(good, 0.4)))
    assert found.p == pytest.approx(2 / 1001)
    assert 0 < found.low < found.difference < found.high
    mirrored = paired_bootstrap(*values[::-1])
    assert (mirrored.difference, mirrored.p) == (-found.difference, found.p)


def test_the_same_system_twice():
    a = np.random.default_rng(0).random(50)
    found = paired_bootstrap(a, a)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_pairing_sees_what_unpaired_spread_hides():
    a = np.random.default_rng(0).random(400) * 100
    found = paired_bootstrap(a + 0.01, a)
    assert found.p < 0.01
    assert found.low == pytest.approx(0.01)


def test_equal_systems_are_rarely_called_different():
    rng = np.random.default_rng(3)
    ps = [paired_bootstrap(*rng.random((2, 100)), n_resamples=300).p for _ in range(200)]
    assert np.mean(np.array(ps) < 0.05) < 0.12
    assert 0.35 < np.mean(ps) < 0.65


def test_the_interval_and_p_agree():
    rng = np.random.default_rng(4)
    for shift in np.linspace(0, 0.2, 30):
        found = paired_bootstrap(rng.random(80) + shift, rng.random(80), n_resamples=2000)
        if abs(found.p - 0.05) > 0.005:
            assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_a_seed_fixes_the_result_and_blocks_do_not_change_it(monkeypatch):
    a, b = np.random.default_rng(0).random((2, 90))
    first = paired_bootstrap(a, b, seed=3)
    assert paired_bootstrap(a, b, seed=3) == first
    assert paired_bootstrap(a, b, seed=4) != first
    monkeypatch.setattr("labeltree.metrics.significance.CELLS", 1000)
    assert paired_bootstrap(a, b, seed=3) == first


def test_a_thousand_samples_of_twenty_thousand_documents_are_fast():
    a, b = np.random.default_rng(0).random((2, 20_000))
    began = time.perf_counter()
    paired_bootstrap(a, b)
    assert time.perf_counter() - began < 10  # about 0.5 s on an idle machine


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0], "shape"),
        ([], [], "shape"),
        ([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]], "shape"),
        (1.0, 2.0, "shape"),
        ([1.0, np.nan], [1.0, 2.0], "NaN"),
        ([1.0, 2.0], [1.0, np.inf], "infinity"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, message):
    with pytest.raises(DataError, match=message):
        paired_bootstrap(a, b)


@pytest.mark.parametrize("wrong", [{"n_resamples": 0}, {"confidence": 1.0}, {"confidence": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ParameterError, match="n_resamples must"):
        paired_bootstrap([1.0], [1.0], **wrong)


def test_holm():
    """Holm's own steps: 0.01 * 4, 0.013 * 3 but not below that, 0.03 * 2, 0.7 * 1."""
    assert holm([0.03, 0.01, 0.7, 0.013]).tolist() == pytest.approx([0.06, 0.04, 0.7, 0.04])
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("wrong", [[1.2], [-0.1], [float("nan")], [[0.1]]])
def test_holm_wants_shares(wrong):
    with pytest.raises(DataError, match="from 0 to 1"):
        holm(wrong)
