import numpy as np
import pytest
from scipy.sparse import csr_array

torch = pytest.importorskip("torch")

from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.nn.dense import MlpEncoder, SparseLinear, StandardLinear  # noqa: E402
from labeltree.nn.documents import FeatureDocuments, SparseDocuments  # noqa: E402

ALL = np.arange(5)


@pytest.fixture
def dense():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    found = rng.normal(size=(5, 8)).astype(np.float32) * (rng.random((5, 8)) < 0.4)
    found[3] = 0
    return found


def test_sparse_and_dense_products_agree(dense):
    layer = SparseLinear(8, 3)
    found = layer(SparseDocuments(as_csr(dense, "X")).batch(ALL))
    expected = torch.from_numpy(dense) @ layer.weight + layer.bias
    torch.testing.assert_close(found, expected)
    grads = [torch.autograd.grad(z.square().sum(), layer.weight)[0] for z in (found, expected)]
    torch.testing.assert_close(*grads)


def test_weights_begin_in_keeping_with_the_length_of_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 50)) * (rng.random((400, 50)) < 0.2)
    lengths = np.sqrt(np.square(rows).sum(axis=1).mean())
    torch.manual_seed(0)
    short = SparseLinear(50, 64)(SparseDocuments(as_csr(rows / lengths, "X")).batch(np.arange(400)))
    long = SparseLinear(50, 64, 9 * lengths)(
        SparseDocuments(as_csr(9 * rows, "X")).batch(np.arange(400))
    )
    usual = torch.nn.Linear(50, 64)(torch.randn(400, 50))
    for z in (short, long):
        assert z.std().item() == pytest.approx(usual.std().item(), rel=0.15)


def test_features_are_standardised(dense):
    mean, scale = dense.mean(axis=0), 1 / (dense.std(axis=0) + 1)
    layer = StandardLinear(mean, scale, 3)
    found = layer(FeatureDocuments(csr_array(dense)).batch(ALL))
    torch.testing.assert_close(found, layer.linear(torch.from_numpy((dense - mean) * scale)))
    assert set(layer.state_dict()) == {"linear.weight", "linear.bias"}


def test_layers_are_linear_relu_dropout(dense):
    first = SparseLinear(8, 4)
    encoder = MlpEncoder(first, 4, 3, 0.5).eval()
    batch = SparseDocuments(as_csr(dense, "X")).batch(ALL)
    x = first(batch).relu()
    for linear in encoder.others:
        x = (x @ linear.weight.T + linear.bias).relu()
    text = encoder(batch)
    torch.testing.assert_close(text.pooled, x)
    torch.testing.assert_close(text.tokens[:, 0], x)
    assert text.mask.shape == (5, 1)
    assert encoder.width == 4
    assert sum(p.numel() for p in encoder.parameters()) == 8 * 4 + 4 + 2 * (4 * 4 + 4)
    assert not torch.equal(encoder.train()(batch).pooled, x)
