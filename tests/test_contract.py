"""Every model times every check: what a user may rely on whatever the model.

Networks run with a small encoder, few epochs and on the processor; without torch they are skipped.
"""

import dataclasses
import inspect
import pickle
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.sparse import csr_array

import labeltree
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, LabeltreeError, NotFittedError
from labeltree.core.labels import Labels
from labeltree.core.params import Params, parameters
from labeltree.core.pool import ThreadPool
from labeltree.grow import Given, Graft, Grown, Random, Star
from labeltree.nn.encoders import TfidfMlp
from labeltree.nn.model import NeuralModel

MODELS = labeltree.names()
NEURAL = [name for name in MODELS if issubclass(labeltree.find(name), NeuralModel)]
WITHOUT_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="needs labeltree[nn]")
pytestmark = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=WITHOUT_TORCH) if n in NEURAL else n for n in MODELS]
)
SMALL = {
    "epochs": 10, "batch_size": 8, "head_lr": 0.03, "device": "cpu", "dropout": 0.0, "width": 16,
    "encoder__hidden": 64, "encoder__dropout": 0.0, "encoder__tfidf__min_df": 1, "hidden": 16,
    "joint_width": 8, "block": 8, "base__width": 16,
}  # fmt: skip
"""Fields of networks that need not be large here, whoever has them."""
KEPT = {}
"""Networks fitted on the checkerboard: each takes a second, and most checks change nothing."""
SOURCES = {"given": Given, "grown": Grown, "graft": Graft, "star": Star, "random": Random}


def made(name, **params):
    """Return a small instance of a model."""
    model = labeltree.find(name)()
    if name == "pipeline":
        model.set_params(vectorizer__min_df=1)
    if name in NEURAL:
        model.set_params(encoder=TfidfMlp())
        params = SMALL | params
    return model.set_params(**{k: v for k, v in params.items() if k in model.get_params()})


def fitted(name, data, **params):
    key = name, tuple(data.texts), data.Y.indices.tobytes(), data.Y.indptr.tobytes()
    if key in KEPT and not params:
        return KEPT[key]
    model = made(name, **params)
    model.fit(data.inputs(model.takes), data.Y, labels=data.labels)
    if name in NEURAL and not params:
        KEPT[key] = model
    return model


def alike(name, one, other):
    """Fail unless scores are the same; those of networks may differ in the fifth digit."""
    if name in NEURAL:
        np.testing.assert_allclose(one.toarray(), other.toarray(), atol=1e-4)
    else:
        np.testing.assert_array_equal(one.toarray(), other.toarray())


def ranking(model, data, k=3):
    return model.predict(data.inputs(model.takes), k)


def test_constructor_only_stores(name):
    model = labeltree.find(name)
    assert "__init__" not in vars(model) or dataclasses.is_dataclass(model)
    defaults = model()
    for field in parameters(model):
        value = getattr(defaults, field.name)
        assert getattr(model(**{field.name: value}), field.name) is value
    assert not [k for k in vars(defaults) if k.endswith("_")]


def test_signatures_are_the_same_everywhere(name):
    model = labeltree.find(name)
    assert list(inspect.signature(model.fit).parameters) == [
        "self", "X", "Y", "labels", "validation",
    ]  # fmt: skip
    assert list(inspect.signature(model.predict).parameters) == ["self", "X", "k"]
    assert inspect.signature(model.predict).parameters["k"].default == 5


def test_unfitted_prediction_says_so(name, checkerboard):
    model = made(name)
    with pytest.raises(NotFittedError, match="fit first"):
        ranking(model, checkerboard)
    with pytest.raises(NotFittedError):
        model.save("nowhere")


def test_fit_returns_self(name, checkerboard):
    model = made(name)
    assert model.fit(checkerboard.inputs(model.takes), checkerboard.Y) is model


@pytest.mark.parametrize("k", [1, 3, 1000])
def test_scores_keep_the_contract(name, checkerboard, k):
    S = ranking(fitted(name, checkerboard), checkerboard, k)
    assert isinstance(S, csr_array)
    assert S.shape == checkerboard.Y.shape
    assert S.dtype == np.float32
    assert (np.diff(S.indptr) <= k).all()
    assert S.nnz
    assert (S.data > 0).all()
    assert (S.data <= 1).all()
    for i in range(S.shape[0]):
        row = S.data[S.indptr[i] : S.indptr[i + 1]]
        assert len(np.unique(row)) == len(row), "scores strictly decrease with rank"


def test_the_best_labels_do_not_depend_on_k(name, checkerboard):
    model = fitted(name, checkerboard)
    few, many = (labeltree.top_k(ranking(model, checkerboard, k), 2) for k in (2, 7))
    np.testing.assert_array_equal(few[0], many[0])


def test_same_seed_same_scores_for_any_number_of_threads(name, checkerboard):
    def scores(n_jobs):
        model = made(name, n_jobs=n_jobs, model__n_jobs=n_jobs)
        model.fit(checkerboard.inputs(model.takes), checkerboard.Y, labels=checkerboard.labels)
        return ranking(model, checkerboard)

    first, second, third = map(scores, (1, 2, 1))
    assert (first != second).nnz == 0
    assert (first != third).nnz == 0


def test_a_row_does_not_depend_on_its_batch(name, checkerboard):
    model = fitted(name, checkerboard)
    together = ranking(model, checkerboard)
    alone = ranking(model, checkerboard.subset([5]))
    alike(name, together[[5]], alone)


def test_saved_and_loaded_is_identical(name, checkerboard, tmp_path):
    model = fitted(name, checkerboard)
    model.save(tmp_path / "model")
    again = labeltree.load(tmp_path / "model")
    assert type(again) is type(model)
    assert again.to_json() == model.to_json()
    assert again.labels_.ids == model.labels_.ids
    assert (ranking(again, checkerboard) != ranking(model, checkerboard)).nnz == 0
    suffixes = {f.suffix for f in (tmp_path / "model").iterdir()}
    assert suffixes == {".json", ".safetensors"}


def test_learns_the_checkerboard(name, checkerboard):
    model = fitted(name, checkerboard)
    labels, _ = labeltree.top_k(ranking(model, checkerboard), 2)
    hits = np.mean([checkerboard.Y[[i], [c]][0] for i, c in enumerate(labels[:, 0])])
    if name == "popular":
        assert hits == 0.5  # the baseline that learns nothing else
    else:
        assert hits == 1
        assert (np.sort(labels, axis=1) == np.sort(
            checkerboard.Y.indices.reshape(-1, 2), axis=1)).all()  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_runs_on_every_kind_of_tree(name, source, checkerboard):
    parameters = made(name).get_params()
    path = next((p for p in ("tree", "model__tree") if p in parameters), None)
    if path is None:
        pytest.skip(f"{name} has no tree")
    model = fitted(name, checkerboard, **{path: SOURCES[source]()})
    labels, _ = labeltree.top_k(ranking(model, checkerboard), 1)
    assert all(checkerboard.Y[[i], [c]][0] for i, c in enumerate(labels[:, 0]))


def test_one_label(name):
    texts = ["yes indeed", "no never", "yes yes", "no thanks"]
    data = Dataset(
        csr_array(np.array([[1], [0], [1], [0]])), Labels(("only",)), texts=texts,
        X=csr_array(np.array([[1, 0], [0, 1], [1, 0], [0, 1.0]])),
    )  # fmt: skip
    S = ranking(fitted(name, data), data)
    assert S.shape == (4, 1)
    assert S.nnz


def test_empty_rows_and_labels_never_seen(name, checkerboard):
    Y = checkerboard.Y.toarray()
    Y[:3] = 0
    Y[:, 9] = 0  # label without positives
    X = checkerboard.X.toarray()
    X[3] = 0
    texts = [*checkerboard.texts]
    texts[3] = ""
    data = Dataset(csr_array(Y), checkerboard.labels, texts=texts, X=csr_array(X))
    S = ranking(fitted(name, data), data, k=10)
    assert S.shape == Y.shape
    assert S[:, [9]].nnz == 0, "a label never seen is never ranked"


def test_no_positives_at_all(name, checkerboard):
    model = made(name)
    with pytest.raises(DataError, match="No document has a label"):
        model.fit(checkerboard.inputs(model.takes), checkerboard.Y * 0)


def test_rows_that_disagree(name, checkerboard):
    model = made(name)
    with pytest.raises(DataError, match="rows"):
        model.fit(checkerboard.inputs(model.takes), checkerboard.Y[:-1])


def test_nan_in_features(name, checkerboard):
    model = made(name)
    if model.takes != "features":
        pytest.skip("takes texts")
    X = checkerboard.X.toarray()
    X[4, 1] = np.nan
    with pytest.raises(DataError, match="row 4"):
        model.fit(X, checkerboard.Y)


def test_wrong_number_of_features(name, checkerboard):
    model = fitted(name, checkerboard)
    if model.takes != "features" or name == "popular":
        pytest.skip("does not look at features")
    with pytest.raises(DataError, match="features"):
        model.predict(checkerboard.X[:, :-1])


def test_knows_how_many_features_a_row_has(name, checkerboard):
    model = fitted(name, checkerboard)
    wanted = checkerboard.X.shape[1] if model.takes == "features" and name != "popular" else None
    assert model.n_features == wanted


def test_wrong_kind_of_input(name, checkerboard):
    model = made(name)
    other = checkerboard.texts if model.takes == "features" else checkerboard.X
    with pytest.raises(LabeltreeError):
        model.fit(other, checkerboard.Y)


def test_json_round_trip_of_parameters(name):
    model = made(name, seed=3, n_trees=2)
    again = type(model).from_json(model.to_json())
    assert again.to_json() == model.to_json()
    assert isinstance(again, Params)


# ---- scikit-learn --------------------------------------------------------------------------------


def test_clone(name):
    from sklearn.base import clone

    model = made(name, seed=7, model__seed=7)
    copy = clone(model)
    assert copy is not model
    assert copy.to_json() == model.to_json()


def test_grid_search_with_nested_names(name, checkerboard):
    from sklearn.model_selection import GridSearchCV

    model = made(name)
    grids = ("beam", "model__beam", "tree__clusterer__max_leaf", "model__tree__clusterer__max_leaf")
    grid = {g: [2, 3] for g in grids if g in model.get_params()} or {}
    search = GridSearchCV(model, grid, cv=2, n_jobs=1, error_score="raise")
    search.fit(checkerboard.inputs(model.takes), checkerboard.Y)
    assert search.best_score_ >= 0.4
    assert set(search.best_params_) == set(grid)


def test_scikit_learn_pipeline(name, checkerboard):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline, make_pipeline

    model = made(name)
    steps = (model,) if model.takes == "text" else (TfidfVectorizer(), model)
    pipeline: Pipeline = make_pipeline(*steps)
    pipeline.fit(checkerboard.texts, checkerboard.Y)
    assert pipeline.predict(checkerboard.texts).shape == checkerboard.Y.shape
    assert pipeline.score(checkerboard.texts, checkerboard.Y) >= 0.4


def test_survives_pickle_for_process_pools(name, checkerboard):
    model = fitted(name, checkerboard)
    again = pickle.loads(pickle.dumps(model))
    assert (ranking(again, checkerboard) != ranking(model, checkerboard)).nnz == 0


def test_threads_may_share_a_model(name, checkerboard):
    model = fitted(name, checkerboard)
    expected = ranking(model, checkerboard)
    found = ThreadPool(4).map(lambda _: ranking(model, checkerboard), range(8))
    assert all((expected != S).nnz == 0 for S in found)
