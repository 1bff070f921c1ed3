import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402

from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.nn.batches import (  # noqa: E402
    BUCKET,
    batches,
    dense_targets,
    log_odds,
    longest_first,
    shared_out,
)

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=300).map(
    lambda n: np.array(n, np.int32)
)


@given(lengths, st.integers(1, 40), st.integers(0, 5))
def test_an_epoch_meets_each_document_once(lengths, batch_size, seed):
    found = batches(lengths, batch_size, seed, 0)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))
    assert max(map(len, found)) <= batch_size
    assert len(found) == -(-len(lengths) // batch_size)


@given(lengths, st.integers(1, 40))
def test_the_longest_come_first(lengths, batch_size):
    met = lengths[np.concatenate(longest_first(lengths, batch_size))]
    assert (np.diff(met) <= 0).all()
    assert len(met) == len(lengths)


def test_seed_and_epoch_decide_and_nothing_else():
    lengths = np.random.default_rng(0).integers(1, 99, 500)
    first, again = (batches(lengths, 8, 3, 1) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    others = batches(lengths, 8, 3, 2), batches(lengths, 8, 4, 1)
    for other in others:
        assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_batches_hold_documents_of_like_length_and_little_padding():
    lengths = np.random.default_rng(0).integers(1, 200, 10 * BUCKET * 16)
    found = batches(lengths, 16, 0, 0)
    padded = sum(len(rows) * lengths[rows].max() for rows in found)
    assert lengths.sum() / padded > 0.95
    drawn = [lengths[rows].mean() for rows in found]
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.1, "batches come in any order"


def test_documents_of_one_length_are_drawn_freely():
    found = batches(np.ones(4000, np.int32), 4, 0, 0)
    spread = [np.ptp(rows) for rows in found]
    assert np.mean(spread) > 1500, "not cut out of the data in order"


@given(lengths, st.integers(1, 9), st.integers(1, 5))
def test_processes_share_out_each_step(lengths, batch_size, n_processes):
    step = lengths.argsort()
    shares = [shared_out(step, batch_size, rank, n_processes) for rank in range(n_processes)]
    assert all(shares), "each process has something to do"
    met = [rows for share in shares for rows, weight in share if weight]
    assert sorted(np.concatenate(met).tolist()) == list(range(len(step)))
    assert max(len(rows) for share in shares for rows, _ in share) <= batch_size
    assert max(map(len, shares)) == -(-len(step) // (batch_size * n_processes))
    values = np.arange(len(step)) ** 2.0  # the mean over processes is that over all documents
    means = [sum(weight * values[rows].mean() for rows, weight in share) for share in shares]
    np.testing.assert_allclose(np.mean(means), values.mean())


def test_a_batch_holds_documents_of_like_length_also_when_several_make_a_step():
    lengths = np.random.default_rng(0).integers(1, 200, 10 * BUCKET * 16)
    parts = [rows for step in batches(lengths, 64, 0, 0) for rows, _ in shared_out(step, 16)]
    padded = sum(len(rows) * lengths[rows].max() for rows in parts)
    assert lengths.sum() / padded > 0.95


@given(st.integers(0, 9))
def test_targets_are_rows_of_the_truth(seed):
    rng = np.random.default_rng(seed)
    Y = as_csr(rng.random((12, 7)) < 0.3, "Y")
    rows = rng.permutation(12)[: rng.integers(0, 12)]
    found = dense_targets(Y, rows, torch.device("cpu"))
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), Y.toarray()[rows])


def test_only_the_rows_asked_for_are_made_dense():
    """A hundred million documents by a million labels would not fit anywhere."""
    Y = as_csr(csr_array(([1.0], ([5], [999_999])), shape=(100_000, 1_000_000)), "Y")
    found = dense_targets(Y, np.array([5, 6]), torch.device("cpu"))
    assert found.shape == (2, 1_000_000)
    assert found.nonzero().tolist() == [[0, 999_999]]


def test_log_odds_of_labels():
    Y = as_csr(csr_array(np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]], np.float32)), "Y")
    found = torch.sigmoid(log_odds(Y))
    torch.testing.assert_close(found, torch.tensor([4.5, 0.5, 1.5]) / 5)
