"""Writing and reading again gives the same data, whatever the data and the format."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset
from labeltree.core.hierarchy import ROOT, Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers import ReadReport, Splits, read
from labeltree.readers.formats import FORMATS
from labeltree.readers.write import write

TEXT_FORMATS = [f.name for f in FORMATS.values() if f.texts]
FEATURE_FORMATS = [f.name for f in FORMATS.values() if not f.texts]
VISIBLE = st.characters(exclude_categories=("Cs",), exclude_characters="\t\r\n|")
IDS = st.one_of(
    st.text(VISIBLE, min_size=1, max_size=6).filter(lambda s: not s.isspace()),
    st.integers(0, 12).map(str),
    st.sampled_from([ROOT, "07", "é", "\ufeffbom", '"quoted"', "a,b", "#c", "outside"]),
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(
    lambda s: not s.isspace()
)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool)


@st.composite
def hierarchies(draw, ids):
    """A DAG over the ids and a few nodes that are no label, or None."""
    nodes = [*ids, *draw(st.lists(IDS.filter(lambda i: i not in ids), unique=True, max_size=2))]
    nodes = draw(st.permutations(nodes))
    places = st.integers(0, max(len(nodes) - 1, 0))
    drawn = draw(st.lists(st.tuples(places, places), max_size=8))
    edges = [(nodes[min(e)], nodes[max(e)]) for e in drawn if e[0] != e[1]]
    return Hierarchy.from_edges(edges, ids) if edges else None


@st.composite
def parts(draw, labels, outside, texts, n_features):
    n = draw(st.integers(1, 5))
    known = draw(st.lists(outside, unique=True, max_size=3))
    known = [label for label in known if label not in labels.column]
    extended = labels
    if known:
        extended = replace(
            labels,
            ids=(*labels.ids, *known),
            names=(*labels.names, *known),
            texts=None if labels.texts is None else (*labels.texts, *known),
            counts=np.zeros(len(labels) + len(known), np.int64),
            counts_specific=np.zeros(len(labels) + len(known), np.int64),
        )
    width = len(extended)
    cells = st.tuples(st.integers(0, n - 1), st.integers(0, max(width - 1, 0)))
    at = draw(st.lists(cells, unique=True, max_size=12)) if width else []
    Y = np.zeros((n, width), np.float32)
    for row, column in at:
        Y[row, column] = 1
    words = draw(st.lists(texts, min_size=n, max_size=n)) if texts is not None else None
    X = None
    if n_features:
        X = np.zeros((n, n_features), np.float32)
        cells = st.tuples(st.integers(0, n - 1), st.integers(0, n_features - 1), FLOATS)
        for row, column, value in draw(st.lists(cells, max_size=10)):
            X[row, column] = value
        X = csr_array(X)
    return Dataset(csr_array(Y), extended, words, X, len(labels))


@st.composite
def data(draw, ids=IDS, texts=TEXTS, features=False):
    found = draw(st.lists(ids, unique=True, max_size=6))
    if draw(st.booleans()):
        found = [str(n) for n in range(len(found))]
    universe = tuple(found)
    named = draw(st.booleans())
    name = st.text(VISIBLE, min_size=1, max_size=5).filter(lambda s: bool(s.strip()))
    names = tuple(draw(name) for _ in universe) if named else ()
    words = tuple(draw(name) for _ in universe) if universe and draw(st.booleans()) else None
    hierarchy = draw(hierarchies(universe)) if draw(st.booleans()) else None
    labels = Labels(universe, names, words, hierarchy=hierarchy)
    n_features = draw(st.integers(1, 5)) if features else 0
    chosen = draw(st.sets(st.sampled_from(["train", "val", "test"]), min_size=1))
    made = {
        part: draw(parts(labels, ids, None if features else texts, n_features)) for part in chosen
    }
    return Splits(made.get("train"), made.get("val"), made.get("test"), labels, ReadReport())


def rows(part):
    return [sorted(part.labels.ids[c] for c in part.Y[[i]].indices) for i in range(len(part))]


def facts(splits):
    """Everything a data set says, in a form that can be compared."""
    labels = splits.labels
    found = {"ids": labels.ids, "names": labels.names, "label texts": labels.texts}
    h = labels.hierarchy
    if h is not None:
        found["edges"] = {(h.ids[p], h.ids[c]) for p, c in h.edges.T.tolist()}
        found["nodes"] = dict(zip(h.ids, h.label.tolist(), strict=True))
    for name, part in splits.parts.items():
        found[name] = rows(part), part.n_universe
        found[f"{name} texts"] = None if part.texts is None else list(part.texts)
        if part.X is not None:
            found[f"{name} X"] = (
                part.X.shape,
                part.X.indptr.tolist(),
                part.X.indices.tolist(),
                part.X.data.tobytes(),
            )
        beyond = {part.labels.ids[c] for c in part.Y.indices if c >= len(labels)}
        about = zip(part.labels.ids, part.labels.names, strict=True)
        found[f"{name} outside"] = {label: name for label, name in about if label in beyond}
    return found


def check(splits, format, compress=None):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        report = write(splits, out, format, compress=compress)
        assert set(report.files) == {file.name for file in out.iterdir()}
        assert report.not_carried == ()
        assert [file.name for file in Path(folder).iterdir()] == ["out"]
        assert facts(read(out)) == facts(splits)


@pytest.fixture(autouse=True, scope="module")
def _nothing_durable():
    """Thousands of tiny files need not reach the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


EASY = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("format", [f for f in TEXT_FORMATS if f != "libmultilabel"])
@EASY
@given(splits=data())
def test_texts(format, splits):
    check(splits, format)


@EASY
@given(
    splits=data(
        ids=IDS.filter(lambda label: label.split() == [label]),
        texts=TEXTS.filter(lambda text: not set(text) & set("\t\r\n")),
    )
)
def test_libmultilabel(splits):
    check(splits, "libmultilabel")


@pytest.mark.parametrize("format", FEATURE_FORMATS)
@EASY
@given(splits=data(features=True))
def test_features(format, splits):
    check(splits, format)


@pytest.mark.parametrize("compress", ["gz", "zst"])
@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv", "hiagm"])
@settings(EASY, max_examples=5)
@given(splits=data())
def test_compressed_texts(format, compress, splits):
    check(splits, format, compress)


@pytest.mark.parametrize("compress", ["gz", "zst"])
@pytest.mark.parametrize("format", ["xmc", "svmlight"])
@settings(EASY, max_examples=5)
@given(splits=data(features=True))
def test_compressed_features(format, compress, splits):
    check(splits, format, compress)


@settings(EASY, max_examples=30)
@given(
    splits=data(),
    formats=st.lists(st.sampled_from(["jsonl", "csv", "hiagm", "parquet"]), min_size=2, max_size=4),
)
def test_chains_of_texts(splits, formats):
    chain(splits, [*formats, "jsonl"])


@settings(EASY, max_examples=30)
@given(
    splits=data(features=True),
    formats=st.lists(st.sampled_from(FEATURE_FORMATS), min_size=2, max_size=4),
)
def test_chains_of_features(splits, formats):
    chain(splits, formats)


def chain(splits, formats):
    with tempfile.TemporaryDirectory() as folder:
        current = splits
        for step, format in enumerate(formats):
            write(current, Path(folder, str(step)), format)
            current = read(Path(folder, str(step)))
        assert facts(current) == facts(splits)


@settings(EASY, max_examples=100)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_any_bits_of_a_float_survive_the_text(bits):
    values = np.array(bits, np.uint32).view(np.float32)
    values = values[np.isfinite(values) & (values != 0)]
    if not len(values):
        return
    X = csr_array(values[None, :])
    train = Dataset(csr_array(np.ones((1, 1))), Labels.numbered(1), X=X)
    splits = Splits(train, None, None, Labels.numbered(1), ReadReport())
    for format in ("xmc", "svmlight"):
        check(splits, format)


def test_reading_numbers_the_nodes_as_before(tmp_path):
    edges = [("z", "b"), ("a", "b"), ("z", "a"), ("y", "c"), ("x", "c"), ("b", "d")]
    ids = ("a", "b", "c", "d", "x", "y", "z")
    labels = Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids))
    train = Dataset(csr_array(np.eye(7)), labels, texts=list("abcdefg"))
    write(Splits(train, None, None, labels, ReadReport()), tmp_path / "out")
    again = read(tmp_path / "out").labels
    assert again.hierarchy.ids == labels.hierarchy.ids
    np.testing.assert_array_equal(again.hierarchy.edges, labels.hierarchy.edges)
    assert not (tmp_path / "out" / "label_ids.tsv").exists()


@pytest.mark.parametrize("format", FEATURE_FORMATS)
def test_real_features(data_root, tmp_path, format):
    splits = read(data_root / "bibtex")
    write(splits, tmp_path / "out", format)
    assert facts(read(tmp_path / "out")) == facts(splits)


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_real_texts(data_root, tmp_path, format):
    splits = read(data_root / "biotools_edam")
    write(splits, tmp_path / "out", format)
    assert facts(read(tmp_path / "out")) == facts(splits)
