from labeltree.models.flat import Flat
from labeltree.nn.heads import FlatHead


def test_one_linear_layer():
    assert Flat().head() == FlatHead(dropout=0.1, layers=0)


def test_hidden_layers():
    assert Flat(layers=2, hidden=64, dropout=0.3).head() == FlatHead(0.3, 2, 64)
