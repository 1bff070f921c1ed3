import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import graph  # noqa: E402
from toys import BagEncoder, LinearHead, ToyHead, ToyReading, documents, network  # noqa: E402

from labeltree.core.errors import ParameterError, StoreError  # noqa: E402
from labeltree.nn.network import Network, built, device_of, restored  # noqa: E402

READING = ToyReading(("a", "b"), 8)


def test_weights_go_out_and_back():
    one, other = network(seed=0), network(seed=1)
    batch = documents(6).batch(np.arange(6))
    other.load_weights(one.weights())
    torch.testing.assert_close(one.eval().answer(batch), other.eval().answer(batch), rtol=0, atol=0)
    assert all(isinstance(w, np.ndarray) for w in one.weights().values())


def test_weights_are_copies():
    net = network()
    kept = net.weights()
    before = {name: w.copy() for name, w in kept.items()}
    with torch.no_grad():
        net.head.linear.weight += 1
    assert all(np.array_equal(kept[name], before[name]) for name in kept)


def test_weights_may_be_read_only():
    """As those of a saved model are, which are mapped."""
    kept = network().weights()
    for array in kept.values():
        array.flags.writeable = False
    network(seed=1).load_weights(kept)


def test_half_precision_weights_become_single():
    net = network()
    net.head.bfloat16()
    assert net.weights()["head.linear.weight"].dtype == np.float32


def test_weights_of_another_network():
    with pytest.raises(StoreError, match="do not fit the network.*fit again"):
        network(n_labels=6).load_weights(network().weights())


def test_built_by_seed():
    def made(seed, pretrained=True):
        return built(READING, ToyHead(), graph("flat"), pretrained=pretrained, seed=seed).weights()

    one, again, other = made(3), made(3), made(4)
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)


def test_a_restored_network_answers_like_the_trained_one():
    net = built(READING, ToyHead(), graph("flat"), pretrained=True, seed=3)
    again = restored(READING, ToyHead(), graph("flat"), net.weights())
    batch = documents(6, n_words=4).batch(np.arange(6))
    torch.testing.assert_close(net.eval().answer(batch), again.answer(batch), rtol=0, atol=0)
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())


def test_training_parts_are_not_restored():
    head = ToyHead(refresh_labels=5)
    net = built(READING, head, graph("flat"), pretrained=True, seed=3)
    net.head.drop_training_parts()
    again = restored(READING, head, graph("flat"), net.weights())
    assert not [name for name in again.state_dict() if "side" in name]


def test_the_head_computes_in_single_precision():
    met = []

    class Spy(LinearHead):
        def loss(self, text, y):
            met.append((text.pooled.dtype, text.tokens.dtype, self.forward(text).dtype))
            return super().loss(text, y)

    class Half(BagEncoder):
        def forward(self, batch):
            pooled, tokens, mask = super().forward(batch)
            half = torch.nn.functional.linear(pooled, torch.eye(8))  # what autocast makes bf16
            met.append(half.dtype)
            return type(super().forward(batch))(half, tokens, mask)

    net = Network(Half(), Spy(8, 5))
    with torch.autocast("cpu", torch.bfloat16):
        net(documents(4).batch(np.arange(4)), torch.zeros(4, 5))
    assert met == [torch.bfloat16, (torch.float32,) * 3]


def test_devices():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ParameterError, match="found 'gpu'"):
        device_of("gpu")
    with pytest.raises(ParameterError, match="no device 'cuda:77' here"):
        device_of("cuda:77")
    with pytest.raises(ParameterError, match="no device 'meta'"):
        device_of("meta")
