"""Each ailment is planted, found, counted and shown; a healthy data set has none."""

import json

import pytest

from labeltree.core.errors import DataError
from labeltree.readers.corpus import repair_cafe
from labeltree.run.doctor import diagnose

WORDS = [
    "kettle",
    "toaster",
    "lamp",
    "bicycle",
    "radio",
    "printer",
    "drill",
    "mixer",
    "chair",
    "hob",
]
TAXONOMY = "thing\tkettle\nthing\ttoaster\nfault\tlimescale\nfault\tswitch\n"
HEALTHY = {
    "train": [
        (f"the {w} number {i} does not work", ["kettle" if i % 2 else "toaster"])
        for i, w in enumerate(WORDS)
    ],
    "test": [
        (f"my {w} is broken since {i} days", ["kettle" if i % 2 else "toaster"])
        for i, w in enumerate(WORDS)
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Write parts and what stands beside them; return the folder."""

    def write(parts=HEALTHY, **beside):
        for part, documents in parts.items():
            lines = [json.dumps({"text": t, "labels": ls}) + "\n" for t, ls in documents]
            (tmp_path / f"{part}.jsonl").write_text("".join(lines), "utf8")
        for stem, content in beside.items():
            (tmp_path / f"{stem}.tsv").write_text(content, "utf8")
        return tmp_path

    return write


def with_more(part, *documents):
    return HEALTHY | {part: HEALTHY[part] + list(documents)}


def found(diagnosis, check):
    return [f for f in diagnosis.findings if f.check == check]


def only(diagnosis, check):
    (finding,) = found(diagnosis, check)
    assert len(finding.examples) <= 3
    assert finding.fix
    return finding


def test_a_healthy_data_set_has_notes_only(folder):
    diagnosis = diagnose(folder())
    assert [f.check for f in diagnosis.findings] == ["spread"]
    assert not diagnosis.serious
    assert diagnosis.facts["documents"] == {"train": 10, "test": 10}
    assert diagnosis.facts["labels"] == 2


def test_the_projects_own_corpus_has_no_errors(tmp_path):
    corpus = repair_cafe.__globals__["__file__"]
    diagnosis = diagnose(corpus.replace("readers/corpus.py", "corpus"))
    assert not diagnosis.serious


# ---- texts ---------------------------------------------------------------------------------------


def test_repeated_documents_and_those_with_other_labels(folder):
    text, labels = HEALTHY["train"][0]
    path = folder(with_more("train", (text, labels), (text, ["switch"])))
    diagnosis = diagnose(path)
    assert only(diagnosis, "duplicates").count == 2
    assert only(diagnosis, "contradictions").count == 1
    assert "train 12" in only(diagnosis, "contradictions").examples[0]


@pytest.mark.parametrize(("n_leaked", "severity"), [(2, "error"), (1, "warning")])
def test_leaks_are_serious_from_one_percent_on(n_leaked, severity, folder):
    many = [(f"note {i} about nothing in particular", ["kettle"]) for i in range(110)]
    leaked = HEALTHY["train"][:n_leaked]
    diagnosis = diagnose(folder(HEALTHY | {"test": many + leaked}))
    leak = only(diagnosis, "leak")
    assert (leak.count, leak.severity) == (n_leaked, severity)
    assert leak.examples[0].startswith("train 1 = test 111")
    assert diagnosis.serious == (severity == "error")


def test_near_duplicates_are_looked_for_on_demand(folder):
    path = folder(with_more("test", ("THE kettle, number 0: does not work!", ["kettle"])))
    assert not found(diagnose(path), "leak")
    assert only(diagnose(path, near=True), "leak").count == 1


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("der KÃ¤se ist hart", "mojibake"),
        ("protein\u00e2\u20ac\u201cprotein interaction", "mojibake"),
        ("price in \u00e2\u201a\u00ac or so", "mojibake"),
        ("hard\u00c2\u00a0space here", "mojibake"),
        ("\u00cf\u20ac-helices in it", "mojibake"),
        ("\u00c3\u0153berspannung im Netz", "mojibake"),
        ("\u00d0\u00ba\u00d0\u00be\u00d1\u201e\u00d0\u00b5 in cups", "mojibake"),
        ("politik\ufffdkonomisch betrachtet hier", "replacement_characters"),
        ("H\u007folder continuous maps", "control_characters"),
        ("a bell \u0007 rings", "control_characters"),
        ("mark \ufeff in the middle", "control_characters"),
        ("fish &amp; chips here", "html"),
        ("caf&eacute; and &#969; here", "html"),
        ("a <b>bold</b> claim <br/> here", "html"),
        ('read <a href="x">this one</a> now', "html"),
    ],
)
def test_damaged_texts(text, check, folder):
    finding = only(diagnose(folder(with_more("train", (text, ["kettle"])))), check)
    assert finding.count == 1
    assert finding.examples[0].startswith("train 11: ")


@pytest.mark.parametrize(
    "text",
    [
        "Käse, crème brûlée, Ångström, naïve: “quoted” — and so on…",
        "il est né\u00a0: «\u00a0voilà\u00a0» dit-elle à Noël\u00a0!",
        "GRÜẞE AUS „MENÜ“ UND ‚CAFÉ‘",
        "« à » et “à” puis é… fin",
        "λόγος и кофе на столе, 3 µm ± 5 °C, x² + y³",
        "1 < 2 and a <b$ for c> d & e; R&D; AT&T",
        "line one\nline two\twith a tab\r\n and more",
    ],
)
def test_good_texts_are_not_called_damaged(text, folder):
    diagnosis = diagnose(folder(with_more("train", (text, ["kettle"]))))
    assert [f.check for f in diagnosis.findings] == ["spread"]


def test_very_short_and_very_long_texts(folder):
    path = folder(with_more("train", ("kettle", ["kettle"]), ("word " * 5000, ["kettle"])))
    diagnosis = diagnose(path)
    assert only(diagnosis, "very_short").examples == ("train 11: 'kettle'",)
    assert "25,000 characters" in only(diagnosis, "very_long").problem


def test_what_the_reader_skipped_is_told(folder):
    path = folder(with_more("train", (" ", ["kettle"]), ("a b c", ["kettle", "kettle"])))
    diagnosis = diagnose(path)
    assert only(diagnosis, "empty_text").count == 1
    assert only(diagnosis, "empty_text").examples == ("train.jsonl:11",)
    assert only(diagnosis, "repeated_label").count == 1


# ---- labels --------------------------------------------------------------------------------------


def test_labels_that_train_does_not_know(folder):
    path = folder(with_more("test", ("one two three", ["new", "kettle"]), ("4 5 6", ["new"])))
    finding = only(diagnose(path), "unseen_labels")
    assert finding.count == 1
    assert finding.examples == ("new",)
    assert "15.4%" in finding.problem  # 2 of 13


def test_a_label_of_the_taxonomy_that_only_test_carries_is_unseen_too(folder):
    path = folder(with_more("test", ("one two three", ["switch"])), taxonomy=TAXONOMY)
    diagnosis = diagnose(path)
    assert only(diagnosis, "unseen_labels").examples == ("switch",)
    assert only(diagnosis, "unused_labels").count == 3  # thing, fault, limescale


def test_documents_without_labels(folder):
    assert only(diagnose(folder(with_more("test", ("a b c", [])))), "no_labels").count == 1


def test_a_label_on_nearly_everything(folder):
    parts = {"train": [(text, [*ls, "all"]) for text, ls in HEALTHY["train"]]}
    assert only(diagnose(folder(parts)), "near_constant").examples == ("all (100%)",)


def test_ids_and_names_that_look_alike(folder):
    more = ("a b c", ["Kettle", "kettle ", "x-ray", "X ray"])
    names = "x-ray\tlight\nkettle\tLight\n"
    diagnosis = diagnose(folder(with_more("train", more), label_names=names))
    assert only(diagnosis, "alike_ids").count == 2
    assert "'Kettle' = 'kettle' = 'kettle '" in only(diagnosis, "alike_ids").examples
    assert "'Light' [kettle] = 'light' [x-ray]" in only(diagnosis, "alike_names").examples
    assert only(diagnosis, "untrimmed_ids").examples == ("'kettle '",)


def test_how_labels_are_spread(folder):
    parts = {
        "train": [(f"a b {i}", ["h"] + ["t"] * (i < 10) + ["r"] * (i < 1)) for i in range(100)]
    }
    said = only(diagnose(folder(parts)), "spread").problem
    assert "head 1 labels with 100 documents or more (90% of all" in said
    assert "torso 1 with 10 to 99 (9%), tail 1 with fewer (1%), 1 of them with one" in said


# ---- taxonomy ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edges", "count", "loops"),
    [
        ("a\tb\nb\tc\nc\ta\n", 1, ["a > b > c > a"]),
        ("a\ta\n", 1, ["a > a"]),
        ("a\tb\nb\ta\nc\td\nd\tc\nb\tc\n", 2, ["a > b > a", "c > d > c"]),
    ],
)
def test_cycles_are_shown_and_the_rest_is_still_examined(edges, count, loops, folder):
    text, labels = HEALTHY["train"][0]
    path = folder(with_more("train", (text, labels)), taxonomy=TAXONOMY + edges)
    diagnosis = diagnose(path)
    finding = only(diagnosis, "cycles")
    assert (finding.severity, finding.count) == ("error", count)
    rotations = {" > ".join(loop) for shown in loops for loop in _rotations(shown.split(" > "))}
    assert set(finding.examples) <= rotations
    assert len(finding.examples) == count
    assert not found(diagnosis, "unreadable")
    assert only(diagnosis, "duplicates").count == 1


def _rotations(loop):
    ring = loop[:-1]
    return [[*ring[i:], *ring[:i], ring[i]] for i in range(len(ring))]


def test_labels_outside_the_taxonomy(folder):
    path = folder(with_more("train", ("a b c", ["orphan"])), taxonomy=TAXONOMY)
    assert only(diagnose(path), "not_in_taxonomy").examples == ("orphan",)


def test_redundant_edges_and_single_children(folder):
    edges = TAXONOMY + "kettle\twhistle\nthing\twhistle\nfault\tleak\nswitch\tleak\n"
    diagnosis = diagnose(folder(taxonomy=edges))
    redundant = only(diagnosis, "redundant_edges")
    assert set(redundant.examples) == {"thing > whistle", "fault > leak"}
    assert redundant.count == 2
    assert set(only(diagnosis, "single_children").examples) == {
        "kettle > whistle",
        "switch > leak",
    }


def test_label_sets_that_are_not_closed_while_most_are(folder):
    closed = [(text, [*ls, "thing"]) for text, ls in HEALTHY["train"]]
    open_one = ("a b c", ["switch"])
    finding = only(diagnose(folder({"train": [*closed, open_one]}, taxonomy=TAXONOMY)),
                   "unclosed_sets")  # fmt: skip
    assert finding.count == 1
    assert finding.examples == ("train 11 lacks fault",)


def test_explicit_label_sets_are_not_called_unclosed(folder):
    path = folder(with_more("train", ("a b c", ["thing", "kettle"])), taxonomy=TAXONOMY)
    assert not found(diagnose(path), "unclosed_sets")


# ---- what cannot be read -------------------------------------------------------------------------


def test_unreadable_documents_are_a_finding(folder):
    path = folder()
    (path / "train.jsonl").write_text('{"text": "x", "labels": ["a"]}\n{oops\n')
    (finding,) = diagnose(path).findings
    assert (finding.severity, finding.check) == ("error", "unreadable")
    assert "train.jsonl:2" in finding.problem
    assert finding.fix.startswith("Each line must")


def test_an_unreadable_taxonomy_does_not_hide_the_documents(folder):
    text, labels = HEALTHY["train"][0]
    path = folder(with_more("train", (text, labels)), taxonomy="lonely\n")
    diagnosis = diagnose(path)
    assert "taxonomy.tsv:1" in only(diagnosis, "unreadable").problem
    assert only(diagnosis, "duplicates").count == 1


def test_a_cycle_and_something_else_are_both_told(folder):
    path = folder(taxonomy="a\tb\nb\ta\n", label_names="a\tx\na\ty\n")
    diagnosis = diagnose(path)
    assert only(diagnosis, "cycles")
    assert "stands already in line 1" in only(diagnosis, "unreadable").problem


def test_features_only(tmp_path):
    rows = ["4 3 2", "0 0:1 1:0.5", "1 2:1", "0 0:1 1:0.5", "1 2:1"]
    (tmp_path / "train.txt").write_text("\n".join(rows) + "\n")
    assert only(diagnose(tmp_path), "duplicates").examples == ("train 3", "train 4")


def test_nowhere(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        diagnose(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_hundred_thousand_documents_take_seconds(data_root):
    import time

    began = time.process_time()
    diagnosis = diagnose(data_root / "tibkat_gnd", near=True)
    assert time.process_time() - began < 30
    assert found(diagnosis, "mojibake")
