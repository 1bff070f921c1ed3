import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from scipy.sparse import csr_array

from labeltree.core import store
from labeltree.core.errors import StoreError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.store import FORMAT, check_target, read_folder, write_folder

HEADER = {"model": "toy", "params": {"n": 3, "x": 0.1, "name": "Ü\ud800", "part": {"a": [1, None]}}}
STATE = {
    "weights": csr_array(np.array([[0, 1.5], [2, 0]], np.float32)),
    "labels": Labels(("b", "ü"), hierarchy=Hierarchy.from_edges([("b", "ü")])),
    "inner.scale": np.arange(3.0),
    "nothing": None,
}


def same(found, expected=(HEADER, STATE)):
    header, state = found
    assert header == expected[0]
    assert state.keys() == expected[1].keys()
    np.testing.assert_array_equal(state["weights"].toarray(), STATE["weights"].toarray())
    assert state["labels"].ids == ("b", "ü")
    assert state["labels"].hierarchy.ids == ("", "b", "ü")
    assert state["inner.scale"].tolist() == [0, 1, 2]
    assert state["nothing"] is None


def version(folder):
    """Return the number of the model in a folder, which must be whole."""
    header, state = read_folder(folder)
    assert state["a"].tolist() == state["b"].tolist() == [header["v"]] * 5
    return header["v"]


def write(folder, v):
    write_folder(folder, {"v": v}, {"a": np.full(5, v), "b": np.full(5, v)})


@pytest.fixture(autouse=True)
def _no_flushing(monkeypatch):
    """Flushing to the disk takes most of the time; no test here pulls the plug."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def folder(tmp_path):
    """A saved model, alone in its folder."""
    write_folder(tmp_path / "here" / "model", HEADER, STATE)
    return tmp_path / "here" / "model"


def content_of(folder):
    return {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def forge(folder, change):
    """Alter model.json and sign it again, as somebody with bad intentions would."""
    content = json.loads((folder / "model.json").read_bytes().decode("utf8", "surrogatepass"))
    content.pop("sha256")
    change(content)
    content["sha256"] = hashlib.sha256(store._canonical(content)).hexdigest()
    (folder / "model.json").write_bytes(store._canonical(content))


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


# ---- both ways -----------------------------------------------------------------------------------


def test_a_model_comes_back(folder):
    same(read_folder(folder))
    same(read_folder(str(folder), verify=False))


def test_a_folder_has_one_file_an_attribute(folder):
    assert {f.name for f in folder.iterdir()} == {
        "model.json", "weights.safetensors", "labels.safetensors", "inner.scale.safetensors",
        "nothing.safetensors",
    }  # fmt: skip
    assert list(folder.parent.iterdir()) == [folder]


def test_the_same_model_makes_the_same_files(folder, tmp_path):
    write_folder(tmp_path / "again", HEADER, STATE)
    assert content_of(tmp_path / "again") == content_of(folder)


def test_without_state_there_is_a_header(tmp_path):
    write_folder(tmp_path / "model", {"model": "toy"}, {})
    assert read_folder(tmp_path / "model") == ({"model": "toy"}, {})


def test_arrays_are_views_of_the_mapped_files(folder):
    _, state = read_folder(folder)
    weights, labels = state["weights"], state["labels"]
    arrays = [state["inner.scale"], weights.data, weights.indices, weights.indptr]
    arrays += [labels.counts, labels.hierarchy.label, labels.hierarchy.parent_ptr]
    for array in arrays:
        assert is_mapped(array)
        assert not array.flags.writeable


def test_a_model_in_use_survives_being_overwritten(folder):
    _, state = read_folder(folder)
    write(folder, 7)
    assert state["inner.scale"].tolist() == [0, 1, 2]
    assert version(folder) == 7


def test_the_library_of_that_name_reads_the_files(folder):
    found = safetensors.numpy.load_file(folder / "inner.scale.safetensors")
    assert found["inner.scale"].tolist() == [0, 1, 2]
    assert set(safetensors.numpy.load_file(folder / "labels.safetensors")) >= {"labels.ids.utf8"}


def test_types_are_prepared_from_the_header_before_they_are_needed(folder):
    seen = []
    read_folder(folder, prepare=seen.append)
    assert seen == [HEADER]
    with pytest.raises(ZeroDivisionError):
        read_folder(folder, prepare=lambda header: 1 / 0)


# ---- damage --------------------------------------------------------------------------------------


def test_every_single_altered_byte_is_refused(tmp_path):
    folder = tmp_path / "model"
    state = {"w": csr_array(np.eye(2, dtype=np.float32)), "ids": ("a", "ü"), "none": None}
    write_folder(folder, {"model": "toy", "n": 1.5}, state)
    read_folder(folder)
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for at in range(len(whole)):
            altered = bytearray(whole)
            altered[at] ^= 1 << (at * 5 % 8)
            file.write_bytes(altered)
            with pytest.raises(StoreError, match=file.name):
                read_folder(folder)
        file.write_bytes(whole)
    read_folder(folder)


def test_every_truncation_is_refused(folder):
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for size in {*range(0, len(whole), 7), len(whole) - 1}:
            file.write_bytes(whole[:size])
            with pytest.raises(StoreError, match=file.name):
                read_folder(folder, verify=False)
        file.write_bytes(whole + b" ")
        with pytest.raises(StoreError, match=file.name):
            read_folder(folder, verify=False)
        file.write_bytes(whole)
    same(read_folder(folder))


def test_every_missing_file_is_named(folder):
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        file.unlink()
        with pytest.raises(StoreError, match=f"{file.name} is missing"):
            read_folder(folder)
        file.mkdir()
        with pytest.raises(StoreError, match=file.name):
            read_folder(folder)
        file.rmdir()
        file.write_bytes(whole)
    same(read_folder(folder))


def test_files_of_another_model_are_refused(folder, tmp_path):
    changed = {**STATE, "inner.scale": np.arange(3.0) + 1}
    write_folder(tmp_path / "other", HEADER, changed)
    shutil.copy(tmp_path / "other" / "inner.scale.safetensors", folder)
    with pytest.raises(StoreError, match=r"inner\.scale\.safetensors was altered"):
        read_folder(folder)


def test_without_verifying_altered_numbers_pass_but_nothing_else(folder):
    file = folder / "inner.scale.safetensors"
    altered = bytearray(file.read_bytes())
    altered[-1] ^= 1
    file.write_bytes(altered)
    _, state = read_folder(folder, verify=False)
    assert state["inner.scale"].tolist() != [0, 1, 2]
    altered[0] ^= 1
    file.write_bytes(altered)
    with pytest.raises(StoreError, match="no valid safetensors file"):
        read_folder(folder, verify=False)


def test_a_newer_format_is_refused_with_the_remedy(folder):
    forge(folder, lambda c: c.update(format=FORMAT + 1, unheard="of"))
    with pytest.raises(StoreError, match=f"format {FORMAT + 1}.*Install a newer labeltree"):
        read_folder(folder)


@pytest.mark.parametrize("where", ["nowhere", "empty", "file", "other"])
def test_what_is_no_model_folder_is_refused(tmp_path, where):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("text")
    with pytest.raises(StoreError, match=where):
        read_folder(tmp_path / where)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"7", b"null", b'"x"', b"{}", b"\xff", b"[" * 100_000, b'{"sha256": 1}'],
)
def test_a_header_that_is_none_is_refused(folder, text):
    (folder / "model.json").write_bytes(text)
    with pytest.raises(StoreError, match=r"model\.json was altered"):
        read_folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("files"),
        lambda c: c.pop("state"),
        lambda c: c.pop("header"),
        lambda c: c.pop("format"),
        lambda c: c.update(format="1"),
        lambda c: c.update(files=[]),
        lambda c: c.update(state=None),
        lambda c: c.update(header="toy"),
        lambda c: c["files"].pop("weights.safetensors"),
        lambda c: c["state"].pop("weights"),
        lambda c: c["files"].update({"weights.safetensors": "hash"}),
        lambda c: c["files"]["weights.safetensors"].pop("sha256"),
        lambda c: c["files"]["weights.safetensors"].pop("bytes"),
    ],
)
def test_a_signed_header_with_entries_missing_is_refused(folder, change):
    forge(folder, change)
    with pytest.raises(StoreError, match=r"model\.json was altered or is incomplete"):
        read_folder(folder)


@pytest.mark.parametrize(
    "skeleton",
    [
        {"array": "other"},
        {"csr": "weights", "shape": [2, 1]},
        {"csr": "weights", "shape": [7, 2]},
        {"strings": "weights", "kind": "list"},
        {"type": "Labels", "fields": {"ids": {"array": "weights.data"}, "names": 7}},
        {"type": "LabelTree", "fields": {"parent": {"array": "weights.data"}, "label": None}},
        {"unheard": "of"},
    ],
)
def test_a_signed_header_that_does_not_fit_its_arrays_is_refused(folder, skeleton):
    forge(folder, lambda c: c["state"].update(weights=skeleton))
    with pytest.raises(
        StoreError, match=r"weights\.safetensors does not hold what model\.json says"
    ):
        read_folder(folder)


def test_a_type_this_version_does_not_know_is_named(folder):
    forge(folder, lambda c: c["state"].update(weights={"type": "Marvel", "fields": {}}))
    with pytest.raises(StoreError, match="holds a Marvel, unknown to this version"):
        read_folder(folder)


# ---- names stay inside the folder ----------------------------------------------------------------

OUTSIDE = ["../stolen", "/etc/stolen", "a/b", "..", ".", "", ".hidden", "a\\b", "a\0b", "c:stolen"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_cannot_leave_the_folder_on_writing(tmp_path, name):
    with pytest.raises(StoreError, match="cannot name a file"):
        write_folder(tmp_path / "in" / "model", {}, {name: np.ones(2)})
    assert not [f for f in tmp_path.rglob("*") if f.is_file()]
    assert not list((tmp_path / "in").iterdir())


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_cannot_leave_the_folder_on_reading(folder, name):
    outside = folder.parent / "stolen.safetensors"
    shutil.copy(folder / "weights.safetensors", outside)

    def move(content):
        content["state"] = {name: content["state"]["weights"]}
        content["files"] = {f"{name}.safetensors": content["files"]["weights.safetensors"]}

    forge(folder, move)
    with pytest.raises(StoreError, match="altered"):
        read_folder(folder)


def test_attributes_may_have_any_identifier_as_name(tmp_path):
    state = {"größe": 1, "a1": 2, "inner.inner.x": 3, "A": 4}
    write_folder(tmp_path / "model", {}, state)
    assert read_folder(tmp_path / "model")[1] == state


# ---- what is overwritten, and what is not --------------------------------------------------------


def test_an_older_model_is_replaced_whole(folder):
    write(folder, 1)
    assert version(folder) == 1
    assert {f.name for f in folder.iterdir()} == {"model.json", "a.safetensors", "b.safetensors"}
    assert list(folder.parent.iterdir()) == [folder]


def test_folders_above_are_made(tmp_path):
    write(tmp_path / "a" / "b" / "model", 1)
    assert version(tmp_path / "a" / "b" / "model") == 1


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "model").mkdir()
    check_target(tmp_path / "model")
    write(tmp_path / "model", 1)
    assert version(tmp_path / "model") == 1
    assert os.listdir(tmp_path) == ["model"]


def test_a_damaged_model_is_replaced(folder):
    (folder / "model.json").write_text("{")
    (folder / "weights.safetensors").unlink()
    write(folder, 1)
    assert version(folder) == 1


@pytest.mark.parametrize(
    "files",
    [
        ["thesis.tex"],
        ["model.json", "thesis.tex"],  # a model.json alone does not make it ours
        ["model.json", "weights.safetensors", "config.json"],
        ["weights.safetensors"],
        ["model.json", ".git/HEAD"],
        ["sub/model.json"],
    ],
)
def test_a_folder_that_is_no_model_is_not_overwritten(tmp_path, files):
    target = tmp_path / "target"
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(name)
    before = content_of(tmp_path)
    for call in (check_target, lambda path: write(path, 1)):
        with pytest.raises(StoreError, match="target exists and is not a labeltree model"):
            call(target)
    assert content_of(tmp_path) == before


def test_a_file_is_not_overwritten(tmp_path):
    (tmp_path / "model").write_text("text")
    with pytest.raises(StoreError, match="exists and is not a labeltree model"):
        write(tmp_path / "model", 1)
    assert (tmp_path / "model").read_text() == "text"


def test_a_free_place_is_a_target(tmp_path, folder):
    check_target(tmp_path / "new")
    check_target(str(folder))
    assert os.listdir(tmp_path) == ["here"], "asking leaves nothing"


def test_a_place_where_nothing_can_be_written_is_no_target(tmp_path):
    (tmp_path / "note").write_text("")
    with pytest.raises(StoreError, match="model cannot be written, for nothing can in .*note: "):
        check_target(tmp_path / "note" / "below" / "model")


def test_of_a_link_the_folder_it_points_to_is_replaced(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    for v in (1, 2):
        write(link, v)
        assert link.is_symlink()
        assert version(link) == version(folder) == v
    assert os.listdir(folder.parent) == ["model"]
    link.unlink()
    link.symlink_to(tmp_path / "not yet there")
    write(link, 3)
    assert version(tmp_path / "not yet there") == 3


def test_a_relative_path_is_taken_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("model", 1)
    assert version(Path("model")) == 1


# ---- errors and crashes while writing ------------------------------------------------------------


class Failure(Exception):
    """What a test makes happen."""


def failing_at(n, monkeypatch, error):
    """Make the n-th call of what writes fail; return the list of calls."""
    calls = []

    def counted(module, name):
        call = getattr(module, name)

        def wrapper(*arguments, **named):
            calls.append(name)
            if len(calls) == n:
                raise error
            return call(*arguments, **named)

        monkeypatch.setattr(module, name, wrapper)

    for name in ("mkdir", "fsync", "rename"):
        counted(os, name)
    for name in ("write_tensors", "_canonical", "encode"):
        counted(store, name)
    return calls


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), Failure(), KeyboardInterrupt()]
)
@pytest.mark.parametrize("old", [None, 1])
def test_an_error_anywhere_leaves_the_old_model_or_the_new(tmp_path, monkeypatch, old, error):
    folder = tmp_path / "model"
    for n in range(1, 100):
        complete = False
        shutil.rmtree(folder, ignore_errors=True)
        if old is not None:
            write(folder, old)
        with monkeypatch.context() as patch:
            calls = failing_at(n, patch, error)
            with suppress(type(error)):
                write(folder, 2)
                complete = True
        assert os.listdir(tmp_path) in ([], ["model"]), "nothing else is left"
        found = version(folder) if folder.exists() else None
        assert found == 2 if complete else found in (old, 2)
        if len(calls) < n:
            break
    assert complete
    assert n > 12
    assert calls.count("rename") == (1 if old is None else 2)


@pytest.mark.parametrize("value", [{"a": 1}, np.array(["text"]), object()])
def test_what_cannot_be_stored_leaves_the_old_model(folder, value):
    before = content_of(folder)
    with pytest.raises(TypeError, match="cannot store"):
        write_folder(folder, {}, {"good": 1, "bad": value})
    with pytest.raises(TypeError):
        write_folder(folder, {"bad": {1, 2}}, {})
    assert content_of(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_everything_is_on_the_disk_before_the_folder_is_renamed(tmp_path, monkeypatch):
    calls = failing_at(-1, monkeypatch, None)
    write(tmp_path / "model", 1)
    assert calls[: calls.index("rename")].count("fsync") == 4, "two arrays, model.json, the folder"
    assert calls[calls.index("rename") :].count("fsync") == 1, "the folder above"


def test_a_system_that_cannot_flush_folders_still_saves(tmp_path, monkeypatch):
    fsync = os.fsync

    def files_only(handle):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(22, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write(tmp_path / "model", 1)
    assert version(tmp_path / "model") == 1


def test_a_crash_between_the_renames_is_recovered_from(folder):
    os.rename(folder, folder.parent / ".model.old")
    same(read_folder(folder))
    write(folder, 2)
    assert version(folder) == 2
    assert list(folder.parent.iterdir()) == [folder]


def test_a_failed_write_after_such_a_crash_keeps_the_old_model(folder, monkeypatch):
    os.rename(folder, folder.parent / ".model.old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(folder, 2)
    same(read_folder(folder))


def test_what_killed_writers_left_is_removed_and_living_ones_are_let_be(folder):
    def left(number, machine=None):
        path = folder.parent / f".model.writing-{machine or platform.node()}-{number}"
        path.mkdir()
        (path / "a.safetensors").write_bytes(b"half")
        return path

    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = left(f"{process.pid}-1")
    kept = [left(f"{os.getppid()}-1"), left("x"), left(f"{10**30}-1"), left("1-1", "elsewhere")]
    stranger = folder.parent / f".model2.writing-{platform.node()}-{process.pid}-1"
    stranger.mkdir()
    write(folder, 1)
    assert not dead.exists()
    assert all(path.exists() for path in [*kept, stranger])


def test_a_name_with_wildcards_is_only_itself(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    other = tmp_path / f".mab.writing-{platform.node()}-{process.pid}-1"
    other.mkdir()
    write(tmp_path / "m[a]*", 1)
    assert version(tmp_path / "m[a]*") == 1
    assert other.exists()


def test_threads_that_write_to_one_place_leave_one_whole_model(tmp_path):
    folder, unexpected = tmp_path / "model", []

    def work(v):
        for _ in range(10):
            try:
                write(folder, v)
            except OSError:  # another thread was faster
                continue
            except BaseException as error:
                unexpected.append(error)

    threads = [threading.Thread(target=work, args=(v,)) for v in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unexpected
    assert version(folder) in (1, 2, 3)
    write(folder, 4)
    assert version(folder) == 4
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked")
@pytest.mark.parametrize("how", ["everywhere", "kill"])
def test_a_writer_may_be_killed_at_any_moment(tmp_path, how):
    script = Path(__file__).with_name("crashes.py")
    done = subprocess.run([sys.executable, script, how, tmp_path], capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
    assert done.stdout
