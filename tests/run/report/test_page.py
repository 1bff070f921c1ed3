import base64
import re
from html.parser import HTMLParser

import pytest

from labeltree.core.errors import ParameterError
from labeltree.run.report import page as module
from labeltree.run.report.page import check_report_path, page, write_page

VOID = {"meta", "img", "br", "link"}


class Balanced(HTMLParser):
    """Fails where tags do not close in order; collects what is fetched from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.tags = [], [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("which", ["findings", "flat", "empty"])
def test_the_page_is_whole_and_needs_nothing_else(which, request):
    parsed = Balanced(page(request.getfixturevalue(which), "a <title> & more"))
    assert all(link.startswith(("#", "data:")) for link in parsed.links)
    assert {link[1:] for link in parsed.links if link.startswith("#")} == set(parsed.ids)
    assert "script" not in parsed.tags
    assert len(parsed.ids) == len(set(parsed.ids))


def test_names_and_titles_are_escaped(findings):
    text = page(findings, "a <title> & more")
    assert "<h1>a &lt;title&gt; &amp; more</h1>" in text
    assert "<bdi>Thing &amp; &lt;b&gt;co&lt;/b&gt;</bdi>" in text
    assert "<bdi>$fault ${title}</bdi>" in text  # the template leaves dollars of data alone
    assert "<bdi>غلاية</bdi>" in text


def test_key_figures_and_sections(findings, flat):
    text = page(findings, "t")
    value = findings.report.metrics["hierarchical-F1"]
    assert f"<div>hierarchical-F1<b>{value:.3f}</b></div>" in text
    assert [s for s in re.findall(r"<h2>(.*?)</h2>", text)] == [
        "Metrics", "Scores and thresholds", "Taxonomy", "Frequent and rare labels", "Labels",
        "Confusions", "Documents",
    ]  # fmt: skip
    assert "Taxonomy" not in re.findall(r"<h2>(.*?)</h2>", page(flat, "t"))


def test_the_csv_can_be_saved_from_the_page(findings):
    (data,) = re.findall(r'href="data:text/csv;charset=utf-8;base64,([^"]*)"', page(findings, "t"))
    assert base64.b64decode(data).decode("utf-8").count("\n") == 8


def test_writing_replaces_the_old_file_whole(findings, tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("old", "utf8")
    monkeypatch.setattr(module, "page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_page(target, findings, "t")
    assert target.read_text("utf8") == "old"
    monkeypatch.undo()
    write_page(target, findings, "t")
    text = target.read_bytes().decode("utf-8")
    assert text.endswith("</html>\n")
    assert "\\ud800 lever" in text  # a lone surrogate is no character
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_nothing_behind(findings, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_page(tmp_path / "report.html", findings, "t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["report", "report.pdf", "data.jsonl", "folder.html", "no/x.html"])
def test_other_files_are_refused(name, tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ParameterError, match="--report"):
        check_report_path(tmp_path / name)


def test_html_files_are_accepted(tmp_path):
    for name in ("a.html", "B.HTM"):
        assert check_report_path(str(tmp_path / name)) == tmp_path / name
