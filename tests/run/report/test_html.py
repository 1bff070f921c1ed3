from html.parser import HTMLParser

import pytest

from labeltree.run.report.html import (
    CAPTIONS,
    fact,
    figure,
    figures,
    isolated,
    number,
    score,
    table,
)


class Cells(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("th", "td"):
            self.found.append((tag, dict(attrs)["class"], ""))

    def handle_data(self, data):
        if self.found and data.strip():
            tag, kind, text = self.found[-1]
            self.found[-1] = (tag, kind, text + data)


def test_a_table():
    found = Cells(table(["name & co", "n"], [[isolated("<x>"), "1"], ["b", "2"]])).found
    assert found == [
        ("th", "label", "name & co"), ("th", "n", "n"),
        ("td", "label", "<x>"), ("td", "n", "1"), ("td", "label", "b"), ("td", "n", "2"),
    ]  # fmt: skip


def test_texts_of_the_data_are_escaped_and_isolated():
    assert isolated('<b>"&') == "<bdi>&lt;b&gt;&quot;&amp;</bdi>"


def test_pictures_are_images_of_their_own():
    assert figure({}, "ranking") == ""
    made = figure({"ranking": "<svg/>"}, "ranking")
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in made
    assert made.count(CAPTIONS["ranking"]) == 2  # for those who see it and those who do not
    assert figures({"ranking": "<svg/>"}, "ranking", "levels").count("<figure>") == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "yes"), (False, "no"), (12345, "12,345"), (0.17871234, "0.1787"),
        (5638.8, "5,639"), ("<b>", "&lt;b&gt;"), (0.0, "0"),
    ],
)  # fmt: skip
def test_facts_in_words(value, shown):
    assert fact(value) == shown


def test_numbers():
    assert (number(0.12345), number(None), number(0.0)) == ("0.123", "", "0.000")
    assert (score(0.5), score(0.001), score(3e-30)) == ("0.500", "0.001", "3e-30")
