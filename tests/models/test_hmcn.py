import pytest

from labeltree.core.errors import ParameterError
from labeltree.models.hmcn import Hmcn
from labeltree.nn.heads import HmcnHead


def test_the_papers_defaults():
    head = Hmcn().head()
    assert (head.kind, head.width, head.dropout, head.beta, head.violation) == (
        "f", 384, 0.6, 0.5, 0.1,
    )  # fmt: skip
    assert (head.local, head.overall, head.levels, head.global_loss) == (1, 1, "equal", "bce")
    assert head.mix == "probabilities"


def test_variants():
    assert Hmcn(kind="r", width=64).head() == HmcnHead(kind="r", width=64)
    copied = Hmcn(mix="logits", violation=0).head()
    assert (copied.mix, copied.violation) == ("logits", 0)
    with pytest.raises(ParameterError, match="kind must be one of f, r"):
        Hmcn(kind="x")
