import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.labels import Labels
from labeltree.grow.label_features import CoOccurrence, Joint, LabelText, Pifa
from labeltree.grow.pifa import pifa, unit_rows

X = unit_rows(as_csr(np.array([[1, 0, 2], [0, 1, 0], [1, 1, 0.0]]), "X"))
Y = as_csr(np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0.0]]), "Y")
NAMES = Labels(tuple("abcd"))


def lengths(Z):
    return np.sqrt(Z.multiply(Z).sum(axis=1))


def test_pifa_known_answer():
    """The sheet's: x are the rows above; only label 1, of several documents, tells them apart."""
    raw, shared = (Pifa(per_document=p).represent(X, Y, NAMES).toarray() for p in (False, True))
    for Z in (raw, shared):
        np.testing.assert_allclose(Z[0], [0.447214, 0, 0.894427], atol=1e-6)
        np.testing.assert_allclose(Z[2], [0.707107, 0.707107, 0], atol=1e-6)
        assert not Z[3].any()
    np.testing.assert_allclose(raw[1], [0.513835, 0.759903, 0.398146], atol=1e-6)
    np.testing.assert_allclose(shared[1], [0.448218, 0.823700, 0.347302], atol=1e-6)


def test_co_occurrence_leaves_the_label_itself_out():
    Z = CoOccurrence().represent(X, Y, NAMES).toarray()
    root = np.sqrt(0.5)
    np.testing.assert_allclose(
        Z, [[0, 1, 0, 0], [root, 0, root, 0], [0, 1, 0, 0], [0, 0, 0, 0]], atol=1e-6
    )


def test_joint_weighs_both_blocks_alike():
    Z = Joint().represent(X, Y, NAMES)
    assert Z.shape == (4, 3 + 4)
    root = np.sqrt(0.5)
    documents, company = pifa(X, Y).toarray(), CoOccurrence().represent(X, Y, NAMES).toarray()
    np.testing.assert_allclose(Z.toarray(), np.hstack([documents, company]) * root, atol=1e-6)
    alone = as_csr(np.array([[1, 0], [0, 1], [0, 1.0]]), "Y")
    Z = Joint().represent(X, alone, NAMES)
    np.testing.assert_allclose(lengths(Z), 1, atol=1e-6)
    assert Z[:, 3:].nnz == 0, "labels without company have their documents"


def named(features):
    return Labels(tuple("abcd"), features=as_csr(np.array(features, float), "features"))


TEXTS = [[2, 0, 0], [0, 0, 3], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_text_beside_documents_shares_the_similarity(share):
    Z = LabelText(share=share).represent(X, Y, named(TEXTS))
    assert Z.shape == (4, 6)
    similar = (Z @ Z.T).toarray()
    documents, text = pifa(X, Y).toarray(), unit_rows(as_csr(np.array(TEXTS), "t")).toarray()
    expected = (1 - share) * documents @ documents.T + share * text @ text.T
    scale = np.sqrt(np.diag(expected))
    scale[scale == 0] = 1
    np.testing.assert_allclose(similar, expected / scale[:, None] / scale, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_mixed_text_is_a_weighted_sum(share):
    Z = LabelText(join="mixed", share=share).represent(X, Y, named(TEXTS))
    documents, text = pifa(X, Y).toarray(), unit_rows(as_csr(np.array(TEXTS), "t")).toarray()
    expected = unit_rows(as_csr((1 - share) * documents + share * text, "e")).toarray()
    np.testing.assert_allclose(Z.toarray(), expected, atol=1e-6)


def test_a_label_without_documents_is_known_by_its_text():
    Z = LabelText().represent(X, Y, named(TEXTS))
    assert Z[[3]].nnz == 1


@pytest.mark.parametrize("labels", [NAMES, named(np.zeros((4, 3)))])
def test_no_texts(labels):
    with pytest.raises(DataError, match="label_names.tsv"):
        LabelText().represent(X, Y, labels)


def test_parameters_are_checked():
    with pytest.raises(ParameterError, match="share"):
        LabelText(share=1.5)
    with pytest.raises(ParameterError, match="join"):
        LabelText(join="glued")
