"""Which data decides what: rule 4 of the design."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.models.ensemble import Ensemble
from labeltree.models.parabel import Parabel
from labeltree.models.pipeline import Pipeline
from labeltree.models.popular import Popular
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


class Watchful(Popular):
    """A model that stops early: it writes down what it is fitted on."""

    stops_early = True

    def fit(self, X, Y, *, labels=None, validation=None):
        seen = (Y.shape[0], None if validation is None else len(validation))
        self.__dict__.setdefault("fits", []).append(seen)
        return super().fit(X, Y, labels=labels, validation=validation)


@pytest.mark.parametrize("rule", ["global", None])
def test_a_model_that_stops_early_is_fitted_once(checkerboard, rule):
    """It keeps the tenth it stopped by: nothing would stop a second fit."""
    model = train(Watchful(), splits(checkerboard), rule=rule)
    assert model.fits == [(86, 10)]
    assert model.labels_.n_train == 86
    assert hasattr(model, "decider_") == (rule is not None)


def test_a_model_that_stops_early_has_all_of_train_where_there_is_validation(checkerboard):
    validation = checkerboard.subset(range(20))
    model = train(Watchful(), splits(checkerboard, val=validation))
    assert model.fits == [(96, 20)]
    assert model.decider_.rule.fitted_on == "validation, 20 documents"


def test_other_models_are_fitted_again_on_all(checkerboard):
    class Other(Watchful):
        stops_early = False

    assert train(Other(), splits(checkerboard)).fits == [(86, 10), (96, None)]
    assert train(Other(), splits(checkerboard), rule=None).fits == [(96, None)]


def test_too_few_documents_to_hold_any_out(checkerboard):
    model = train(Watchful(), splits(checkerboard.subset(range(12))))
    assert model.fits == [(12, None)]


def test_pipelines_and_ensembles_stop_early_if_their_models_do():
    assert Pipeline(model=Watchful()).stops_early
    assert not Pipeline(model=Parabel()).stops_early
    assert Ensemble(models=(Parabel(), Watchful())).stops_early
    assert not Ensemble(models=(Parabel(),)).stops_early


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
