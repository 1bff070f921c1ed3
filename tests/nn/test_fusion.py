import pytest

torch = pytest.importorskip("torch")

from graphs import graph  # noqa: E402

from labeltree.core.errors import ParameterError  # noqa: E402
from labeltree.nn.fusion import (  # noqa: E402
    LabelAttention,
    LabelProjection,
    ReplicateProject,
    TextFeatures,
)
from labeltree.nn.structure import States  # noqa: E402

N, WIDTH, TEXT = 6, 8, 12


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def texts(n=3, n_tokens=5):
    mask = torch.ones(n, n_tokens, dtype=torch.bool)
    mask[0, 3:] = False
    return TextFeatures(torch.randn(n, TEXT), torch.randn(n, n_tokens, TEXT), mask)


def test_projection_gives_each_node_its_view():
    fusion, text = LabelProjection(TEXT, N, WIDTH).eval(), texts()
    W = fusion.linear.weight.view(N, WIDTH, TEXT)
    b = fusion.linear.bias.view(N, WIDTH)
    expected = torch.einsum("nwt,bt->bnw", W, text.pooled) + b
    torch.testing.assert_close(fusion(text, States.of_nodes).nodes, expected)


def test_scalars_do_what_the_matrix_does():
    """Only row sums of the matrix matter, as all rows it mixes are equal."""
    full, text = ReplicateProject(TEXT, N, WIDTH).eval(), texts()
    short = full.scalars().eval()
    torch.testing.assert_close(
        full(text, States.of_nodes).nodes, short(text, States.of_nodes).nodes, atol=1e-5, rtol=1e-5
    )
    assert sum(p.numel() for p in full.copies.parameters()) == N * N + N
    assert sum(p.numel() for p in short.copies.parameters()) == 2 * N


def test_the_matrix_mixes_copies_of_the_view():
    full, text = ReplicateProject(TEXT, N, WIDTH).eval(), texts()
    view = full.linear(text.pooled)[:, None].expand(-1, N, -1)
    expected = full.copies.weight @ view + full.copies.bias[:, None]
    torch.testing.assert_close(full(text, States.of_nodes).nodes, expected)


def test_attention_reads_words_and_not_padding():
    fusion, text = LabelAttention(TEXT, N, WIDTH).eval(), texts()
    words = fusion.linear(text.tokens)
    share = fusion.attention(words, text.mask, fusion.embedding[None])
    torch.testing.assert_close(share.sum(-1), torch.ones(3, N))
    assert (share[0, :, 3:] == 0).all()
    entropy = -(share[1] * share[1].log()).sum(-1)
    assert (entropy > 0).all()
    changed = text._replace(tokens=text.tokens.clone())
    changed.tokens[0, 3:] = 99
    torch.testing.assert_close(
        fusion(text, States.of_nodes).nodes, fusion(changed, States.of_nodes).nodes
    )


def test_labels_attend_once_for_each_layer(monkeypatch):
    """The nodes are the first layer, or all there are: what they see is not computed twice."""
    met, real = [], LabelAttention.attention

    def counted(self, words, mask, labels):
        met.append(labels.shape[1])
        return real(self, words, mask, labels)

    monkeypatch.setattr(LabelAttention, "attention", counted)
    fusion = LabelAttention(TEXT, N, WIDTH)
    states = fusion(texts(), States.of_nodes)
    assert met == [N]
    assert states.layers == (states.nodes,)
    met.clear()
    states = fusion(texts(), lambda x: States(x, (x, x[:, :2])))
    assert met == [N, 2]
    assert states.layers[0] is states.nodes
    assert states.layers[1].shape == (3, 2, WIDTH)


def test_attention_drops_what_labels_see():
    fusion, text = LabelAttention(TEXT, N, WIDTH, dropout=0.5), texts()
    kept = fusion.eval()(text, States.of_nodes).nodes
    learning = fusion.train()(text, States.of_nodes).nodes
    dropped = learning == 0
    assert 0.3 < dropped.float().mean() < 0.7
    torch.testing.assert_close(learning[~dropped], 2 * kept[~dropped])


def test_label_embeddings_learn():
    fusion = LabelAttention(TEXT, N, WIDTH)
    fusion(texts(), States.of_nodes).nodes.square().sum().backward()
    assert fusion.embedding.grad.abs().sum() > 0


def one_word():
    text = texts(n_tokens=5)
    return text._replace(tokens=text.tokens[:, :1], mask=text.mask[:, :1])


def test_attention_over_one_word_does_not_train():
    with pytest.raises(ParameterError, match="Choose --encoder bi_lstm"):
        LabelAttention(TEXT, N, WIDTH)(one_word(), States.of_nodes)


def test_a_text_of_one_word_is_answered():
    nodes = LabelAttention(TEXT, N, WIDTH).eval()(one_word(), States.of_nodes).nodes
    assert torch.isfinite(nodes).all()


def test_some_rows():
    text = texts()
    some = text.rows(torch.tensor([2, 0]))
    assert torch.equal(some.pooled, text.pooled[[2, 0]])
    assert torch.equal(some.tokens, text.tokens[[2, 0]])
    assert torch.equal(some.mask, text.mask[[2, 0]])


def test_the_graph_of_the_tests_has_as_many_nodes():
    assert graph("diamond").n_nodes == N
