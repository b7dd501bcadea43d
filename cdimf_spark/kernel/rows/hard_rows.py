"""The slow and safe solver: for rows on which float32 breaks down or does not converge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

# Source rows converted to float64 at a time.
_CHUNK_ROWS = 4096


def solve_hard_row(
    src: Matrix,
    columns: Int32,
    weights: Vector,
    vectors: Float64,
    diagonal: Float64,
    rhs: Float64,
) -> tuple[Float64, float]:
    """One row by a dense factorization, all in float64, and its observed loss: for hard rows."""
    lhs = np.diag(diagonal)
    for start in range(0, len(columns), _CHUNK_ROWS):
        rows = src[columns[start : start + _CHUNK_ROWS]].astype(np.float64) @ vectors
        cell_weights = _cell_weights(weights, start, len(rows))
        lhs += (rows * cell_weights[:, None]).T @ rows
        rhs = rhs + cell_weights @ rows
    try:
        solution = np.asarray(np.linalg.solve(lhs, rhs), np.float64)
    except np.linalg.LinAlgError:
        # No ridge and too few directions: the shortest of the solutions.
        solution = np.asarray(np.linalg.lstsq(lhs, rhs)[0], np.float64)
    loss = 0.0
    for start in range(0, len(columns), _CHUNK_ROWS):
        errors = src[columns[start : start + _CHUNK_ROWS]] @ (vectors @ solution) - 1.0
        loss += float(_cell_weights(weights, start, len(errors)) @ errors**2)
    return solution, loss


def _cell_weights(weights: Vector, start: int, count: int) -> Float64:
    """Weights of `count` cells from `start` on, float64; 1 where none are given."""
    if not len(weights):
        return np.ones(count)
    return weights[start : start + count].astype(np.float64)
