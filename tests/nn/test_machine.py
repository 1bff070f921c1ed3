"""What a network is trained with, on machines that are not here."""

from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from toys import RECIPE  # noqa: E402

from labeltree.core.errors import ParameterError  # noqa: E402
from labeltree.nn.machine import WAIT, _precision, accelerator_for, own_accelerate  # noqa: E402


def cards(monkeypatch, *, native):
    """Stand in for two graphics cards: which of them compute in bf16 themselves."""
    current = [0]

    @contextmanager
    def device(found):
        before, current[0] = current[0], found.index or 0
        yield
        current[0] = before

    def supported(including_emulation=True):
        return including_emulation or native[current[0]]

    monkeypatch.setattr("torch.cuda.device", device)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", supported)


def test_auto_is_bf16_where_the_card_itself_has_it(monkeypatch):
    cards(monkeypatch, native=[True, False])
    found = [_precision("auto", torch.device(name)) for name in ("cuda", "cuda:0", "cuda:1")]
    assert found == ["bf16", "bf16", "no"]
    assert _precision("bf16", torch.device("cuda:1")) == "bf16", "asked for, it is emulated"
    assert _precision("auto", torch.device("cpu")) == "no"
    assert _precision("auto", torch.device("mps")) == "no"
    with pytest.raises(ParameterError, match="fp16 needs a graphics card"):
        _precision("fp16", torch.device("cpu"))


def test_processes_wait_longer_for_one_another_than_embedding_takes():
    with own_accelerate():
        told = accelerator_for(RECIPE).init_handler.to_kwargs()
    assert told == {"timeout": WAIT}
    assert WAIT.total_seconds() > 12 * 3600
