"""A small data folder and a model fitted on it through the command line."""

import json

import pytest

from labeltree.cli import main

NOTES = [
    ("kettle furred up with white crust", ["kettle", "limescale"]),
    ("kettle will not switch off", ["kettle", "switch"]),
    ("toaster lever has lost its spring", ["toaster", "spring"]),
    ("toaster switch is burnt", ["toaster", "switch"]),
    ("white crust in the kettle again", ["kettle", "limescale"]),
    ("spring of the toaster snapped", ["toaster", "spring"]),
]
TAXONOMY = "thing\tkettle\nthing\ttoaster\nfault\tlimescale\nfault\tswitch\nfault\tspring\n"


def write_folder(folder, notes=NOTES, repeat=4, taxonomy=TAXONOMY):
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"text": t, "labels": ls}, ensure_ascii=False) for t, ls in notes]
    for part, n in (("train", repeat), ("test", 1)):
        (folder / f"{part}.jsonl").write_text("\n".join(lines * n) + "\n", "utf8")
    if taxonomy:
        (folder / "taxonomy.tsv").write_text(taxonomy, "utf8")
    return folder


@pytest.fixture
def data(tmp_path):
    return write_folder(tmp_path / "data")


@pytest.fixture
def model(data, tmp_path):
    out = tmp_path / "model"
    assert main(["fit", "parabel", str(data), "--out", str(out), "--n-trees", "1", "--quiet"]) == 0
    return out
