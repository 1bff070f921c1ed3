"""The baseline counts."""

import numpy as np

from labeltree.models.popular import Popular

Y = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0], [0, 0, 1, 0]])


def test_score_is_the_share_of_training_documents():
    S = Popular().fit(np.zeros((4, 1)), Y).predict(np.zeros((2, 1)), k=4).toarray()
    np.testing.assert_allclose(S, [[0.75, 0.25, 0.75, 0]] * 2, rtol=1e-6)


def test_ties_go_to_the_lower_label_and_stay_strict():
    S = Popular().fit(np.zeros((4, 1)), Y).predict(np.zeros((1, 1)), k=1)
    assert S.indices.tolist() == [0]
    S = Popular().fit(np.zeros((4, 1)), Y).predict(np.zeros((1, 1)), k=2).toarray()[0]
    assert S[0] > S[2]


def test_a_label_without_documents_is_not_ranked():
    S = Popular().fit(np.zeros((4, 1)), Y).predict(np.zeros((1, 1)), k=4)
    assert 3 not in S.indices
