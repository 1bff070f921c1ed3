import numpy as np

from labeltree.core.arrays import as_csr
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import Star


def test_every_label_hangs_below_the_root_in_order():
    Y = as_csr(np.eye(4)[:, :3], "Y")
    tree = Star().build(Y, Y, Labels.numbered(3), seed=0, pool=ThreadPool(1))
    assert tree.parent.tolist() == [-1, 0, 0, 0]
    assert tree.label.tolist() == [-1, 0, 1, 2]
    assert tree.depth == 1
