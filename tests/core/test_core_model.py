import json
import logging
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array

import labeltree
from labeltree.core.dataset import Inputs
from labeltree.core.errors import DataError, NotFittedError, ParameterError, StoreError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.inputs import (
    check_k,
    checked_features,
    checked_texts,
    checked_training,
    checked_truth,
)
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.params import Params
from labeltree.models.parabel import Parabel
from labeltree.models.popular import Popular


@dataclass(eq=False)
class ModelToy(BaseModel):
    """Learns the column means of Y."""

    takes: ClassVar = "features"
    power: float = 1.0
    """Exponent."""

    def fit(self, X, Y, *, labels=None, validation=None):
        _, Y, self.labels_ = checked_training(X, Y, labels)
        self.means_ = np.asarray(Y.mean(axis=0)).ravel() ** self.power
        return self

    def predict(self, X, k=5):
        self.check_fitted()
        best = np.argsort(-self.means_, kind="stable")[:k]
        row = np.zeros(len(self.means_), np.float32)
        row[best] = self.means_[best]
        return csr_array(np.tile(row, (X.shape[0], 1)))


@dataclass(eq=False)
class ModelToyAround(ModelToy):
    """Holds another model."""

    inner: BaseModel = field(default_factory=ModelToy)
    """The other model."""

    def fit(self, X, Y, *, labels=None, validation=None):
        super().fit(X, Y, labels=labels)
        self.inner_ = type(self.inner)(**self.inner.get_params(deep=False)).fit(X, Y, labels=labels)
        self.note_ = "learned"
        return self


def find(name):
    return Params.known[name]


X = np.eye(3)
Y = np.array([[1, 0], [1, 1], [1, 0]])


# ---- checked_training, checked_features ----------------------------------------------------------


def test_training_data_come_back_in_the_layout():
    features, truth, labels = checked_training(X, Y * 3, None)
    assert type(features) is type(truth) is csr_array
    assert features.dtype == truth.dtype == np.float32
    assert truth.toarray().tolist() == Y.tolist()
    assert labels.ids == ("0", "1")
    assert labels.counts.tolist() == [3, 1]
    assert labels.n_train == 3


def test_given_labels_are_kept_and_counted():
    given = Labels(("a", "b"), hierarchy=Hierarchy.from_edges([("a", "b")]))
    _, _, labels = checked_training(X, Y, given)
    assert labels.ids == ("a", "b")
    assert labels.hierarchy is given.hierarchy
    assert labels.counts.tolist() == [3, 1]


NAN = np.ones((5, 2))
NAN[3, 1] = np.nan


@pytest.mark.parametrize(
    ("X", "Y", "labels", "message"),
    [
        (X[:2], Y, None, "X has 2 rows but Y has 3"),
        (X, Y * 0, None, "No document has a label. Training needs positives"),
        (X[:0], Y[:0], None, "No document has a label"),
        (X, np.ones((3, 4)), Labels(("a", "b")), "Y has 4 columns but there are 2 labels"),
        (X, Y[:, :1], Labels(("a", "b")), "Y has 1 columns but there are 2 labels"),
        (NAN, np.ones((5, 1)), None, r"X holds NaN or infinity, first in row 3 \(1 in all\)"),
        (np.ones((5, 1)), NAN, None, "Y holds NaN or infinity, first in row 3"),
        (X, -Y, None, "Y holds negative values"),
        (["one", "two", "three"], Y, None, "takes features, X is texts. Put a vectoriser before"),
        (X, ["a", "b", "a"], None, "Y must be a matrix of numbers"),
    ],
)
def test_training_data_that_do_not_fit_are_refused(X, Y, labels, message):
    with pytest.raises(DataError, match=message):
        checked_training(X, Y, labels)


@pytest.mark.parametrize(
    "texts",
    [["a text"], ("a text",), "a text", np.array(["a text"]), np.array(["a text"], object)],
)
def test_texts_are_told_from_features(texts):
    with pytest.raises(DataError, match="takes features, X is texts"):
        checked_features(texts)


@pytest.mark.parametrize("wrong", [[], [1.0, 2.0], None, np.ones(3)])
def test_what_is_neither_is_no_matrix(wrong):
    with pytest.raises(DataError, match="X must be a matrix"):
        checked_features(wrong)


@pytest.mark.parametrize(
    "texts", [["a", "ü"], ("a", "ü"), np.array(["a", "ü"]), np.array(["a", "ü"], object),
              Inputs(["a", "ü"], X[:2])],
)  # fmt: skip
def test_texts_come_as_a_list(texts):
    assert checked_texts(texts) == ["a", "ü"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one", "X is one text. Pass a list"),
        (X, "takes texts, X is a matrix"),
        (csr_array(X), "takes texts, X is a matrix"),
        (["a", 1], "Text 1 is no string but of type int"),
        ([None], "Text 0 is no string but of type NoneType"),
        (None, "X is no list of texts but None"),
    ],
)
def test_what_is_no_sequence_of_texts_is_refused(texts, message):
    with pytest.raises(DataError, match=message):
        checked_texts(texts)


@pytest.mark.parametrize("k", [0, -1, 2.5, "3", None, True])
def test_what_is_no_number_of_labels_is_refused(k):
    with pytest.raises(ParameterError, match="k must be a whole number of 1 or more"):
        check_k(k)
    check_k(np.int64(1))


def test_truth_is_checked_against_the_number_of_documents():
    truth, labels = checked_truth(3, Y, None)
    assert truth.toarray().tolist() == Y.tolist()
    assert labels.counts.tolist() == [3, 1]
    with pytest.raises(DataError, match="X has 4 rows but Y has 3"):
        checked_truth(4, Y, None)


def test_features_of_both_inputs_are_taken():
    assert checked_features(Inputs(["a", "b", "c"], X)).toarray().tolist() == X.tolist()


def test_another_number_of_features_is_refused():
    assert checked_features(X, 3).shape == (3, 3)
    with pytest.raises(DataError, match="X has 3 features, the model was trained on 4"):
        checked_features(X, 4)


def test_documents_without_labels_are_logged(caplog):
    caplog.set_level(logging.INFO, "labeltree")
    checked_training(X, [[0, 0], [1, 1], [0, 0]], None)
    assert [r.getMessage() for r in caplog.records] == ["2 of 3 documents have no label"]
    caplog.clear()
    checked_training(X, Y, None)
    assert not caplog.records


# ---- the base of models --------------------------------------------------------------------------


def test_an_unfitted_model_says_so(tmp_path):
    for call in (lambda m: m.predict(X), lambda m: m.save(tmp_path / "m"), BaseModel.check_fitted):
        with pytest.raises(NotFittedError, match="This ModelToy is not fitted yet: call fit first"):
            call(ModelToy())
    with pytest.raises(NotFittedError, match="Parabel"):
        Parabel().predict(X)
    assert not list(tmp_path.iterdir())
    assert not ModelToy().__sklearn_is_fitted__()
    assert ModelToy().fit(X, Y).__sklearn_is_fitted__()


def test_the_base_itself_neither_fits_nor_predicts():
    with pytest.raises(NotImplementedError):
        BaseModel().fit(X, Y)
    with pytest.raises(NotImplementedError):
        BaseModel().predict(X)


def test_score_is_the_share_of_first_labels_that_are_right():
    model = ModelToy().fit(X, Y)
    assert model.score(X, Y) == 1.0
    assert model.score(X, [[1, 0], [0, 1], [0, 0]]) == pytest.approx(1 / 3)
    assert model.score(X[:0], Y[:0]) == 0.0


def test_score_refuses_other_shapes():
    with pytest.raises(DataError, match=r"Y has shape \(3, 3\), the scores \(3, 2\)"):
        ModelToy().fit(X, Y).score(X, np.eye(3))


def test_state_both_ways():
    model = ModelToyAround(power=2, inner=ModelToy(power=3)).fit(X, Y)
    header, state = model.to_state()
    assert header == json.loads(json.dumps(header))
    assert header["model"] == "model_toy_around"
    assert header["models"]["inner"]["model"] == "model_toy"
    assert set(state) == {"labels", "means", "note", "inner.labels", "inner.means"}
    again = ModelToyAround.from_state(header, state, find)
    assert again.to_json() == model.to_json()
    assert (again.note_, again.inner_.power) == ("learned", 3)
    np.testing.assert_array_equal(again.inner_.means_, model.inner_.means_)
    assert (again.predict(X) != model.predict(X)).nnz == 0


def test_a_model_with_fields_of_another_version_is_refused():
    header, state = ModelToy().fit(X, Y).to_state()
    header["params"]["odd"] = 1
    with pytest.raises(StoreError, match="does not fit this version .* no parameter 'odd'"):
        ModelToy.from_state(header, state, find)


def test_models_nest_to_any_depth():
    deep = ModelToyAround(inner=ModelToyAround(inner=ModelToy(power=5))).fit(X, Y)
    again = ModelToyAround.from_state(*deep.to_state(), find)
    assert again.inner_.inner_.power == 5
    np.testing.assert_array_equal(again.inner_.inner_.means_, deep.inner_.inner_.means_)


def test_saved_and_loaded_models_predict_the_same(tmp_path, checkerboard):
    X, Y, labels = checkerboard.X, checkerboard.Y, checkerboard.labels
    model = Popular().fit(X, Y, labels=labels)
    model.save(tmp_path / "model")
    again = labeltree.load(tmp_path / "model")
    assert again.to_json() == model.to_json()
    assert again.labels_.ids == model.labels_.ids
    assert again.labels_.hierarchy.ids == model.labels_.hierarchy.ids
    assert (again.predict(X) != model.predict(X)).nnz == 0
    again.save(tmp_path / "model")  # over the files it is mapped to
    third = labeltree.load(tmp_path / "model")
    assert (third.predict(X) != again.predict(X)).nnz == 0


def test_scikit_learn_knows_what_it_is():
    from sklearn.utils import get_tags

    tags = get_tags(ModelToy())
    assert tags.target_tags.required
    assert tags.target_tags.multi_output
