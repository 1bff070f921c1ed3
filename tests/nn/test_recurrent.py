import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from labeltree.nn.documents import TokenDocuments  # noqa: E402
from labeltree.nn.recurrent import (  # noqa: E402
    BiGruCnnEncoder,
    BiLstmEncoder,
    WordStates,
    embedding,
)

N_IDS, WIDTH = 12, 6


def states(network=nn.GRU, hidden=5):
    rnn = network(WIDTH, hidden, batch_first=True, bidirectional=True)
    return WordStates(embedding(N_IDS, WIDTH, None), rnn, 0.5, 0.1)


def gru(filters=4, kernels=(2, 3, 4), top_k=1, hidden=5):
    return BiGruCnnEncoder(states(hidden=hidden), filters, kernels, top_k).eval()


ENCODERS = {
    "gru": gru,
    "top 3": lambda: gru(top_k=3),
    "wide states": lambda: gru(hidden=9),
    "max": lambda: BiLstmEncoder(states(nn.LSTM), "max").eval(),
    "mean": lambda: BiLstmEncoder(states(nn.LSTM), "mean").eval(),
}
TEXTS = [[2, 3, 4, 5, 6, 7, 8], [9], [3, 2], [11, 10, 9, 8]]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def batch(texts):
    ids = np.array([i for text in texts for i in text], np.int32)
    ptr = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return TokenDocuments(ids, ptr, 0).batch(np.arange(len(texts)))


def trained_apart(encoder):
    """Give biases values, so that filters answer to padding if they are let see it."""
    with torch.no_grad():
        for name, p in encoder.named_parameters():
            if "bias" in name:
                p.uniform_(0, 1)
    return encoder


@pytest.mark.parametrize("name", ENCODERS)
def test_padding_changes_nothing(name):
    encoder = trained_apart(ENCODERS[name]())
    with torch.no_grad():
        together = encoder(batch(TEXTS))
        for i, text in enumerate(TEXTS):
            alone = encoder(batch([text]))
            torch.testing.assert_close(together.pooled[i], alone.pooled[0], atol=1e-6, rtol=1e-5)
            n = len(text)
            torch.testing.assert_close(
                together.tokens[i, :n], alone.tokens[0, :n], atol=1e-6, rtol=1e-5
            )
            assert together.mask[i].tolist() == [True] * n + [False] * (7 - n)


@pytest.mark.parametrize("name", ENCODERS)
def test_one_width_for_texts_and_words(name):
    encoder = ENCODERS[name]()
    text = encoder(batch(TEXTS))
    assert text.pooled.shape == (4, encoder.width)
    assert text.tokens.shape == (4, 7, encoder.width)


def test_the_published_sizes():
    """Sheet htc-common 3.1: 64 a way, 100 filters of widths 2, 3, 4: a vector of 300."""
    words = embedding(N_IDS, 300, None)
    rnn = nn.GRU(300, 64, batch_first=True, bidirectional=True)
    encoder = BiGruCnnEncoder(WordStates(words, rnn, 0.5, 0.1), 100, (2, 3, 4), 1).eval()
    text = encoder(batch(TEXTS))
    assert text.pooled.shape == (4, 300)
    assert (text.tokens[..., :128] != 0).any(-1)[text.mask].all()
    assert not text.tokens[..., 128:].any()
    convolutions = sum(p.numel() for p in encoder.filters.parameters())
    assert convolutions == 100 * 128 * (2 + 3 + 4) + 300


def test_filters_answer_as_their_definition_says():
    encoder, text = trained_apart(gru(top_k=2)), [2, 3, 4]
    x = encoder.states(batch([text]))[0].detach().numpy()
    expected = []
    for conv in encoder.filters:
        W, b = conv.weight.detach().numpy(), conv.bias.detach().numpy()
        k = W.shape[2]
        padded = np.pad(x, ((k // 2, k // 2), (0, 0)))
        windows = [padded[i : i + k] for i in range(len(padded) - k + 1)]
        answers = np.array([[(W[f] * w.T).sum() + b[f] for w in windows] for f in range(len(W))])
        expected.append(np.sort(answers.clip(0), axis=1)[:, :-3:-1].ravel())
    pooled = encoder(batch([text])).pooled[0].detach()
    np.testing.assert_allclose(pooled, np.concatenate(expected), atol=1e-5)


def test_a_text_shorter_than_the_answers_asked_for_is_filled_up():
    pooled = gru(filters=2, kernels=(3,), top_k=4, hidden=4)(batch([[5]])).pooled.view(2, 4)
    assert not pooled[:, 1:].any()


def test_states_are_those_of_the_network_alone():
    encoder = BiLstmEncoder(states(nn.LSTM), "max").eval()
    text = torch.tensor([[2, 3, 4]])
    expected, _ = encoder.states.network(encoder.states.words(text))
    found = encoder(batch([[2, 3, 4]]))
    torch.testing.assert_close(found.tokens, expected)
    torch.testing.assert_close(found.pooled, expected.amax(1))
    mean = BiLstmEncoder(encoder.states, "mean").eval()
    torch.testing.assert_close(mean(batch([[2, 3, 4]])).pooled, expected.mean(1))


@pytest.mark.parametrize("name", ENCODERS)
def test_every_weight_learns_but_the_vector_of_padding(name):
    encoder = ENCODERS[name]().train()
    encoder(batch([list(range(2, 12)), [1, 3]])).pooled.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in encoder.parameters())
    assert not encoder.states.words.weight.grad[0].any()


def test_half_precision_runs():
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(gru()(batch(TEXTS)).pooled).all()
        assert torch.isfinite(ENCODERS["max"]()(batch(TEXTS)).pooled).all()


def test_word_vectors_can_be_given():
    vectors = np.random.default_rng(0).random((N_IDS, WIDTH)).astype(np.float32)
    table = embedding(N_IDS, WIDTH, vectors).weight.detach()
    np.testing.assert_array_equal(table[1:], vectors[1:])
    assert not table[0].any()
