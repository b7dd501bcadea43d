"""One row with a million interactions among many short ones."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tests.support.row_problem import Problem

HOT, SHORT, RANK, N_SRC = 1_000_000, 20_000, 16, 5_000
MEGABYTE = 1 << 20


@pytest.mark.parametrize("hard", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_hot_row_is_exact_in_little_memory(hard: bool) -> None:
    """The matrices of the block, the numbers of its rows, 5 MB: nothing for each interaction."""
    Problem([3, 30], RANK).weighted(0.1, 10).solve()  # compiles
    problem = Problem([3] * SHORT + [HOT], RANK, n_src=N_SRC).weighted(0.1, 10)
    if hard:
        # Float32 gives up on this row, and the slow solver takes it.
        assert problem.weights is not None
        problem.weights[-HOT:] *= np.float32(1e30)
    tracemalloc.start()
    solution = problem.solve()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    matrices = 4 * RANK * (N_SRC + 3 * SHORT)
    assert peak < matrices + 64 * SHORT + 5 * MEGABYTE
    # The gathered rows of the hot one would be six times that.
    assert 5 * peak < 4 * RANK * HOT
    for row in (0, SHORT):
        exact = problem.dense(row)
        assert np.linalg.norm(solution.factors[row] - exact) <= 1e-5 * np.linalg.norm(exact)
