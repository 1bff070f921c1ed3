"""Which data decides what: rule 4 of the design."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.models.parabel import Parabel
from labeltree.readers import ReadReport, Splits
from labeltree.run.train import train


def splits(checkerboard, val=None, test=None):
    return Splits(checkerboard, val, test, checkerboard.labels, ReadReport({}, ()))


def test_threshold_comes_from_validation(checkerboard):
    model = train(Parabel(n_trees=1), splits(checkerboard, val=checkerboard.subset(range(20))))
    assert model.decider_.rule.fitted_on == "validation, 20 documents"
    assert model.labels_.n_train == len(checkerboard)


def test_without_validation_a_tenth_of_train_stands_in_and_the_model_sees_all(checkerboard):
    model = train(Parabel(n_trees=1), splits(checkerboard))
    assert "held-out tenth of train, 10 documents" in model.decider_.rule.fitted_on
    assert model.labels_.n_train == len(checkerboard)
    plain = train(Parabel(n_trees=1), splits(checkerboard), rule=None)
    assert not hasattr(plain, "decider_")
    assert (plain.predict(checkerboard.X) != model.predict(checkerboard.X)).nnz == 0


def test_test_labels_decide_nothing(checkerboard):
    rng = np.random.default_rng(0)
    shuffled = Dataset(
        csr_array(checkerboard.Y[rng.permutation(len(checkerboard))]), checkerboard.labels,
        X=checkerboard.X,
    )  # fmt: skip
    cuts = {
        train(Parabel(n_trees=1), splits(checkerboard, test=t)).decider_.rule.value
        for t in (checkerboard, shuffled, None)
    }
    assert len(cuts) == 1


def test_no_training_part(checkerboard):
    with pytest.raises(DataError, match="training part"):
        train(Parabel(), Splits(None, None, checkerboard, checkerboard.labels, ReadReport({}, ())))


def test_no_labels_at_all():
    empty = Dataset(csr_array((5, 2)), Labels(("a", "b")), X=csr_array(np.eye(5)))
    with pytest.raises(DataError, match="No training document has a label"):
        train(Parabel(), Splits(empty, None, None, empty.labels, ReadReport({}, ())))
