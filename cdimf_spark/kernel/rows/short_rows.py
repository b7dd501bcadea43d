"""Compiled solver of rows with few interactions (see least_squares).

Row u with source rows b_1 .. b_k, weights w and positive diagonal E = a0*l + ridge_u + rho_u::

    ( diag(E) + B'B ) x = B's + rho_u h_u,     rows of B: sqrt(w_j) b_j,     s_j = sqrt(w_j)

has by the Woodbury identity the solution::

    (I + B E^-1 B') t = s - B E^-1 rho_u h_u,      x = E^-1 (rho_u h_u + B't)

where t are the weighted errors s - Bx. The k x k system is positive definite and is factorized in
float64: k^2 d / 2 + k^3 / 6 multiplications, for any weights.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.compilation import compiled, inlined
from cdimf_spark.kernel.memory import prefetch

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


# Rows whose source rows are on their way while one is solved.
_ROWS_AHEAD = 2


@inlined
def solve_cholesky(system: Float64, vector: Float64) -> None:
    """Solve in place with the lower triangle of `system`, which is overwritten."""
    for i in range(len(vector)):
        row = system[i]
        for j in range(i):
            dot = row[j]
            for f in range(j):
                dot -= row[f] * system[j, f]
            row[j] = dot * system[j, j]
        pivot = row[i]
        for f in range(i):
            pivot -= row[f] * row[f]
            vector[i] -= row[f] * vector[f]
        # At most zero by rounding only: the caller sees it in the loss.
        row[i] = 1.0 / math.sqrt(pivot) if pivot > 0.0 else math.nan
        vector[i] *= row[i]
    for i in range(len(vector) - 1, -1, -1):
        vector[i] *= system[i, i]
        for f in range(i):
            vector[f] -= vector[i] * system[i, f]


@inlined
def solve_short_row(
    src: Float32,
    columns: Int32,
    weights: Float32,
    scale: Float64,
    solution: Float32,
    rows: Float64,
    system: Float64,
    errors: Float64,
) -> float:
    """Solve one row, in variables scaled by sqrt(E); returns its loss.

    `scale` is E^-1/2; `solution` holds rho_u h_u; `rows` (k, d), `system` (k, k) and `errors` (k,)
    are scratch.
    """
    for i in range(len(columns)):
        source, row = src[np.uint32(columns[i])], rows[i]
        root = math.sqrt(np.float64(weights[i])) if len(weights) else 1.0
        dot = 0.0
        for f in range(len(scale)):
            row[f] = root * source[f] * scale[f]
            dot += row[f] * (scale[f] * solution[f])
        errors[i] = root - dot
        for j in range(i + 1):
            other, dot = rows[j], 0.0
            for f in range(len(scale)):
                dot += row[f] * other[f]
            system[i, j] = dot
        system[i, i] += 1.0
    solve_cholesky(system, errors)
    for f in range(len(scale)):
        total = scale[f] * solution[f]
        for i in range(len(columns)):
            total += errors[i] * rows[i, f]
        solution[f] = scale[f] * total
    loss = 0.0
    for i in range(len(errors)):
        loss += errors[i] * errors[i]
    return loss


@compiled
def solve_short_rows(
    numbers: Int64,
    indptr: Int64,
    indices: Int32,
    weights: Float32,
    src: Float32,
    dense_diagonal: Float64,
    shift: Float64,
    solutions: Float32,
    losses: Float64,
    longest: int,
) -> None:
    """Solve the rows `numbers` of a CSR block, none with more than `longest` interactions.

    Parameters
    ----------
    numbers : int64 (m,)
        Positions of the rows to solve; fastest when rows of equal shift follow each other.
    indptr, indices, weights : int64 (n_rows + 1,), int32 (nnz,), float32 (nnz,) or (0,)
        Interactions of all rows; without weights all are 1.
    src : float32 (n_src, d)
        Source rows b in the eigenbasis.
    dense_diagonal : float64 (d,)
        a0 * l.
    shift : float64 (n_rows,)
        ridge_u + rho_u.
    solutions : float32 (n_rows, d)
        Holds rho_u h_u; the rows `numbers` are overwritten with x_u.
    losses : float64 (n_rows,)
        Receives sum_j w_j (b_j . x_u - 1)^2; not finite where a row could not be solved.
    longest : int
        Size of the scratch.
    """
    scale = np.empty(len(dense_diagonal), np.float64)
    rows = np.empty((longest, len(scale)), np.float64)
    system = np.empty((longest, longest), np.float64)
    errors = np.empty(longest, np.float64)
    previous = np.nan
    for n in range(len(numbers)):
        u, later = numbers[n], numbers[min(n + _ROWS_AHEAD, len(numbers) - 1)]
        for column in indices[indptr[later] : indptr[later + 1]]:
            prefetch(src, column)
        first, last = indptr[u], indptr[u + 1]
        k = last - first
        if shift[u] != previous:
            previous = shift[u]
            for f in range(len(scale)):
                scale[f] = 1.0 / math.sqrt(dense_diagonal[f] + previous)
        losses[u] = solve_short_row(
            src, indices[first:last], weights[first:last], scale, solutions[u],
            rows[:k], system[:k, :k], errors[:k],
        )  # fmt: skip
