"""Packing: what each block holds, and that both sides agree without talking."""

from __future__ import annotations

import math
from collections import defaultdict
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.solver.packing import PackedBlock, pack_block
from cdimf_spark.solver.placement import Placement

KEYS = st.one_of(
    st.integers(-8, 8), st.sampled_from([2**63 - 1, 2**63 - 2, -(2**63), -(2**63) + 1])
)
WEIGHTS = st.one_of(st.just(1.0), st.floats(0.01, 100.0))
CELLS = st.lists(st.tuples(KEYS, KEYS, WEIGHTS), min_size=1, max_size=40)
PLACEMENTS = st.integers(1, 9).flatmap(
    lambda n: st.builds(
        Placement, st.just(n), st.dictionaries(KEYS, st.integers(0, n - 1), max_size=4)
    )
)


def block_by_name(key: int, placement: Placement) -> int:
    return placement.heavy.get(key, key % placement.num_blocks)


def pack(cells: list[tuple[int, int, float]], source: Placement, duplicates: str) -> PackedBlock:
    rows, columns, weights = zip(*cells, strict=True)
    return pack_block(
        np.array(rows, np.int64),
        np.array(columns, np.int64),
        np.array(weights, np.float64),
        source,
        duplicates,
    )


def merge(cells: list[tuple[int, int, float]], duplicates: str) -> dict[tuple[int, int], float]:
    repeated = defaultdict(list)
    for row, column, weight in cells:
        repeated[row, column].append(weight)
    total = math.fsum if duplicates == "sum" else max
    return {cell: total(weights) for cell, weights in repeated.items()}


def unpack(block: PackedBlock) -> dict[tuple[int, int], float]:
    rows = np.repeat(block.keys, np.diff(block.indptr)).tolist()
    columns = block.columns[block.indices].tolist()
    weights = block.weights.tolist() if len(block.weights) else [1.0] * len(rows)
    cells = list(zip(rows, columns, strict=True))
    assert len(set(cells)) == len(cells)
    return dict(zip(cells, weights, strict=True))


def by_block(keys: list[int], placement: Placement) -> list[int]:
    return sorted(keys, key=lambda key: (block_by_name(key, placement), key))


@given(cells=CELLS, source=PLACEMENTS, duplicates=st.sampled_from(["sum", "once"]))
def test_a_block_holds_its_interactions(
    cells: list[tuple[int, int, float]], source: Placement, duplicates: str
) -> None:
    block = pack(cells, source, duplicates)
    expected = merge(cells, duplicates)
    found = unpack(block)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(
        [found[cell] for cell in expected], list(expected.values()), rtol=1e-6
    )
    assert (len(block.weights) == 0) == all(np.float32(w) == 1 for w in expected.values())
    assert block.keys.tolist() == sorted({row for row, _ in expected})
    assert block.columns.tolist() == by_block([*{column for _, column in expected}], source)
    counts = [0] * source.num_blocks
    for column in block.columns.tolist():
        counts[block_by_name(column, source)] += 1
    assert block.column_counts.tolist() == counts
    for start, end in zip(block.indptr, block.indptr[1:], strict=False):
        assert np.all(np.diff(block.indices[start:end]) > 0)


@given(cells=CELLS, source=PLACEMENTS)
def test_routes_name_the_rows_that_each_block_needs(
    cells: list[tuple[int, int, float]], source: Placement
) -> None:
    block = pack(cells, source, "sum")
    needed = [
        sorted({row for row, column, _ in cells if block_by_name(column, source) == b})
        for b in range(source.num_blocks)
    ]
    assert block.route_counts.tolist() == [len(rows) for rows in needed]
    assert block.keys[block.routes].tolist() == [row for rows in needed for row in rows]


@given(cells=CELLS, user_side=PLACEMENTS, item_side=PLACEMENTS)
def test_what_is_sent_is_what_is_expected(
    cells: list[tuple[int, int, float]], user_side: Placement, item_side: Placement
) -> None:
    users = pack_side(cells, user_side, item_side)
    items = pack_side([(i, u, w) for u, i, w in cells], item_side, user_side)
    sides = ((users, items, user_side.num_blocks), (items, users, item_side.num_blocks))
    for senders, receivers, num_senders in sides:
        for number, receiver in receivers.items():
            sent = [
                keys_sent(senders[sender], number) if sender in senders else []
                for sender in range(num_senders)
            ]
            assert [len(keys) for keys in sent] == receiver.column_counts.tolist()
            assert [key for keys in sent for key in keys] == receiver.columns.tolist()


def pack_side(
    cells: list[tuple[int, int, float]], side: Placement, source: Placement
) -> dict[int, PackedBlock]:
    """All blocks of one side, each from its own interactions only."""
    parts = defaultdict(list)
    for cell in cells:
        parts[block_by_name(cell[0], side)].append(cell)
    return {number: pack(part, source, "sum") for number, part in parts.items()}


def keys_sent(sender: PackedBlock, to: int) -> list[int]:
    end = int(sender.route_counts[: to + 1].sum())
    rows = sender.routes[end - sender.route_counts[to] : end]
    keys: list[int] = sender.keys[rows].tolist()
    return keys


@given(
    cells=CELLS,
    source=PLACEMENTS,
    duplicates=st.sampled_from(["sum", "once"]),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_changes_no_bit(
    cells: list[tuple[int, int, float]], source: Placement, duplicates: str, random: Random
) -> None:
    # Sums of these weights differ in the last bit with the order in which they are added.
    cells = cells + [(*cells[0][:2], w) for w in (0.1, 0.2, 0.3, 1e-9, 7e8, 0.7)]
    shuffled = cells[:]
    random.shuffle(shuffled)
    first, second = (pack(order, source, duplicates) for order in (cells, shuffled))
    for name, array in vars(first).items():
        assert array.dtype == getattr(second, name).dtype
        assert array.tobytes() == getattr(second, name).tobytes(), name


@pytest.mark.parametrize(("duplicates", "weight"), [("sum", 3.75), ("once", 2.5)])
def test_repeated_pairs(duplicates: str, weight: float) -> None:
    block = pack([(1, 7, 0.5), (1, 8, 1.0), (1, 7, 2.5), (1, 7, 0.75)], Placement(1), duplicates)
    assert unpack(block) == {(1, 7): weight, (1, 8): 1.0}


def test_pairs_repeated_once_need_no_weights() -> None:
    assert len(pack([(1, 7, 1.0), (1, 7, 1.0)], Placement(1), "once").weights) == 0
    assert pack([(1, 7, 1.0), (1, 7, 1.0)], Placement(1), "sum").weights.tolist() == [2.0]


def test_the_example_of_the_module() -> None:
    block = pack([(3, 10, 1.0), (3, 11, 1.0), (4, 11, 1.0), (4, 12, 1.0)], Placement(2), "sum")
    assert block.columns.tolist() == [10, 12, 11]
    assert block.column_counts.tolist() == [2, 1]
    assert block.indices.tolist() == [0, 2, 1, 2]
    assert block.routes.tolist() == [0, 1, 0, 1]
    assert block.route_counts.tolist() == [2, 2]
