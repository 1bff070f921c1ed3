"""An evaluation whose every number is known, with names that break careless pages."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.dataset import Dataset
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.run.evaluate import examine
from labeltree.run.report.findings import gather

IDS = ("thing", "kettle", "toaster", "spout", "lid", "fault")
NAMES = ("Thing & <b>co</b>", "غلاية", "烤面包机", "spout", 'l"id', "$fault ${title}")
EDGES = [("thing", "kettle"), ("thing", "toaster"), ("kettle", "spout"), ("kettle", "lid")]
TEXTS = ["white <script>alert(1)</script> crust", "قطعة مكسورة " * 90, "\ud800 lever", "switch", ""]
TRUTH = [[0, 3], [1, 4], [2, 5, 6], [0], []]
SCORES = [
    [0.9, 0.8, 0.1, 0.4, 0.7, 0],  # kettle and lid for spout
    [0.2, 0, 0.95, 0.1, 0.6, 0],  # toaster for kettle
    [0, 0, 0, 0, 0, 0.05],
    [0.9, 0.3, 0, 0, 0, 0.6],
    [0.4, 0, 0, 0, 0, 0],
]


@dataclass
class Echo:
    labels_: Any
    takes: str = "features"

    def predict(self, X, k=5):
        return X


def a_dataset(hierarchy=True, texts=TEXTS):
    tree = Hierarchy.from_edges(EDGES, IDS) if hierarchy else None
    labels = Labels((*IDS, "ghost"), names=(*NAMES, "ghost"), hierarchy=tree)
    X = csr_array(np.array(SCORES, np.float32))
    return Dataset(from_rows(TRUTH, 7), labels, texts=texts, X=X, n_universe=6)


def a_model(hierarchy=True):
    tree = Hierarchy.from_edges(EDGES, IDS) if hierarchy else None
    counts = np.array([300, 120, 40, 9, 2, 0])
    return Echo(Labels(IDS, names=NAMES, counts=counts, n_train=400, hierarchy=tree))


@pytest.fixture
def dataset():
    return a_dataset()


@pytest.fixture
def evaluation(dataset):
    return examine(a_model(), dataset, threshold=0.5)


@pytest.fixture
def findings(evaluation, dataset):
    return gather(evaluation, dataset)


@pytest.fixture
def flat():
    """Findings without taxonomy, texts and threshold."""
    data = a_dataset(hierarchy=False, texts=None)
    return gather(examine(a_model(hierarchy=False), data), data)


@pytest.fixture
def empty():
    """Findings of no documents at all."""
    data = a_dataset().subset([])
    return gather(examine(a_model(), data, threshold=0.5), data)
