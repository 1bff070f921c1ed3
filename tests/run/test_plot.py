"""Pictures hold what they should: names inside the paper, none over another."""

import sys
from pathlib import Path

import numpy as np
import pytest

from labeltree.core.errors import MissingExtraError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree
from labeltree.readers import repair_cafe
from labeltree.run import plot as module
from labeltree.run.picture import of_taxonomy, of_tree
from labeltree.run.plot import plot


def corpus():
    labels = repair_cafe().labels
    return of_taxonomy(labels.hierarchy, labels, "corpus")


def wide(n=400, name="a label with quite a long name, number"):
    edges = [(f"group {i % 20}", f"{name} {i}") for i in range(n)]
    return of_taxonomy(Hierarchy.from_edges(edges), None, "wide")


def boxes(figure):
    """Return the place of each text on the paper, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [t for t in figure.axes[0].texts if t.get_text()]
    return [t.get_window_extent(canvas.get_renderer()) for t in texts]


@pytest.mark.parametrize("made", [corpus, wide], ids=["names", "icicle"])
def test_texts_neither_overlap_nor_leave_the_paper(made):
    picture = made()
    fits = picture.leaves[0] <= module.MOST_ROWS
    figure = module._lines_and_names(picture) if fits else module._icicle(picture)
    found = boxes(figure)
    assert len(found) >= 20
    width, height = figure.get_size_inches() * figure.dpi
    for i, box in enumerate(found):
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
        for other in found[i + 1 :]:
            apart_x = box.x1 <= other.x0 or other.x1 <= box.x0
            apart_y = box.y1 <= other.y0 + 3 or other.y1 <= box.y0 + 3
            assert apart_x or apart_y


def test_every_name_of_a_small_tree_is_shown_with_its_count():
    picture = corpus()
    shown = {t.get_text() for t in module._lines_and_names(picture).axes[0].texts}
    assert {picture.name(v) for v in range(1, picture.tree.n_nodes)} <= shown
    assert {f"{n:,}" for n in picture.documents[1:]} <= shown


def test_an_icicle_names_what_is_large():
    shown = {t.get_text() for t in module._icicle(wide()).axes[0].texts}
    assert {f"group {i}" for i in range(20)} <= shown


def test_a_long_name_is_cut_where_room_ends():
    picture = wide(name="word " * 40)
    node = picture.tree.n_nodes - 1
    for room in (0.05, 0.5, 1.0, 2.0):
        shown = module._shown(picture, node, 9, room)
        assert shown.endswith("…")
        assert len(shown) <= 3 or module._inches(shown, 9) <= room
    assert module._shown(picture, node, 9, 1000) == picture.name(node)


@pytest.mark.parametrize(
    ("ending", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
@pytest.mark.parametrize("made", [corpus, wide], ids=["names", "icicle"])
def test_files(made, ending, begins, tmp_path):
    plot(made(), tmp_path / f"tree{ending}")
    assert (tmp_path / f"tree{ending}").read_bytes().startswith(begins)
    assert len(list(tmp_path.iterdir())) == 1


def test_names_that_look_like_formulas_or_have_no_glyphs(tmp_path):
    edges = [("$x_1$", "$\\frac{"), ("日本", "$"), ("日本", "a_b^c")]
    plot(of_taxonomy(Hierarchy.from_edges(edges), None, "$title$"), tmp_path / "t.png")
    assert (tmp_path / "t.png").exists()


@pytest.mark.parametrize("n", [1, 2, 500])
def test_stars_and_single_labels(n, tmp_path):
    tree = LabelTree.from_parents([-1] + [0] * n, [-1, *range(n)])
    labels = Labels(Labels.numbered(n).ids, counts=np.zeros(n, int), n_train=3)
    plot(of_tree(tree, labels, "star"), tmp_path / "t.png")
    assert (tmp_path / "t.png").exists()


def test_other_endings_and_a_missing_matplotlib(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match=r"\.png, \.svg, \.pdf"):
        plot(corpus(), tmp_path / "tree.bmp")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'labeltree\[plot\]'"):
        plot(corpus(), tmp_path / "tree.png")


def test_nothing_is_left_of_a_failed_drawing(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def full(self, file, **kwargs):
        Path(file).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="No space"):
        plot(corpus(), tmp_path / "tree.png")
    assert not list(tmp_path.iterdir())
