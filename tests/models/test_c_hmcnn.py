from labeltree.models.c_hmcnn import CHmcnn
from labeltree.nn.heads import FlatHead
from labeltree.nn.wrappers import McmHead


def test_a_flat_head_under_the_constraint():
    head = CHmcnn().head()
    assert head == McmHead(FlatHead())
    assert head.closes, "the loss needs label sets with all ancestors"


def test_the_papers_network_and_ablation():
    head = CHmcnn(layers=2, hidden=1000, dropout=0.7, train="base").head()
    assert head.base == FlatHead(0.7, 2, 1000)
    assert not head.closes
