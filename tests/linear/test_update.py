"""Updates against training from the start, and what they leave alone."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array, vstack

import labeltree
from labeltree.core.arrays import as_csr, widened
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import Graft, Grown, TwoMeans
from labeltree.grow.extend import Extended
from labeltree.grow.pifa import unit_rows
from labeltree.linear.solver import Logistic, SquaredHinge
from labeltree.linear.train import Recipe, fit_linear_tree
from labeltree.linear.update import News, arrivals, updated
from labeltree.models.local import Local
from labeltree.models.parabel import Parabel
from labeltree.models.xr_linear import XrLinear

ONE, TWO = ThreadPool(1), ThreadPool(2)


def corpus(seed=0, n=300, n_labels=30, n_features=80):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.06
    Y[np.arange(n), rng.integers(0, n_labels, n)] = True
    Y[::20] = False
    profile = random_array((n_labels, n_features), density=0.15, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.05, rng=rng).toarray()
    return unit_rows(as_csr(X, "X")), as_csr(Y.astype(float), "Y")


def grown_tree(X, Y):
    labels = Labels.numbered(Y.shape[1])
    return Grown(TwoMeans(max_leaf=5)).build(X, Y, labels, seed=0, pool=ONE)


def same(tree):
    return Extended(tree, np.arange(tree.n_nodes, dtype=np.int32))


def bits(model):
    return [getattr(model.weights, f).tobytes() for f in model.weights.__dataclass_fields__]


RECIPES = [
    Recipe(SquaredHinge()), Recipe(Logistic()), Recipe(SquaredHinge(), relevance="l1"),
]  # fmt: skip


@pytest.mark.parametrize("recipe", RECIPES)
def test_without_tolerance_it_equals_training_on_everything(recipe):
    X, Y = corpus()
    tree = grown_tree(X[:250], Y[:250])
    old = fit_linear_tree(X[:250], Y[:250], tree, recipe, seed=3, pool=ONE)
    news = News(X, Y, 250, 0.0)
    found, n = updated(old, same(tree), news, recipe, seed=3, pool=TWO)
    whole = fit_linear_tree(X, Y, tree, recipe, seed=3, pool=ONE)
    assert n > 0.8 * tree.n_nodes
    assert bits(found) != bits(old)
    for v in range(1, tree.n_nodes):
        up = int(tree.parent[v])
        for a, b in zip(found.weights.of_child(v, up), whole.weights.of_child(v, up), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(found.weights.bias, whole.weights.bias)


def test_with_all_tolerance_nothing_changes():
    X, Y = corpus()
    tree, recipe = grown_tree(X[:250], Y[:250]), Recipe(SquaredHinge())
    old = fit_linear_tree(X[:250], Y[:250], tree, recipe, seed=3, pool=ONE)
    found, n = updated(old, same(tree), News(X, Y, 250, 1e9), recipe, seed=3, pool=ONE)
    unseen = np.asarray(Y[:250].sum(axis=0)).ravel() == 0
    assert n == int(unseen[tree.label[tree.label >= 0]].sum()) == 0
    assert bits(found) == bits(old)


@pytest.mark.parametrize("drift", [0.15, 0.2, 0.3])
def test_only_what_has_grown_is_trained_again(drift):
    X, Y = corpus()
    tree, recipe = grown_tree(X[:250], Y[:250]), Recipe(SquaredHinge())
    old = fit_linear_tree(X[:250], Y[:250], tree, recipe, seed=3, pool=ONE)
    found, n = updated(old, same(tree), News(X, Y, 250, drift), recipe, seed=3, pool=ONE)
    at = tree.node_targets(Y).toarray() > 0
    at[:, 0] = True
    changed = []
    for v in range(1, tree.n_nodes):
        mine, above = at[:, v], at[:, tree.parent[v]]
        right = mine[250:].sum() > drift * mine[:250].sum()
        others = above & ~mine
        wrong = others[250:].sum() > drift * others[:250].sum()
        changed.append(right or wrong)
        pairs = [m.weights.of_child(v, int(tree.parent[v])) for m in (old, found)]
        equal = all(np.array_equal(a, b) for a, b in zip(*pairs, strict=True))
        assert equal or changed[-1]
    assert n == sum(changed)
    assert 0 < n < tree.n_nodes - 1


# ---- models --------------------------------------------------------------------------------------


def with_new_labels(Y, n_new, n_old):
    """The last labels only occur in the last documents."""
    Y = Y.toarray()
    Y[:n_old, -n_new:] = 0
    return as_csr(Y, "Y")


def test_new_labels_are_found():
    X, Y = corpus(n=600)
    Y = with_new_labels(Y, 3, 450)
    model = Parabel(n_trees=2, tree=Grown(TwoMeans(max_leaf=5)), updatable=True)
    model.fit(X[:450], Y[:450, :27])
    report = model.update(X[450:], Y[450:], labels=Labels.numbered(30))
    assert report[:2] == (150, 3)
    assert 0 < report.n_retrained <= report.n_classifiers
    assert len(model.labels_) == 30
    assert model.labels_.n_train == 600
    np.testing.assert_array_equal(model.labels_.counts, Y.sum(axis=0))
    whole = Parabel(n_trees=2, tree=Grown(TwoMeans(max_leaf=5))).fit(X, Y)
    assert model.score(X, Y) > whole.score(X, Y) - 0.03
    new = Y[:, [27, 28, 29]].toarray() > 0
    updated_recall, whole_recall = (
        (m.predict(X, k=5)[:, [27, 28, 29]].toarray()[new] > 0).mean() for m in (model, whole)
    )
    assert updated_recall > whole_recall - 0.15 > 0.4


def test_a_new_label_lands_where_its_documents_arrive():
    X, Y = corpus(n=600)
    Y = with_new_labels(Y, 1, 450)
    model = Parabel(n_trees=1, tree=Grown(TwoMeans(max_leaf=5)), updatable=True)
    model.fit(X[:450], Y[:450, :29])
    carry = np.flatnonzero(Y[:, [29]].toarray())
    (before,) = model.trees_
    homes, counts = np.unique(arrivals(before, X[carry]), return_counts=True)
    siblings = set(before.tree.label[before.tree.parent == homes[counts.argmax()]].tolist())
    model.update(X[450:], Y[450:], labels=Labels.numbered(30))
    (after,) = model.trees_
    (node,) = np.flatnonzero(after.tree.label == 29)
    assert set(after.tree.label[after.tree.parent == after.tree.parent[node]]) == siblings | {29}


def test_a_new_label_without_documents_is_never_ranked():
    X, Y = corpus()
    model = Parabel(n_trees=1, updatable=True).fit(X[:250], Y[:250])
    model.update(X[250:], widened(Y[250:], 31), labels=Labels.numbered(31))
    assert (model.trees_[0].tree.label == 30).sum() == 1
    assert model.predict(X, k=31)[:, [30]].nnz == 0


def test_retired_labels_are_never_ranked_and_others_stay():
    X, Y = corpus()
    model = Parabel(n_trees=2, updatable=True).fit(X, Y)
    before = model.predict(X, k=30).toarray()
    model.retire(["3", "7"])
    after = model.predict(X, k=30).toarray()
    assert not after[:, [3, 7]].any()
    others = np.setdiff1d(np.arange(30), [3, 7])
    np.testing.assert_allclose(after[:, others], before[:, others], rtol=1e-6)


def test_renamed_labels_keep_everything_but_their_id(checkerboard):
    pipeline = labeltree.find("pipeline")(model=Parabel(n_trees=1, updatable=True))
    pipeline.set_params(vectorizer__min_df=1)
    pipeline.fit(checkerboard.texts, checkerboard.Y, labels=checkerboard.labels)
    before = pipeline.predict(checkerboard.texts)
    pipeline.rename({"black": "schwarz"})
    assert pipeline.labels_.ids[0] == pipeline.labels_.names[0] == "schwarz"
    assert pipeline.labels_.hierarchy.label_ids == pipeline.labels_.ids
    assert (pipeline.predict(checkerboard.texts) != before).nnz == 0
    vote = labeltree.find("ensemble")(models=(Parabel(), Local()))
    vote.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    vote.rename({"white": "weiß"})
    assert all(m.labels_.ids[1] == "weiß" for m in (vote, *vote.members_))


def test_updates_follow_one_another_and_survive_saving(tmp_path):
    X, Y = corpus(n=600)
    model = Parabel(n_trees=1, updatable=True).fit(X[:400], Y[:400])
    model.update(X[400:500], Y[400:500])
    model.save(tmp_path / "m")
    again = labeltree.load(tmp_path / "m")
    for m in (model, again):
        m.update(X[500:], Y[500:])
    assert (again.predict(X) != model.predict(X)).nnz == 0
    assert again.labels_.n_train == 600


EDGES = [("a", "b"), ("a", "c"), ("d", "e"), ("d", "f")]
OLD = Labels(tuple("abcdef"), hierarchy=Hierarchy.from_edges(EDGES, tuple("abcdef")))
MORE = [*EDGES, ("a", "g"), ("b", "h"), ("g", "i"), ("d", "g")]
NEW = Labels(tuple("abcdefghi"), hierarchy=Hierarchy.from_edges(MORE, tuple("abcdefghi")))


def taxonomy_corpus(closed):
    rng = np.random.default_rng(0)
    label = np.r_[np.tile([1, 2, 4, 5], 30), np.tile([6, 7, 8], 10)]
    Y = np.eye(9)[label]
    if closed:
        Y = NEW.hierarchy.close(csr_array(Y)).toarray()
    X = np.eye(9)[label] + 0.3 * rng.random((len(label), 9))
    return csr_array(X), csr_array(Y), label


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("model_class", [Local, Parabel])
def test_new_labels_of_a_taxonomy_stand_below_their_parents(closed, model_class):
    X, Y, label = taxonomy_corpus(closed)
    fields = {"tree": Graft()} if model_class is Parabel else {}
    model = model_class(n_trees=1, updatable=True, **fields)
    model.fit(X[:120], Y[:120, :6], labels=OLD)
    model.update(X[120:], Y[120:], labels=NEW)
    tree = model.trees_[0].tree
    parent_labels = {c: {NEW.ids[p] for p in parents(tree, NEW, c)} for c in range(6, 9)}
    assert parent_labels == {6: {"a", "d"}, 7: {"b"}, 8: {"g"}}
    assert (tree.label == 6).sum() == 2, "one place for each parent"
    assert set(tree.label.tolist()) == set(range(-1, 9)), "the opened leaf answers for itself"
    S = model.predict(X, k=9)
    S = S.toarray()
    leaves = [1, 2, 4, 5, 6, 7, 8]
    if closed:  # most specific: the deepest that scores
        S[:, 1] -= S[:, 7]
        S[:, 6] -= S[:, 8]
    found = np.array(leaves)[S[:, leaves].argmax(axis=1)]
    assert (found == label).mean() > 0.9


def parents(tree, labels, column):
    """Columns of the taxonomy nodes above a label's tree nodes."""
    out = set()
    for v in np.flatnonzero(tree.label == column):
        up = int(tree.parent[v])
        if tree.source[up] == tree.source[v]:  # its own leaf below itself
            up = int(tree.parent[up])
        out.add(int(labels.hierarchy.label[tree.source[up]]))
    return out


def test_exclusive_children_are_trained_again_together():
    X, Y, _ = taxonomy_corpus(closed=True)
    model = Local(updatable=True).fit(X[:120], Y[:120, :6], labels=OLD)
    keep = model.trees_[0]
    model.update(X[:5], Y[:5, :6], drift=0.01)
    linear = model.trees_[0]
    np.testing.assert_array_equal(linear.transform, keep.transform)
    S = model.predict(X[:120], k=6).toarray()
    np.testing.assert_allclose(S[:, [0, 3]].sum(axis=1), 1, atol=1e-3)


def test_what_cannot_be_updated_says_so():
    X, Y = corpus()
    with pytest.raises(ParameterError, match="--updatable true"):
        Parabel(n_trees=1).fit(X, Y).update(X, Y)
    model = XrLinear(negatives="tfn+man", updatable=True).fit(X, Y)
    with pytest.raises(ParameterError, match="Matched negatives"):
        model.update(X, Y)
    with pytest.raises(ParameterError, match="popular"):
        labeltree.find("popular")().fit(X, Y).update(X, Y)


def test_bad_input():
    X, Y = corpus()
    model = Parabel(n_trees=1, updatable=True).fit(X, Y)
    with pytest.raises(DataError, match="rows"):
        model.update(X[:5], Y[:4])
    with pytest.raises(DataError, match="columns"):
        model.update(X, widened(Y, 31))
    with pytest.raises(DataError, match="those of the model"):
        model.update(X, Y, labels=Labels(tuple(f"l{i}" for i in range(30))))
    with pytest.raises(DataError, match="nope"):
        model.retire(["nope"])
    with pytest.raises(DataError, match="nope"):
        model.rename({"nope": "yes"})
    with pytest.raises(DataError, match="twice"):
        model.rename({"3": "4"})
    with pytest.raises(ParameterError, match="cannot retire"):
        labeltree.find("popular")().fit(X, Y).retire(["3"])
    with pytest.raises(DataError, match="features"):
        model.update(X[:, :-1], Y)


def test_ensembles_and_pipelines_pass_it_on(checkerboard):
    pipeline = labeltree.find("pipeline")(model=Parabel(n_trees=1, updatable=True))
    pipeline.set_params(vectorizer__min_df=1)
    pipeline.fit(checkerboard.texts[:60], checkerboard.Y[:60], labels=checkerboard.labels)
    report = pipeline.update(checkerboard.texts[60:], checkerboard.Y[60:])
    assert report.n_documents == len(checkerboard) - 60
    X, Y = corpus()
    member = Parabel(n_trees=1, updatable=True)
    vote = labeltree.find("ensemble")(models=(member, Local(updatable=True))).fit(X[:200], Y[:200])
    before = vote.predict(X)
    report = vote.update(X[200:], Y[200:])
    assert report.n_classifiers == sum(t.tree.n_nodes - 1 for m in vote.members_ for t in m.trees_)
    assert (vote.predict(X) != before).nnz > 0
    stacked = vstack([m.documents_.X for m in vote.members_])
    assert stacked.shape[0] == 600
