"""Lists and texts as packed arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.distributed.blocks.ragged import pack_texts, unpack_texts
from cdimf_spark.kernel.ranking.lists import Lists

LISTS = st.lists(st.lists(st.integers(-5, 5), max_size=4), max_size=6)


def lists_of(values: list[list[int]]) -> Lists:
    lengths = np.array([len(one) for one in values], np.int64)
    return Lists.of(lengths, np.array([v for one in values for v in one], np.int64))


def plain(lists: Lists) -> list[list[int]]:
    ends = zip(lists.offsets[:-1], lists.offsets[1:], strict=True)
    return [lists.values[first:last].tolist() for first, last in ends]


@given(LISTS, st.data())
def test_lists_equal_python_lists(values: list[list[int]], data: st.DataObject) -> None:
    lists = lists_of(values)
    assert plain(lists) == values
    assert lists.owners.tolist() == [i for i, one in enumerate(values) for _ in one]
    first = data.draw(st.integers(0, len(values)))
    last = data.draw(st.integers(first, len(values)))
    assert plain(lists.cut(slice(first, last))) == values[first:last]
    assert plain(lists.where(lists.values > 0)) == [[v for v in one if v > 0] for one in values]
    rows = np.arange(len(values))[::-1]
    assert plain(lists.take(rows)) == values[::-1]


@given(st.lists(st.text(max_size=5), max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_texts_come_back_and_may_follow_one_another(
    texts: list[str], start: int, length: int
) -> None:
    column = pa.chunked_array([texts[:3], texts[3:]], pa.string())
    parts = [pack_texts(column, "x"), pack_texts(column.slice(start, length), "x")]
    joined = {kind: np.concatenate([part[kind] for part in parts]) for kind in parts[0]}
    assert unpack_texts(joined, "x").to_pylist() == texts + texts[start : start + length]
