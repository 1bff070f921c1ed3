import pytest

from labeltree.cli.fields import configured
from labeltree.core.errors import ParameterError
from labeltree.models.himatch import Himatch
from labeltree.nn.graph_parts import TreeLstm
from labeltree.nn.heads import GraphHead, MatchHead


def test_the_papers_defaults():
    head = Himatch().head()
    assert head == MatchHead(GraphHead(recursive=0.0))
    assert (head.width, head.n_positives, head.refresh_labels) == (200, 1, 50)
    assert (head.margins, head.dead_zone) == ((0.02, 0.1, 0.2), 0.01)
    assert (head.joint, head.match, head.rank_coarse) == (1, 1, False)


def test_both_sides_have_the_structure():
    head = Himatch(structure=TreeLstm()).head()
    assert isinstance(head.text.structure, TreeLstm)
    assert isinstance(head.structure, TreeLstm)


def test_margins():
    model = configured(Himatch(), [("margins", "0.1,0.2,0.3")])
    assert model.head().margins == (0.1, 0.2, 0.3)


@pytest.mark.parametrize("margins", [(0.1, 0.2), (0.1, 0.2, -0.3), ("0", "0", "0"), 0.1])
def test_wrong_margins_are_refused_at_once(margins):
    with pytest.raises(ParameterError, match="Himatch: margins must be 3 numbers of 0 or more"):
        Himatch(margins=margins)


def test_each_field_of_the_head_can_be_set():
    """Those of the sheet: what the head has and the model has not would be out of reach."""
    model = Himatch(
        width=7, recursive=0.5, joint_width=11, dropout=0.3, normalise=False, n_positives=2,
        joint=0.2, match=0.4, margins=(0.1, 0.2, 0.3), dead_zone=0.6, rank_coarse=True,
        refresh_labels=9, refresh_share=0.1, logit_dropout=0.4, text_repr="nodes",
    )  # fmt: skip
    head = model.head()
    usual = MatchHead()
    same = {f for f in usual.get_params(deep=False) if getattr(head, f) == getattr(usual, f)}
    assert same == {"structure", "max_weights"}
    assert (head.text.recursive, head.text.logit_dropout) == (0.5, 0.4)


def test_labels_are_described_only_where_something_looks_at_them():
    assert Himatch(joint=0.0).head().refresh_labels == 50
    assert Himatch(match=0.0).head().refresh_labels == 50
    assert Himatch(joint=0.0, match=0.0).head().refresh_labels == 0
