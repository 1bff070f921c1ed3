"""`labeltree tree --plot` as its users meet it."""

import sys

import pytest

from labeltree.cli import main


def test_a_model_a_taxonomy_and_a_data_folder(model, data, tmp_path, capsys):
    for i, path in enumerate((model, data / "taxonomy.tsv", data)):
        file = tmp_path / f"{i}.svg"
        assert main(["tree", str(path), "--plot", str(file)]) == 0
        assert f"drawn to {file}" in capsys.readouterr().out
        assert file.read_text().startswith("<?xml")


def test_depth(data, tmp_path, capsys):
    sizes = []
    for depth in ("1", "2"):
        assert main(["tree", str(data), "--plot", str(tmp_path / "t.svg"), "--depth", depth]) == 0
        sizes.append(len((tmp_path / "t.svg").read_text()))
    assert sizes[0] < sizes[1]


def test_documents_that_cannot_be_read_do_not_hide_the_taxonomy(data, tmp_path):
    (data / "train.jsonl").write_text("{oops\n")
    assert main(["tree", str(data), "--plot", str(tmp_path / "t.png")]) == 0


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (["--plot", "t.bmp"], 2, ".png, .svg, .pdf"),
        (["--plot", "t.png", "--depth", "0"], 2, "--depth"),
        (["--depth", "1"], 2, "are for --plot"),
        (["--plot", "t.png", "--number", "2"], 2, "--number: 1 to 1 wanted, found 2"),
    ],
)
def test_bad_input(flags, status, message, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tree", str(model), *flags]) == status
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("t.*"))


def test_matplotlib_is_an_extra(data, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["tree", str(data), "--plot", "t.png"]) == 1
    assert "pip install 'labeltree[plot]'" in capsys.readouterr().err
