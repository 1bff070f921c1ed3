"""Any head stands on any encoder: it takes the width from there (GloVe, MiniLM, BERT)."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch_geometric")

from graphs import graph  # noqa: E402

from labeltree import models  # noqa: E402
from labeltree.models.himtl import Himtl  # noqa: E402
from labeltree.nn.fusion import TextFeatures  # noqa: E402
from labeltree.nn.model import NeuralModel  # noqa: E402

N_TEXTS, N_TOKENS = 3, 5
PRESETS = [n for n in models.names() if issubclass(models.find(n), NeuralModel)]
HEADS = {name: models.find(name)().head() for name in PRESETS} | {
    f"himtl, {layout}": Himtl(layout=layout).head() for layout in ("masking", "routing")
}


def texts(width):
    made = torch.Generator().manual_seed(0)
    tokens = torch.randn(N_TEXTS, N_TOKENS, width, generator=made)
    return TextFeatures(tokens.mean(1), tokens, torch.ones(N_TEXTS, N_TOKENS, dtype=torch.bool))


def test_all_presets_are_here():
    assert {"flat", "c_hmcnn", "hmcn", "hiagm", "gat", "himatch", "hitin", "himtl"} <= {*PRESETS}


@pytest.mark.parametrize("width", [300, 384, 768])
@pytest.mark.parametrize("name", HEADS)
def test_any_head_on_any_width(name, width):
    g, text = graph("tree"), texts(width)
    network = HEADS[name].build(g, width)
    if HEADS[name].refresh_labels:
        network.see_labels(torch.randn(g.n_labels, width))
    y = torch.zeros(N_TEXTS, g.n_labels)
    y[:, 0] = 1
    network.loss(text, y).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
    with torch.no_grad():
        assert network.eval().answer(text).shape == (N_TEXTS, g.n_labels)
