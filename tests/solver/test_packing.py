"""Packing: what each block holds, and that both sides agree without talking."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.solver.packing import PackedBlock, block_of, pack_block

KEYS = st.one_of(
    st.integers(-8, 8), st.sampled_from([2**63 - 1, 2**63 - 2, -(2**63), -(2**63) + 1])
)
WEIGHTS = st.one_of(st.just(1.0), st.floats(0.01, 100.0))
CELLS = st.lists(st.tuples(KEYS, KEYS, WEIGHTS), min_size=1, max_size=40)
NUM_BLOCKS = st.integers(1, 9)


def pack(cells: list[tuple[int, int, float]], num_blocks: int, duplicates: str) -> PackedBlock:
    rows, columns, weights = zip(*cells, strict=True)
    return pack_block(
        np.array(rows, np.int64),
        np.array(columns, np.int64),
        np.array(weights, np.float64),
        num_blocks,
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


def by_block(keys: list[int], num_blocks: int) -> list[int]:
    return sorted(keys, key=lambda key: (key % num_blocks, key))


@given(cells=CELLS, num_blocks=NUM_BLOCKS, duplicates=st.sampled_from(["sum", "once"]))
def test_a_block_holds_its_interactions(
    cells: list[tuple[int, int, float]], num_blocks: int, duplicates: str
) -> None:
    block = pack(cells, num_blocks, duplicates)
    expected = merge(cells, duplicates)
    found = unpack(block)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(
        [found[cell] for cell in expected], list(expected.values()), rtol=1e-6
    )
    assert (len(block.weights) == 0) == all(np.float32(w) == 1 for w in expected.values())
    assert block.keys.tolist() == sorted({row for row, _ in expected})
    assert block.columns.tolist() == by_block([*{column for _, column in expected}], num_blocks)
    counts = [0] * num_blocks
    for column in block.columns.tolist():
        counts[column % num_blocks] += 1
    assert block.column_counts.tolist() == counts
    for start, end in zip(block.indptr, block.indptr[1:], strict=False):
        assert np.all(np.diff(block.indices[start:end]) > 0)


@given(cells=CELLS, num_blocks=NUM_BLOCKS)
def test_routes_name_the_rows_that_each_block_needs(
    cells: list[tuple[int, int, float]], num_blocks: int
) -> None:
    block = pack(cells, num_blocks, "sum")
    needed = [
        sorted({row for row, column, _ in cells if column % num_blocks == b})
        for b in range(num_blocks)
    ]
    assert block.route_counts.tolist() == [len(rows) for rows in needed]
    assert block.keys[block.routes].tolist() == [row for rows in needed for row in rows]


@given(cells=CELLS, user_blocks=NUM_BLOCKS, item_blocks=NUM_BLOCKS)
def test_what_is_sent_is_what_is_expected(
    cells: list[tuple[int, int, float]], user_blocks: int, item_blocks: int
) -> None:
    users = pack_side(cells, user_blocks, item_blocks)
    items = pack_side([(i, u, w) for u, i, w in cells], item_blocks, user_blocks)
    sides = ((users, items, user_blocks), (items, users, item_blocks))
    for senders, receivers, num_senders in sides:
        for number, receiver in receivers.items():
            sent = [
                keys_sent(senders[sender], number) if sender in senders else []
                for sender in range(num_senders)
            ]
            assert [len(keys) for keys in sent] == receiver.column_counts.tolist()
            assert [key for keys in sent for key in keys] == receiver.columns.tolist()


def pack_side(
    cells: list[tuple[int, int, float]], num_blocks: int, num_src_blocks: int
) -> dict[int, PackedBlock]:
    """All blocks of one side, each from its own interactions only."""
    parts = defaultdict(list)
    for cell in cells:
        parts[cell[0] % num_blocks].append(cell)
    return {number: pack(part, num_src_blocks, "sum") for number, part in parts.items()}


def keys_sent(sender: PackedBlock, to: int) -> list[int]:
    end = int(sender.route_counts[: to + 1].sum())
    rows = sender.routes[end - sender.route_counts[to] : end]
    return sender.keys[rows].tolist()


@given(
    cells=CELLS,
    num_blocks=NUM_BLOCKS,
    duplicates=st.sampled_from(["sum", "once"]),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_changes_no_bit(
    cells: list[tuple[int, int, float]], num_blocks: int, duplicates: str, random: object
) -> None:
    # Sums of these weights differ in the last bit with the order in which they are added.
    cells = cells + [(*cells[0][:2], w) for w in (0.1, 0.2, 0.3, 1e-9, 7e8, 0.7)]
    shuffled = cells[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (pack(order, num_blocks, duplicates) for order in (cells, shuffled))
    for name, array in vars(first).items():
        assert array.dtype == getattr(second, name).dtype
        assert array.tobytes() == getattr(second, name).tobytes(), name


@pytest.mark.parametrize(("duplicates", "weight"), [("sum", 3.75), ("once", 2.5)])
def test_repeated_pairs(duplicates: str, weight: float) -> None:
    block = pack([(1, 7, 0.5), (1, 8, 1.0), (1, 7, 2.5), (1, 7, 0.75)], 1, duplicates)
    assert unpack(block) == {(1, 7): weight, (1, 8): 1.0}


def test_pairs_repeated_once_need_no_weights() -> None:
    assert len(pack([(1, 7, 1.0), (1, 7, 1.0)], 1, "once").weights) == 0
    assert pack([(1, 7, 1.0), (1, 7, 1.0)], 1, "sum").weights.tolist() == [2.0]


def test_the_example_of_the_module() -> None:
    block = pack([(3, 10, 1.0), (3, 11, 1.0), (4, 11, 1.0), (4, 12, 1.0)], 2, "sum")
    assert block.columns.tolist() == [10, 12, 11]
    assert block.column_counts.tolist() == [2, 1]
    assert block.indices.tolist() == [0, 2, 1, 2]
    assert block.routes.tolist() == [0, 1, 0, 1]
    assert block.route_counts.tolist() == [2, 2]


@given(key=KEYS, num_blocks=NUM_BLOCKS)
def test_blocks_are_never_negative(key: int, num_blocks: int) -> None:
    assert block_of(np.array([key], np.int64), num_blocks).tolist() == [key % num_blocks]
