"""`labeltree update`, as a user types it."""

import json

import pytest

import labeltree
from labeltree.cli import main

TREES = {"oak": "acorn leaf bark", "pine": "needle cone resin", "rose": "thorn petal scent"}


def write(folder, labels, n=12, taxonomy=()):
    folder.mkdir()
    lines = [
        json.dumps({"text": f"{TREES[label]} {i}", "labels": [label]})
        for i in range(n)
        for label in labels
    ]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n")
    if taxonomy:
        text = "".join(f"{p}\t{c}\n" for p, c in taxonomy)
        (folder / "taxonomy.tsv").write_text(text)
    return str(folder)


@pytest.fixture
def model(tmp_path):
    data, out = write(tmp_path / "old", ("oak", "pine")), str(tmp_path / "model")
    flags = ["--updatable", "true", "--n-trees", "1", "--quiet", "--tfidf.min-df", "1"]
    # Words of the rose are known to the vectoriser: it does not learn.
    with open(tmp_path / "old" / "train.jsonl", "a") as more:
        more.write(json.dumps({"text": TREES["rose"], "labels": []}) + "\n")
    assert main(["fit", "parabel", data, "--out", out, *flags]) == 0
    return out


def first(model, text):
    found = labeltree.load(model)
    S = found.predict([text], k=1)
    return found.labels_.ids[S.indices[0]]


def test_learns_documents_and_a_new_label(model, tmp_path, capsys):
    capsys.readouterr()
    assert main(["update", model, write(tmp_path / "new", ("rose", "oak"))]) == 0
    said = capsys.readouterr().err
    assert "24 documents and 1 labels learned" in said
    assert f"saved to {model}" in said
    assert first(model, "thorn and petal") == "rose"
    assert first(model, "needle and cone") == "pine"


def test_decisions_that_do_not_know_the_new_labels_are_dropped(tmp_path, capsys):
    data, out = write(tmp_path / "old", ("oak", "pine"), n=20), str(tmp_path / "model")
    flags = ["--updatable", "true", "--n-trees", "1", "--quiet", "--tfidf.min-df", "1"]
    assert main(["fit", "parabel", data, "--out", out, *flags]) == 0
    kept = write(tmp_path / "known", ("oak",))
    assert main(["update", out, kept, "--quiet"]) == 0
    assert labeltree.load(out).decider_ is not None
    assert main(["update", out, write(tmp_path / "new", ("rose",))]) == 0
    assert "labeltree decide" in capsys.readouterr().err
    assert not hasattr(labeltree.load(out), "decider_")


def test_writes_elsewhere(model, tmp_path):
    new, out = write(tmp_path / "new", ("rose",)), str(tmp_path / "other")
    assert main(["update", model, new, "--out", out, "--quiet"]) == 0
    assert first(out, "thorn and petal") == "rose"
    assert "rose" not in labeltree.load(model).labels_.ids


def test_retires_and_renames_without_data(model, capsys):
    assert main(["update", model, "--retire", "pine", "--rename", "oak=quercus"]) == 0
    assert first(model, "needle and cone") == "quercus"
    loaded = labeltree.load(model)
    assert set(loaded.labels_.ids) == {"quercus", "pine"}
    assert loaded.predict(["needle cone"], k=2).nnz == 1


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        ([], 2, "nothing to do"),
        (["--rename", "oak"], 2, "OLD=NEW wanted"),
        (["--retire", "elm"], 1, "no label 'elm'"),
        (["--rename", "elm=ulmus"], 1, "no label 'elm'"),
        (["--rename", "oak=pine"], 1, "twice"),
        (["--retire", "oak", "--drift", "-1"], 2, "--drift"),
    ],
)
def test_wrong_usage(flags, status, message, model, capsys):
    before = sorted((f.name, f.read_bytes()) for f in _files(model))
    assert main(["update", model, *flags]) == status
    assert message in capsys.readouterr().err
    assert sorted((f.name, f.read_bytes()) for f in _files(model)) == before


def _files(model):
    from pathlib import Path

    return Path(model).iterdir()


def test_a_model_without_its_documents_says_how_to_keep_them(tmp_path, capsys):
    data, out = write(tmp_path / "old", ("oak", "pine")), str(tmp_path / "model")
    assert main(["fit", "parabel", data, "--out", out, "--quiet", "--tfidf.min-df", "1"]) == 0
    assert main(["update", out, data]) == 2
    assert "--updatable true" in capsys.readouterr().err


def test_label_sets_that_are_closed_are_asked_to_stay_so(tmp_path, capsys):
    edges = [("plant", "oak"), ("plant", "pine")]
    data, out = write(tmp_path / "old", ("oak", "pine"), taxonomy=edges), str(tmp_path / "model")
    flags = ["--updatable", "true", "--close-labels", "--quiet", "--tfidf.min-df", "1"]
    assert main(["fit", "local", data, "--out", out, *flags]) == 0
    new = write(tmp_path / "new", ("oak", "rose"), taxonomy=[("plant", "rose")])
    assert main(["update", out, new]) == 0
    assert "--close-labels adds them" in capsys.readouterr().err
    assert main(["update", out, new, "--close-labels"]) == 0
    assert "--close-labels" not in capsys.readouterr().err
    labels = labeltree.load(out).labels_
    assert list(labels.hierarchy.to_networkx().predecessors("rose")) == ["plant"]
