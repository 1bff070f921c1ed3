from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.errors import DataError
from labeltree.readers.documents import Documents, ReadOptions, Shared, Vocabulary
from labeltree.readers.report import Notes
from labeltree.readers.xmc_rows import _parse_fast, _parse_slowly, parse_rows

DOCUMENTS = Documents("train", Path("train.txt"), Shared(Vocabulary(), Notes(), ReadOptions()))


def test_known_numbers():
    rows = parse_rows([b"1,2 3:4 5:.5", b"", b"7:1e1", b"9"], range(2, 6), DOCUMENTS)
    assert rows.label_counts.tolist() == [2, 0, 0, 1]
    assert rows.feature_counts.tolist() == [2, 0, 1, 0]
    assert rows.labels.tolist() == [1, 2, 9]
    assert rows.indices.tolist() == [3, 5, 7]
    assert rows.values.tolist() == [4, 0.5, 10]


@given(st.lists(st.text("01:, e.-", max_size=12).map(lambda s: s.rstrip().encode()), max_size=6))
def test_the_fast_way_takes_nothing_that_the_slow_way_refuses(block):
    cut = [line.partition(b" ") for line in block]
    heads = [b"" if b":" in head else head for head, _, _ in cut]
    tails = [
        line if b":" in head else tail for line, (head, _, tail) in zip(block, cut, strict=True)
    ]
    fast = _parse_fast(heads, tails)
    if fast is None:
        return
    slow = _parse_slowly(block, range(len(block)), DOCUMENTS)
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_line_to_blame():
    with pytest.raises(DataError, match=r"train.txt:8: Found '3:'"):
        parse_rows([b"1 2:3", b"1 3:"], [7, 8], DOCUMENTS)
