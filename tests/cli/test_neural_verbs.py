"""Networks on the command line: fitted, asked, measured, with a transformer from a folder."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny import write_tiny  # noqa: E402

import labeltree  # noqa: E402
from labeltree.cli import main  # noqa: E402

FAST = ["--device", "cpu", "--epochs", "2", "--batch-size", "8", "--quiet"]


@pytest.fixture
def folder(tmp_path, checkerboard):
    """The checkerboard as files, without a validation part."""
    where = tmp_path / "data"
    where.mkdir()
    ids = np.array(checkerboard.labels.ids)
    with open(where / "train.jsonl", "w") as out:
        for i, text in enumerate(checkerboard.texts):
            labels = ids[checkerboard.Y[[i]].indices].tolist()
            out.write(json.dumps({"text": text, "labels": labels}) + "\n")
    hierarchy = checkerboard.labels.hierarchy
    edges = [f"{hierarchy.ids[p]}\t{hierarchy.ids[c]}\n" for p, c in hierarchy.edges.T if p]
    (where / "taxonomy.tsv").write_text("".join(edges))
    return where


@pytest.mark.parametrize("model", ["flat", "hiagm"])
def test_an_encoder_from_a_folder(model, folder, tmp_path, capsys):
    write_tiny(tmp_path / "encoder")
    out = tmp_path / "model"
    command = ["fit", model, str(folder), "--out", str(out), "--encoder", str(tmp_path / "encoder")]
    assert main([*command, "--encoder.max-length", "16", "--lr", "1e-4", *FAST]) == 0
    saved = labeltree.load(out)
    assert saved.encoder.name == str(tmp_path / "encoder")
    assert (saved.encoder.max_length, saved.epochs, saved.lr) == (16, 2, 1e-4)
    assert main(["evaluate", str(out), str(folder), "--split", "train", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_documents"] == 96
    (tmp_path / "encoder").rename(tmp_path / "gone")
    texts = tmp_path / "texts.txt"
    texts.write_text("square0 black board1\n")
    assert main(["predict", str(out), str(texts)]) == 0
    assert capsys.readouterr().out.strip(), "answers need nothing but the model's folder"


def test_an_encoder_by_part(folder, tmp_path):
    out = tmp_path / "model"
    flags = ["--encoder", "tfidf-mlp", "--encoder.hidden", "16", "--encoder.tfidf.min-df", "1"]
    assert main(["fit", "flat", str(folder), "--out", str(out), *flags, *FAST]) == 0
    assert labeltree.load(out).encoder.hidden == 16


def test_fitted_once_with_decisions_on_the_tenth(folder, tmp_path, monkeypatch):
    from labeltree.nn import train

    met, real = [], train.train
    monkeypatch.setattr("labeltree.nn.train.train",
                        lambda *a, **k: met.append(a) or real(*a, **k))  # fmt: skip
    out = tmp_path / "model"
    flags = ["--encoder", "tfidf_mlp", "--encoder.tfidf.min-df", "1"]
    assert main(["fit", "flat", str(folder), "--out", str(out), *flags, *FAST]) == 0
    assert len(met) == 1
    data, validation = met[0][1:3]
    assert (len(data.documents), len(validation.documents)) == (86, 10)
    assert labeltree.load(out).decider_ is not None


@pytest.mark.parametrize("encoder", ["tfidf_mlp", "bi_lstm"])
def test_a_fit_does_not_read_the_test_part(encoder, folder, tmp_path):
    """Neither vocabulary nor priors, stopping or decisions: without the file all is the same."""
    lines = (folder / "train.jsonl").read_text().splitlines(keepends=True)
    (folder / "train.jsonl").write_text("".join(lines[:64]))
    (folder / "val.jsonl").write_text("".join(lines[64:80]))
    (folder / "test.jsonl").write_text("".join(lines[80:]) + '{"text": "new", "labels": ["new"]}\n')
    flags = ["--encoder", encoder, *FAST]
    flags += {"tfidf_mlp": ["--encoder.tfidf.min-df", "1"]}.get(encoder, ["--encoder.hidden", "8"])
    outs = tmp_path / "with", tmp_path / "without"
    assert main(["fit", "hiagm", str(folder), "--out", str(outs[0]), *flags]) == 0
    (folder / "test.jsonl").unlink()
    assert main(["fit", "hiagm", str(folder), "--out", str(outs[1]), *flags]) == 0
    files = [{f.name: f.read_bytes() for f in out.iterdir()} for out in outs]
    assert len(files[0]) > 3
    headers = [json.loads(found.pop("model.json")) for found in files]
    assert files[0] == files[1]
    assert headers[0]["files"] == headers[1]["files"]
    assert headers[0]["header"]["params"] == headers[1]["header"]["params"]
    assert "new" not in labeltree.load(outs[0]).labels_.ids


def test_a_model_of_features_stands_behind_tfidf(folder, tmp_path):
    out = tmp_path / "model"
    flags = ["--encoder", "feature_mlp", "--encoder.hidden", "16", "--tfidf.min-df", "1"]
    assert main(["fit", "flat", str(folder), "--out", str(out), *flags, *FAST]) == 0
    saved = labeltree.load(out)
    assert type(saved).__name__ == "Pipeline"
    assert saved.stops_early
    assert saved.predict(["square0 black"]).nnz


def test_no_such_encoder(folder, tmp_path, capsys):
    command = ["fit", "flat", str(folder), "--out", str(tmp_path / "m"), "--encoder", "no/such/one"]
    assert main([*command, *FAST]) == 2
    assert "no/such/one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--precision", "fp8"], "precision must be one of auto, fp32, bf16, fp16"),
        (["--precision", "fp16", "--device", "cpu"], "fp16 needs a graphics card"),
        (["--device", "cuda:63"], "no device 'cuda:63' here"),
        (["--epochs", "0"], "epochs must be a whole number of 1 or more"),
        (["--warmup", "2"], "warmup must be from 0 to 1"),
    ],
)
def test_wrong_usage_of_networks(flags, message, folder, tmp_path, capsys):
    small = ["--encoder", "tfidf_mlp", "--encoder.tfidf.min-df", "1"]
    command = ["fit", "flat", str(folder), "--out", str(tmp_path / "m"), *small, *flags]
    assert main(command) == 2
    assert message in capsys.readouterr().err
