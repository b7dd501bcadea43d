"""Rows that start with a cache line, and hints that change nothing."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from cdimf_spark.kernel.memory import aligned_rows, prefetch


@pytest.mark.parametrize("shape", [(1, 1), (6, 192), (1000, 64), (4, 1_000_003)])
def test_rows_start_with_a_cache_line(shape: tuple[int, int]) -> None:
    rows = aligned_rows(*shape)
    assert rows.shape == shape
    assert rows.ctypes.data % 64 == 0
    assert rows.flags.c_contiguous
    rows[:] = 1  # the whole of it is memory of its own
    assert rows.sum() == rows.size


@numba.njit
def sum_with_hints(rows: np.ndarray, numbers: np.ndarray) -> float:
    total = 0.0
    for number in numbers:
        prefetch(rows, number)
    for number in numbers:
        total += rows[number].sum()
    return total


@pytest.mark.parametrize("rank", [1, 7, 16, 192])
def test_prefetching_changes_no_row(rank: int) -> None:
    rows = np.arange(5 * rank, dtype=np.float32).reshape(5, rank)
    before = rows.copy()
    numbers = np.array([4, 0, 4, 2], np.int32)
    assert sum_with_hints(rows, numbers) == before[numbers].sum()
    np.testing.assert_array_equal(rows, before)


def test_the_hint_is_compiled() -> None:
    sum_with_hints(np.ones((2, 192), np.float32), np.array([1], np.int32))
    assert all(
        "call void @llvm.prefetch" in code for code in sum_with_hints.inspect_llvm().values()
    )
