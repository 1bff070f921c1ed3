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
    with pytest.raises(ParameterError, match="three"):
        Himatch(margins=(0.1, 0.2)).head()
