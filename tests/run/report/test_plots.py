import builtins
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from labeltree.core.errors import MissingExtraError
from labeltree.run.report.plots import check_matplotlib, draw

ALL = {"ranking", "frequency", "share", "thresholds", "reliability", "levels"}


def test_every_picture_is_svg_without_anything_from_elsewhere(findings):
    plots = draw(findings)
    assert set(plots) == ALL
    for svg in plots.values():
        root = ElementTree.fromstring(svg)
        assert root.tag.endswith("svg")
        links = re.findall(r'href="([^"]*)"', svg)
        assert all(link.startswith("#") for link in links)
        assert "<image" not in svg


def test_axes_are_labelled(findings):
    # matplotlib keeps each text as a comment beside its outlines.
    said = {name: set(re.findall(r"<!-- (.*?) -->", svg)) for name, svg in draw(findings).items()}
    assert {"k, labels answered", "attainable P@k", "nDCG@k"} <= said["ranking"]
    assert {"threshold on the score", "threshold used", "recall"} <= said["thresholds"]
    assert {"mean score", "share that is true", "first answers"} <= said["reliability"]
    assert {"level of the taxonomy, and its labels", "micro-F1"} <= said["levels"]
    assert {"training documents of the label", "R@5, pooled"} <= said["frequency"]
    assert {"of true labels", "of hits among the first 5"} <= said["share"]


def test_the_same_findings_give_the_same_pictures(findings):
    assert draw(findings) == draw(findings)


def test_what_there_is_nothing_to_draw_for_is_left_out(flat, empty):
    assert set(draw(flat)) == ALL - {"levels"}
    assert set(draw(empty)) == ALL - {"levels", "share"}
    assert "threshold used" not in draw(flat)["thresholds"]


def test_the_threshold_is_not_drawn_over_other_scores(findings):
    for other in ({"specific": True}, {"calibration": "Platt"}):
        changed = replace(findings, report=replace(findings.report, **other))
        assert "threshold used" not in draw(changed)["thresholds"]


def test_without_matplotlib_there_is_a_remedy(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'labeltree\[plot\]'"):
        check_matplotlib()
