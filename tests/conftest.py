"""What many tests need: a tree of seven nodes, and a data set whose answer is known."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr
from labeltree.core.dataset import Dataset
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree


@pytest.fixture
def seven_nodes():
    """A root, two meta-labels, four labels."""
    return LabelTree.from_parents([-1, 0, 0, 1, 1, 2, 2], [-1, -1, -1, 0, 1, 2, 3])


@pytest.fixture
def checkerboard():
    """Eight labels under two parents; the words of a document say exactly which one it has.

    Labels 0 and 1 are the parents, 2 to 9 their children, label sets are closed.
    """
    ids = ("black", "white", *(f"square{i}" for i in range(8)))
    edges = [(ids[i % 2], ids[2 + i]) for i in range(8)]
    labels = Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids))
    square = np.tile(np.arange(8), 12)
    colour = ("black", "white")
    texts = [f"square{s} {colour[s % 2]} board{i % 5}" for i, s in enumerate(square)]
    Y = np.zeros((len(square), 10))
    Y[np.arange(len(square)), 2 + square] = 1
    Y[np.arange(len(square)), square % 2] = 1
    words = sorted({w for t in texts for w in t.split()})
    X = np.array([[w in t.split() for w in words] for t in texts], float)
    return Dataset(csr_array(Y), labels, texts=texts, X=csr_array(X))


def four_topics(n=120, seed=0):
    """Return documents of four topics; labels are the topic and one of three of its own."""
    rng = np.random.default_rng(seed)
    topic, inner = np.arange(n) % 4, rng.integers(0, 3, n)
    X = (rng.random((n, 60)) < 0.05).astype(float)
    X[np.arange(n), topic] = 1
    X[np.arange(n), 4 + 3 * topic + inner] = 1
    Y = np.zeros((n, 16))
    Y[np.arange(n), topic] = Y[np.arange(n), 4 + 3 * topic + inner] = 1
    return as_csr(X, "X"), as_csr(Y, "Y")


@pytest.fixture(scope="session")
def topics():
    """Draws (X, Y) of so many documents; see `four_topics`."""
    return four_topics


@pytest.fixture(scope="session")
def quiet_topics():
    """(X, Y, topic) of 200 documents whose loudest words say nothing of their labels."""
    rng = np.random.default_rng(1)
    n = 200
    topic, noise = np.arange(n) % 2, rng.integers(0, 2, n)
    X = np.zeros((n, 4))
    X[np.arange(n), topic] = 0.3
    X[np.arange(n), 2 + noise] = 1
    return X, np.eye(2)[topic], topic


@pytest.fixture(scope="session")
def data_root():
    """The folder of real data sets; tests that need it skip where it is absent."""
    root = os.environ.get("LABELTREE_DATA")
    if not root:
        pytest.skip("LABELTREE_DATA is not set: no real data here")
    return Path(root)
