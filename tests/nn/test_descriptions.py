import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr
from labeltree.core.labels import Labels
from labeltree.nn.descriptions import N_WORDS, described_by_words, means

TEXTS = ["the red apple of the tree", "the red car", "the green apple", "a car of the day", ""]
Y = as_csr(np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]]), "Y")
LABELS = Labels(("fruit", "vehicle", "colour"), ("Fruit", "Vehicle", "Colour"))


def test_words_that_stand_out_come_first():
    fruit, vehicle, colour = described_by_words(TEXTS, Y, LABELS)
    assert fruit.split()[0] == "apple"
    assert vehicle.split()[0] == "car"
    assert "the" not in fruit.split()[:3], "what is everywhere describes nothing"


def test_a_label_without_documents_has_its_name():
    assert described_by_words(TEXTS, Y, LABELS)[2] == "Colour"
    bare = Labels(("fruit", "vehicle", "colour"))
    assert described_by_words(TEXTS, Y, bare)[2] == "colour"
    told = Labels(LABELS.ids, LABELS.names, ("", "", "hue of a thing"))
    assert described_by_words(TEXTS, Y, told)[2] == "Colour hue of a thing"


def test_a_label_whose_documents_are_empty_has_its_name():
    only_empty = as_csr(np.array([[1, 0], [0, 0], [0, 0], [0, 0], [0, 1]]), "Y")
    assert described_by_words(TEXTS, only_empty, Labels(("a", "b")))[1] == "b"


def test_no_text_has_a_word():
    assert described_by_words(["", "!"], Y[:2], LABELS) == ["Fruit", "Vehicle", "Colour"]


def test_not_too_many_words():
    texts = [" ".join(f"word{i}" for i in range(3 * N_WORDS)), "other"]
    truth = as_csr(np.eye(2), "Y")
    described = described_by_words(texts, truth, Labels(("a", "b")))
    assert len(described[0].split()) == N_WORDS


def test_any_script():
    texts = ["日本語 文書", "русский текст", "日本語 言語"]
    truth = as_csr(np.array([[1, 0], [0, 1], [1, 0]]), "Y")
    first, second = described_by_words(texts, truth, Labels(("ja", "ru")))
    assert first.split()[0] == "日本語"
    assert set(second.split()) == {"русский", "текст"}


def test_means_of_rows():
    rng = np.random.default_rng(0)
    X, truth = rng.random((9, 4)) * (rng.random((9, 4)) < 0.5), rng.random((9, 3)) < 0.4
    truth[:, 2] = False
    found = means(as_csr(X, "X"), as_csr(truth, "Y"))
    for label in range(2):
        expected = X[truth[:, label]].mean(axis=0)
        np.testing.assert_allclose(found[[label]].toarray()[0], expected, rtol=1e-5)
    assert found[[2]].nnz == 0
    assert isinstance(found, csr_array)
