import logging
import os
import shutil
import subprocess
import sys
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


SORTS = """
import sys
import numpy as np
from numba.core.bytecode import FunctionIdentity
from labeltree.kernels.compile import kernel

@kernel
def ordered(x):
    return np.sort(x)

@kernel
def permutation(x):
    return np.argsort(x)

for word in sys.argv[1:]:
    if word.isdecimal():
        for _ in range(int(word)):
            first = next(FunctionIdentity._unique_ids)
        print(first)
    else:
        print(globals()[word](np.array([30, 10, 20], np.uint32)).tolist())
"""


def test_code_of_several_processes_is_not_mixed_up(tmp_path):
    """Numba names what sorts and what sorts indirectly alike but for a number."""
    (tmp_path / "sorts.py").write_text(SORTS)

    def said(*words):
        done = subprocess.run(
            [sys.executable, tmp_path / "sorts.py", *words],
            env=os.environ | {"LABELTREE_CACHE": str(tmp_path / "cache")},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.split("\n")[:-1]

    one, answer = said("ordered", "1")[::-1]
    assert answer == "[10, 20, 30]"
    # Counting from 1, the numbers of both meet after three more functions (numba 0.68).
    two, answer = said("3", "permutation")
    assert answer == "[1, 2, 0]"
    assert abs(int(one) - int(two)) > 1000
    assert said("ordered", "permutation") == ["[10, 20, 30]", "[1, 2, 0]"]
