import csv
import io
import re
from dataclasses import replace

import numpy as np

from labeltree.run.report import sections
from labeltree.run.report.plots import draw


def rows(section):
    """The texts of the cells of each row."""
    found = re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in cells]


def test_metrics_stand_in_one_table_each(findings):
    section = sections.metrics_section(findings, draw(findings))
    table = rows(section)
    named = [row[0] for row in table]
    assert table[0] == ["metric", "@1", "@3", "@5"]
    metrics = findings.report.metrics
    assert ["P", *(f"{metrics[f'P@{k}']:.3f}" for k in (1, 3, 5))] in table
    assert ["hierarchical-F1", f"{metrics['hierarchical-F1']:.3f}"] in table
    assert ["universe", "train and hierarchy"] in table
    assert ["threshold", "0.5"] in table
    assert "level-1-micro-F1" not in named  # it has a table of its own
    assert len(named) == len(set(named)) + named.count("metric") - 1


def test_levels_and_bins(findings):
    table = rows(sections.taxonomy_section(findings, {}))
    assert [row[0] for row in table] == ["level", "level 1", "level 2", "level 3", "leaf", "inner"]
    level = findings.levels[1]
    assert table[2][1:6] == ["2", "2", "2", "2", f"{level.micro.precision:.3f}"]
    table = rows(sections.frequencies_section(findings, {}))
    assert [row[0] for row in table] == ["frequency", "head", "torso", "tail", "zero-shot"]


def test_a_group_without_truth_has_no_quality(empty):
    table = rows(sections.frequencies_section(empty, {}))
    assert table[1] == ["head", "2", "0", "0", "0", *[""] * 6]


def test_labels_with_the_most_errors_come_first(findings, monkeypatch):
    whole = rows(sections.labels_section(findings))
    assert whole[0][-1] == "errors"
    assert [row[0] for row in whole[1:3]] == ["غلاية kettle", "烤面包机 toaster"]
    assert whole[1][1:] == ["120", "1", "1", "0", "0.000", "0.000", "0.000", "2"]
    assert "spout" in [row[0] for row in whole]  # name and id are one
    errors = [int(row[-1]) for row in whole[1:]]
    assert errors == sorted(errors, reverse=True)
    monkeypatch.setattr(sections, "N_LABELS", 3)
    few = sections.labels_section(findings)
    assert len(rows(few)) == 4
    assert "3 of 7" in few


def test_the_csv_holds_all_labels(findings):
    table = list(csv.DictReader(io.StringIO(sections.labels_csv(findings))))
    assert len(table) == 7
    by_id = {row["id"]: row for row in table}
    assert by_id["lid"]["name"] == 'l"id'
    assert by_id["lid"] == {
        "id": "lid", "name": 'l"id', "train": "2", "true": "1", "decided": "2", "right": "1",
        "precision": "0.5", "recall": "1.0", "f1": "0.6667", "errors": "1",
    }  # fmt: skip
    assert by_id["ghost"]["train"] == "0"


def test_confusions_name_both_labels_and_their_relation(findings):
    table = rows(sections.confusions_section(findings))
    assert ["烤面包机 toaster", "غلاية kettle", "sibling", "1"] in table


def test_without_decisions_the_page_says_what_stands_for_them(flat, findings):
    for make in (
        sections.labels_section,
        sections.confusions_section,
        lambda found: sections.frequencies_section(found, {}),
    ):
        assert "first answers stand for its decisions" in make(flat)
        assert "first answers" not in make(findings)


def test_documents_show_answers_and_truth(findings):
    section = sections.documents_section(findings)
    assert "&lt;script&gt;" in section
    assert "<script>" not in section
    assert "not ranked" in section
    assert section.count("✓") >= 3
    assert section.count("✗") >= 3
    assert 'dir="auto"' in section


def test_sections_with_nothing_to_say_are_empty(empty, flat):
    assert sections.confusions_section(empty) == ""
    assert sections.taxonomy_section(flat, {}) == ""


def test_frequencies_need_training_counts(findings):
    unknown = replace(findings, n_train=np.zeros(7, np.int64))
    assert sections.frequencies_section(unknown, {}) == ""
