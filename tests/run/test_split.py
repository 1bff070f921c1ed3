"""Parts without leaks, of the wanted sizes, with every label where it can be learnt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.labels import Labels
from labeltree.readers import ReadReport, Splits, repair_cafe
from labeltree.run.split import coverage, pool, shared_with_train, split, tied_documents

SHARES = {"val": 0.1, "test": 0.2}


def splits_of(texts, Y, **parts):
    Y = csr_array(np.asarray(Y, float))
    labels = Labels.numbered(Y.shape[1]).counted(Y)
    return Splits(Dataset(Y, labels, texts), parts.get("val"), parts.get("test"), labels,
                  ReadReport())  # fmt: skip


def random_splits(seed, n=200, n_labels=40, n_texts=None):
    rng = np.random.default_rng(seed)
    which = rng.integers(0, n_texts or 10 * n, n)
    Y = rng.random((n, n_labels)) < rng.choice([0.01, 0.05, 0.2], n_labels)
    return splits_of([f"Text, No. {w}" if i % 2 else f"text no {w}" for i, w in enumerate(which)],
                     Y)  # fmt: skip


def words(part):
    return {" ".join(text.lower().replace(",", "").replace(".", "").split()) for text in part.texts}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), stratified=st.booleans())
def test_nothing_leaks_and_nothing_is_lost(seed, stratified):
    given_data = random_splits(seed, n_texts=100)
    found = split(given_data, SHARES, seed=seed, stratified=stratified)
    parts = list(found.parts.values())
    assert sum(map(len, parts)) == 200
    assert sorted(t for p in parts for t in p.texts) == sorted(given_data.train.texts)
    assert sum(p.Y.nnz for p in parts) == given_data.train.Y.nnz
    for i, part in enumerate(parts):
        for other in parts[i + 1 :]:
            assert not words(part) & words(other)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_stratified_labels_with_two_documents_reach_train(seed):
    given_data = random_splits(seed)
    found = split(given_data, SHARES, seed=seed, stratified=True)
    units = tied_documents(given_data.train)
    Y = given_data.train.Y.tocoo()
    in_units = [len(set(units[Y.row[Y.col == label]])) for label in range(Y.shape[1])]
    assert (found.labels.counts[np.array(in_units) >= 2] > 0).all()


@pytest.mark.parametrize("stratified", [True, False])
def test_the_sizes_are_those_asked_for(stratified):
    found = split(random_splits(3, n=1000), SHARES, stratified=stratified)
    assert [len(p) for p in found.parts.values()] == pytest.approx([700, 100, 200], abs=15)
    assert list(found.parts) == ["train", "val", "test"]


def test_same_seed_same_parts_another_seed_others():
    given_data = random_splits(4)
    texts = [split(given_data, SHARES, seed=seed).test.texts for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("stratified", [True, False])
def test_documents_that_share_a_field_stay_together(stratified):
    given_data = random_splits(5)
    author = np.random.default_rng(5).integers(0, 40, 200)
    values = csr_array((np.ones(200), (np.arange(200), author)))
    found = split(given_data, SHARES, stratified=stratified, together=[values])
    where = {text: name for name, part in found.parts.items() for text in part.texts}
    parts = np.array([where[text] for text in given_data.train.texts])
    assert all(len(set(parts[author == a])) == 1 for a in set(author))


def test_ties_go_from_one_document_to_the_next():
    data = splits_of(["a b", "A, b!", "c d", "e f", "g h"], np.eye(5))
    author = csr_array([[0, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    units = tied_documents(data.train, [author])
    assert units[0] == units[1] == units[2] != units[3] == units[4]


def test_an_existing_part_stays_as_it_is():
    given_data = random_splits(6)
    test = given_data.train.subset(range(20))
    found = split(
        Splits(given_data.train, None, test, given_data.labels, ReadReport()), {"val": 0.25}
    )
    assert found.test.texts == test.texts
    assert len(found.train) + len(found.val) == 200
    assert found.labels.n_train == len(found.train)
    assert found.test.labels.n_train == len(found.train)
    with pytest.raises(ParameterError, match="test part already"):
        split(found, {"test": 0.2})


def test_what_a_kept_part_shares_with_train_is_counted():
    data = splits_of([f"note {i}" for i in range(20)], np.ones((20, 1)))
    labels = data.labels
    test = Dataset(csr_array(np.ones((3, 1))), labels, ["Note 1!", "NOTE 1", "other"])
    kept = Splits(data.train, None, test, labels, ReadReport())
    assert shared_with_train(kept, "test") == 2


def test_counts_are_those_of_the_new_train():
    found = split(random_splits(7), SHARES)
    assert found.labels.counts.tolist() == found.train.Y.sum(axis=0).tolist()


def test_pooling_keeps_labels_of_all_parts():
    corpus = repair_cafe()
    test = corpus.test
    beyond = Labels(("zebra", "yak"), names=("Zebra", "Yak"))
    ids, names = test.labels.ids + beyond.ids, test.labels.names + beyond.names
    Y = csr_array(np.hstack([test.Y.toarray(), np.ones((len(test), 2))]))
    odd = Dataset(Y, Labels(ids, names, hierarchy=corpus.labels.hierarchy), test.texts,
                  n_universe=len(corpus.labels))  # fmt: skip
    pooled = pool(Splits(corpus.train, corpus.val, odd, corpus.labels, corpus.report))
    assert len(pooled.train) == 330 + 60 + 70
    assert pooled.val is pooled.test is None
    assert pooled.labels.ids == (*corpus.labels.ids, "yak", "zebra")
    assert pooled.labels.names[-2:] == ("Yak", "Zebra")
    assert pooled.labels.counts[-2:].tolist() == [70, 70]
    assert pooled.labels.hierarchy is corpus.labels.hierarchy
    before = [row.nnz for p in (corpus.train, corpus.val, odd) for row in p.Y]
    assert [row.nnz for row in pooled.train.Y] == before


def test_coverage_by_hand():
    Y = np.array([[1, 1, 0], [1, 0, 0]])
    data = splits_of(["a b", "c d"], Y)
    test = Dataset(csr_array([[1.0, 0, 1], [1, 0, 1]]), data.labels, ["e f", "g h"])
    train, found = coverage(Splits(data.train, None, test, data.labels, ReadReport()))
    assert (train.part, train.documents, train.labels, train.learnable) == ("train", 2, 2, 2)
    assert (found.labels, found.learnable, found.occurrences) == (2, 1, 0.5)


@pytest.mark.parametrize(
    "shares", [{"val": 0}, {"val": 1}, {"val": -0.1}, {"val": 0.5, "test": 0.5}, {}, {"dev": 0.1},
               {"val": float("nan")}]
)  # fmt: skip
def test_impossible_shares(shares):
    with pytest.raises(ParameterError):
        split(random_splits(8), shares)


def test_a_part_that_would_be_empty():
    with pytest.raises(DataError, match="part would be empty: 4 documents, 1 of"):
        split(splits_of(["same text"] * 4, np.ones((4, 1))), {"val": 0.5})


def test_no_training_part():
    data = random_splits(9)
    with pytest.raises(DataError, match="no training part"):
        split(Splits(None, None, data.train, data.labels, ReadReport()), SHARES)


def test_features_are_split_too():
    X = csr_array(np.eye(20))
    labels = Labels.numbered(2)
    Y = csr_array(np.tile([[1.0, 0], [0, 1]], (10, 1)))
    data = Splits(Dataset(Y, labels, X=X), None, None, labels, ReadReport())
    found = split(data, SHARES)
    assert sum(part.X.nnz for part in found.parts.values()) == 20
    assert len(pool(found).train) == 20


@pytest.mark.slow
def test_38_thousand_labels_take_seconds(data_root):
    import time

    import labeltree

    pooled = pool(labeltree.read(data_root / "tibkat_gnd"))
    began = time.process_time()
    found = split(pooled, SHARES, stratified=True)
    assert time.process_time() - began < 30
    assert all(c.learnable == c.labels for c in coverage(found))
