import logging
import shutil
from pathlib import Path

import numpy as np

from labeltree.kernels import compile as compiling


def test_machine_code_is_kept_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LABELTREE_CACHE", str(tmp_path / "kept"))
    folder = compiling.cache_folder.__wrapped__()
    assert folder.is_dir()
    assert folder.parent == tmp_path / "kept"
    assert not list(folder.iterdir()), "the probe is gone"
    monkeypatch.setattr(compiling, "cache_folder", lambda: folder)
    double = compiling.kernel(doubled)
    assert double(np.float64(4)) == 8
    assert list(folder.rglob("*.nbi")), "the machine code lies there"


def doubled(x):
    return x * 2


def test_without_the_variable_the_users_cache_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("LABELTREE_CACHE", raising=False)
    monkeypatch.setattr(compiling, "_user_cache", lambda: tmp_path)
    assert compiling.cache_folder.__wrapped__().parent == tmp_path / "labeltree"


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("LABELTREE_CACHE", str(blocked))
    with caplog.at_level(logging.WARNING, "labeltree"):
        assert compiling.cache_folder.__wrapped__() is None
    assert "Set LABELTREE_CACHE" in caplog.text
    monkeypatch.setattr(compiling, "cache_folder", lambda: None)
    assert compiling.kernel(doubled)(3) == 6, "kernels work all the same"


def test_compiling_is_announced_only_when_it_will_happen(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    with caplog.at_level(logging.WARNING, "labeltree"):
        compiling.announce.__wrapped__()
        assert "compiling kernels" in caplog.text
        caplog.clear()
        (tmp_path / "beam").mkdir()
        (tmp_path / "beam" / "beam.search.nbi").touch()
        compiling.announce.__wrapped__()
        assert not caplog.records


def test_the_folder_changes_with_any_source(monkeypatch, tmp_path):
    for source in Path(compiling.__file__).parent.glob("*.py"):
        shutil.copy(source, tmp_path)
    before = compiling._fingerprint()
    monkeypatch.setattr(compiling, "__file__", str(tmp_path / "compile.py"))
    assert compiling._fingerprint() == before, "same sources elsewhere, same machine code"
    with open(tmp_path / "sparse.py", "a") as source:
        source.write("\n")
    assert compiling._fingerprint() != before


def test_fast_kernels_keep_infinities_and_nan():
    def both(x, y):
        return min(x, np.inf), x - y == x - y, y > x

    fast = compiling.fast_kernel(both)
    assert fast(np.inf, np.inf) == (np.inf, False, False)
    assert fast(-np.inf, 1.0) == (-np.inf, True, True)
