"""scikit-learn's TfidfVectorizer is the oracle: same terms, same columns, same numbers."""

import gzip
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from labeltree.core.errors import DataError, NotFittedError, ParameterError
from labeltree.core.params import descriptions
from labeltree.core.store import read_folder, write_folder
from labeltree.text import tokens
from labeltree.text.tfidf import Tfidf

REPORTS = [
    "The toaster does not heat: the coil of the toaster is broken.",
    "A red bicycle with a flat tyre; tyre and tube replaced.",
    "The radio hums. The coil hums too, and the radio does not play.",
    "Red trousers, broken zip.",
    "",
    "The zip of a red tent does not close.",
]


def oracle(tfidf):
    return TfidfVectorizer(
        ngram_range=(1, tfidf.ngrams),
        min_df=tfidf.min_df,
        max_df=float(tfidf.max_df),
        max_features=tfidf.max_features or None,
        sublinear_tf=tfidf.sublinear,
        lowercase=tfidf.lowercase,
        dtype=np.float32,
    )


def assert_same(ours, theirs):
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    assert ours.indices.dtype == np.int32
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_array_equal(ours.data, theirs.data)


def assert_like_oracle(tfidf, train, test=()):
    reference = oracle(tfidf)
    try:
        expected = reference.fit_transform(train)  # its rows are not sorted
    except ValueError:
        with pytest.raises(DataError):
            tfidf.fit(train)
        return
    expected.sort_indices()
    found = tfidf.fit_transform(iter(train))
    assert list(tfidf.vocabulary_.terms) == reference.get_feature_names_out().tolist()
    np.testing.assert_array_equal(tfidf.vocabulary_.idf, reference.idf_)
    assert_same(found, expected)
    texts = [*test, *train, "", "?"]
    expected = reference.transform(texts)
    assert_same(tfidf.transform(iter(texts)), expected)
    for row, text in enumerate(texts):
        assert_same(tfidf.transform([text]), expected[[row]])


def test_known_answer():
    X = Tfidf(min_df=1).fit_transform(["red lamp", "red red bike"])
    rare, common = 1 + np.log(3 / 2), 1.0  # 1 + ln((1 + n) / (1 + d)) with n = 2
    twice = (1 + np.log(2)) * common
    expected = np.array([[0, rare, common], [rare, 0, twice]])  # bike, lamp, red
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(X.toarray(), expected, rtol=1e-6)


def test_terms_of_known_texts():
    tfidf = Tfidf(ngrams=2).fit(["x: one_2 two", "a one_2 x two", "(One_2), two!"])
    assert tfidf.vocabulary_.terms == ("one_2", "one_2 two", "two")


@pytest.mark.parametrize("ngrams", [1, 2, 3, 5])
@pytest.mark.parametrize("min_df", [1, 2, 3])
@pytest.mark.parametrize("max_df", [0.4, 1.0])
def test_lengths_and_document_limits(ngrams, min_df, max_df):
    assert_like_oracle(Tfidf(ngrams=ngrams, min_df=min_df, max_df=max_df), REPORTS, REPORTS[::-1])


@pytest.mark.parametrize("max_features", [1, 3, 17, 40, 1000])
@pytest.mark.parametrize("ngrams", [1, 2])
def test_most_frequent_terms(max_features, ngrams):
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(rng.choice(words, 30)) for _ in range(40)]
    assert_like_oracle(Tfidf(ngrams=ngrams, max_features=max_features), texts)


@pytest.mark.parametrize("options", [{"sublinear": False}, {"lowercase": False}])
def test_switches(options):
    assert_like_oracle(Tfidf(ngrams=2, **options), [*REPORTS, *REPORTS, "red RED Red rED red"])


@pytest.mark.parametrize(
    "text",
    [
        "Straße STRASSE ẞ ßß ẞẞ",
        "İstanbul i̇stanbul ISTANBUL ıı",
        "ΟΔΟΣ ΟΔΟΣ. ΑΣ'Α ΑΣ\u00adΑ ΑΣ Σ ΣΣ",
        "K\u212a kk \u212a\u212a",  # the Kelvin sign lowers to ASCII
        "12 3 4_5 __ _ ٣٤ ²³ x² ½½",
        "„rote“–lampe\u00a0an «ja»…nein a–b–cc dd—ee",
        "é e\u0301e\u0301 cafe\u0301s",
        "機械学習。テスト、 分類",
        "\ud800ab \udfffcd\ud800",
        "aa\x00bb\x1ccc\x85dd\u2028ee\u200bff\rgg\n\nhh\tii",
        "😀ab😀 cd😀ef",
        "𝒜𝒷𝒸 ǅǆ ﬁﬁ",
    ],
)
@pytest.mark.parametrize("lowercase", [True, False])
def test_writing(text, lowercase):
    assert_like_oracle(
        Tfidf(ngrams=3, min_df=1, lowercase=lowercase), [text, "aa bb", text.lower()]
    )


WORDS = "aa ab b AA Ab x1 _ __ 12 ß ẞẞ Straße İi ΑΣ Σ Σα é e\u0301e ª² 中文 😀"
MARKS = "– — „ “ . , ' - \u00ad \n \t \x00 \x1c \x85 \u00a0 \u2028 \ud800"
PIECES = st.sampled_from(f"{WORDS} {MARKS}".split(" "))
GLUE = st.sampled_from(["", " ", " ", " "])
TEXT = st.one_of(
    st.lists(st.tuples(PIECES, GLUE), max_size=30).map(lambda xs: "".join(a + b for a, b in xs)),
    st.text(st.characters(), max_size=30),
)


@settings(max_examples=150, deadline=None)
@given(
    train=st.lists(TEXT, min_size=1, max_size=8),
    test=st.lists(TEXT, max_size=3),
    ngrams=st.integers(1, 3),
    min_df=st.integers(1, 3),
    max_df=st.sampled_from([0.3, 0.5, 0.75, 1.0]),
    max_features=st.sampled_from([0, 0, 1, 5]),
    lowercase=st.booleans(),
    sublinear=st.booleans(),
)
@example(["aa"], [], 3, 1, 1.0, 0, True, True)
@example(["", ""], [], 1, 1, 1.0, 0, True, True)
def test_any_text(train, test, ngrams, min_df, max_df, max_features, lowercase, sublinear):
    tfidf = Tfidf(ngrams, min_df, max_df, max_features, sublinear, lowercase)
    assert_like_oracle(tfidf, train, test)


def test_every_character():
    """Each character of Unicode stands between two letters once: same words as the pattern."""
    line = 4000
    marks = [chr(c) for c in range(sys.maxunicode + 1)]
    texts = ["".join(f"a{m}b " for m in marks[i : i + line]) for i in range(0, len(marks), line)]
    expected = {w for t in texts for w in re.findall(r"(?u)\b\w\w+\b", t)}
    assert set(Tfidf(min_df=1, lowercase=False).fit(texts).vocabulary_.terms) == expected
    expected = {w for t in texts for w in re.findall(r"(?u)\b\w\w+\b", t.lower())}
    assert set(Tfidf(min_df=1).fit(texts).vocabulary_.terms) == expected


@pytest.mark.parametrize("block", [1, 2, 7, 50])
@pytest.mark.parametrize("ngrams", [1, 3])
def test_blocks_change_nothing(monkeypatch, block, ngrams):
    texts = ["", *REPORTS, "a–b „rote“–lampe", "", *REPORTS[::-1], ""]
    tfidf = Tfidf(ngrams=ngrams)
    whole, again = tfidf.fit_transform(texts), tfidf.transform(texts)
    monkeypatch.setattr(tokens, "BLOCK", block)
    split = Tfidf(ngrams=ngrams)
    assert_same(split.fit_transform(texts), whole)
    assert_same(split.transform(texts), again)
    assert split.vocabulary_.terms == tfidf.vocabulary_.terms


def test_same_result_each_time():
    first, second = Tfidf(ngrams=2), Tfidf(ngrams=2)
    assert_same(first.fit_transform(REPORTS), second.fit_transform(tuple(REPORTS)))
    assert_same(first.transform(REPORTS), first.fit(REPORTS).transform(REPORTS))


def test_layout():
    X = Tfidf(ngrams=2).fit_transform(REPORTS)
    assert X.has_canonical_format
    assert all(
        (np.diff(X.indices[a:b]) > 0).all() for a, b in zip(X.indptr, X.indptr[1:], strict=False)
    )
    norms = np.sqrt(X.multiply(X).sum(axis=1))
    np.testing.assert_allclose(norms, [1, 1, 1, 1, 0, 1], rtol=1e-6)


def test_generators_are_read_once():
    def texts():
        for text in REPORTS:
            seen.append(text)
            yield text

    seen = []
    X = Tfidf().fit_transform(texts())
    assert seen == REPORTS
    assert_same(X, Tfidf().fit_transform(REPORTS))


def test_empty_rows_are_counted(caplog):
    tfidf = Tfidf().fit(REPORTS)
    with caplog.at_level(logging.INFO, "labeltree"):
        X = tfidf.transform(["", "unheard words", "red"])
        assert caplog.messages == ["2 of 3 texts hold no known term"]
        tfidf.transform([""])
    assert caplog.messages[1:] == ["1 of 1 texts hold no known term"]
    assert np.diff(X.indptr).tolist() == [0, 0, 1]


def test_no_texts():
    assert Tfidf().fit(REPORTS).transform([]).shape == (0, 9)
    with pytest.raises(DataError, match="of the 0 texts"):
        Tfidf().fit([])


@pytest.mark.parametrize("texts", [["aa", None], ["aa", b"aa"], ("aa", 3), ["aa", ["bb"]]])
def test_items_that_are_no_strings(texts):
    kind = type(texts[1]).__name__
    for call in (Tfidf(min_df=1).fit, Tfidf(min_df=1).fit(["aa"]).transform):
        with pytest.raises(DataError, match=re.escape(f"texts[1] is of type {kind}.")):
            call(texts)
    with pytest.raises(DataError, match=re.escape(f"texts[0] is of type {kind}.")):
        Tfidf(min_df=1).fit(["aa"]).transform(texts[1:])


def test_one_string_is_no_list_of_texts():
    with pytest.raises(DataError, match="one string"):
        Tfidf().fit("a red lamp")


@pytest.mark.parametrize("tfidf", [Tfidf(min_df=3), Tfidf(max_df=0.5)])
def test_no_term_left(tfidf):
    with pytest.raises(DataError, match="Lower min_df, raise max_df, or train on more texts"):
        tfidf.fit(["red lamp", "red lamp"])
    assert not hasattr(tfidf, "vocabulary_")


def test_not_fitted():
    with pytest.raises(NotFittedError, match="call fit first"):
        Tfidf().transform(REPORTS)


@pytest.mark.parametrize(
    "wrong", [{"ngrams": 0}, {"min_df": 0}, {"min_df": 0.5}, {"max_df": 1.5}, {"max_features": -1}]
)
def test_parameters_out_of_range(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Tfidf(**wrong)


def test_every_parameter_is_described():
    assert set(descriptions(Tfidf)) == set(Tfidf().get_params())


def test_save_and_load(tmp_path):
    tfidf = Tfidf(ngrams=2).fit([*REPORTS, "Straße straße", "Straße 中文", "中文"])
    write_folder(tmp_path / "m", tfidf.to_json(), {"vocabulary": tfidf.vocabulary_})
    header, state = read_folder(tmp_path / "m")
    loaded = Tfidf.from_json(header)
    loaded.vocabulary_ = state["vocabulary"]
    assert loaded.vocabulary_.terms == tfidf.vocabulary_.terms
    assert_same(loaded.transform(REPORTS), tfidf.transform(REPORTS))
    assert_same(loaded.transform(REPORTS[:1]), tfidf.transform(REPORTS[:1]))


def test_clone_is_unfitted_with_the_same_parameters():
    tfidf = Tfidf(ngrams=2, max_df=0.5).fit(REPORTS)
    copy = clone(tfidf)
    assert copy.get_params() == tfidf.get_params()
    assert not hasattr(copy, "vocabulary_")


def test_pipeline_and_grid():
    pipeline = make_pipeline(Tfidf(min_df=1), LogisticRegression())
    texts, y = REPORTS[:4] * 3, [0, 1, 0, 1] * 3
    assert pipeline.fit(texts, y).predict(texts).tolist() == y
    grid = GridSearchCV(pipeline, {"tfidf__ngrams": [1, 2]}, cv=2).fit(texts, y)
    assert grid.best_params_["tfidf__ngrams"] in (1, 2)


def test_scikit_learn_is_not_imported():
    code = "import sys, labeltree.text.tfidf; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("ngrams", [1, 2])
@pytest.mark.parametrize("name", ["tibkat_gnd", "arxiv_msc"])
def test_real_texts(name, ngrams):
    folder = Path(os.environ.get("LABELTREE_DATA", "")) / name
    if not (folder / "train.jsonl.gz").is_file():
        pytest.skip(f"LABELTREE_DATA holds no {name}")
    with gzip.open(folder / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(4000), strict=False)]
    assert_like_oracle(Tfidf(ngrams=ngrams), texts[:3000], texts[3000:])
