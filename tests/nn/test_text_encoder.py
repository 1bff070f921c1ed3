import pytest

torch = pytest.importorskip("torch")

from labeltree.nn.documents import EmbeddedDocuments, Run  # noqa: E402
from labeltree.nn.text_encoder import TextEncoder, mean_of_tokens, without_tokens  # noqa: E402


def test_the_mean_is_over_tokens_that_are_there():
    tokens = torch.tensor([[[1.0, 2], [3, 6], [99, 99]], [[5, 5], [9, 9], [9, 9]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert mean_of_tokens(tokens, mask).tolist() == [[2, 4], [0, 0]]


def test_a_vector_alone_is_its_own_token():
    text = without_tokens(torch.arange(6.0).view(2, 3))
    assert text.tokens.shape == (2, 1, 3)
    assert torch.equal(text.tokens[:, 0], text.pooled)
    assert text.mask.tolist() == [[True], [True]]


def test_nothing_is_made_ready_unless_an_encoder_says_so():
    encoder, documents = TextEncoder(), EmbeddedDocuments(torch.zeros(2, 3).numpy())
    assert encoder.ready(documents, Run(torch.device("cpu"))) is documents
    assert encoder.base_parameters() == []
    with pytest.raises(NotImplementedError):
        encoder(documents.batch(torch.tensor([0]).numpy()))
