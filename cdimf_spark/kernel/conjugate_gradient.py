"""Compiled solver of many small least-squares systems that share one diagonal (see least_squares).

Row u with source rows b_1 .. b_k, weights w and positive diagonal E_u = a0*l + ridge_u + rho_u::

    ( diag(E_u) + sum_j w_j b_j b_j' ) x = sum_j w_j b_j + rho_u h_u

is solved by conjugate gradients preconditioned with 1/E_u. Because the dense part a0*G of the
matrix is in E_u and so is inverted exactly, 6 to 12 iterations reach float32 accuracy. Rows are
solved one after another on one thread: the same input gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., object])
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

# Sums may be reordered (vectorised) and fused, but infinities and NaN keep their meaning: a row
# that breaks down is recognised by them.
_FAST_MATH = {"reassoc", "contract", "nsz", "arcp"}
# Rows summed in float32 before they are added to a float64 total. A million float32 additions in
# sequence would lose two digits more than the promised 1e-5 allows.
_CHUNK_ROWS = 256


def compiled(function: Function) -> Function:
    """Compile `function` on its first call, kept in numba's cache where there is a place for one.

    A read-only installation without a home folder has none; numba then refuses when decorating,
    and compiling anew in each process is the better answer.
    """
    try:
        return numba.njit(cache=True, nogil=True, fastmath=_FAST_MATH)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(nogil=True, fastmath=_FAST_MATH)(function)  # type: ignore[no-any-return]


@compiled
def dot(left: Float32, right: Float32) -> float:
    """Dot product of two float32 vectors, in float32."""
    total = np.float32(0)
    for j in range(len(left)):
        total += left[j] * right[j]
    return total


@compiled
def add_weighted_rows(src: Float32, columns: Float32, weights: Float32, total: Float64) -> None:
    """total += sum_j w_j b_j, where `columns` are the positions of the b_j in `src`."""
    rank = src.shape[1]
    part = np.zeros(rank, np.float32)
    for start in range(0, len(columns), _CHUNK_ROWS):
        part[:] = np.float32(0)
        for j in range(start, min(start + _CHUNK_ROWS, len(columns))):
            row = src[columns[j]]
            weight = weights[j] if len(weights) else np.float32(1)
            for f in range(rank):
                part[f] += weight * row[f]
        for f in range(rank):
            total[f] += part[f]


@compiled
def add_product(
    src: Float32, columns: Float32, weights: Float32, vector: Float32, part: Float32, total: Float64
) -> None:
    """total += sum_j w_j (b_j . vector) b_j; `part` is scratch of the same length."""
    rank = src.shape[1]
    for start in range(0, len(columns), _CHUNK_ROWS):
        part[:] = np.float32(0)
        for j in range(start, min(start + _CHUNK_ROWS, len(columns))):
            row = src[columns[j]]
            scale = dot(row, vector)
            if len(weights):
                scale *= weights[j]
            for f in range(rank):
                part[f] += scale * row[f]
        for f in range(rank):
            total[f] += part[f]


@compiled
def observed_loss(src: Float32, columns: Float32, weights: Float32, solution: Float32) -> float:
    """Sum of w_j (b_j . solution - 1)^2, in float64."""
    total = 0.0
    for j in range(len(columns)):
        error = np.float64(dot(src[columns[j]], solution)) - 1.0
        total += error * error * (weights[j] if len(weights) else np.float32(1))
    return total


@compiled
def solve_row(
    src: Float32,
    columns: Float32,
    weights: Float32,
    diagonal: Float64,
    rhs: Float64,
    solution: Float32,
    max_iter: int,
    tol: float,
) -> bool:
    """Solve one row into `solution`; False if it did not converge or is not finite.

    Stops at sqrt(r'E^-1 r) <= tol * sqrt(b'E^-1 b), with residual r and right-hand side b.
    """
    rank = len(diagonal)
    inverse, residual, direction = np.empty((3, rank), np.float32)
    part = np.empty(rank, np.float32)
    product = np.empty(rank, np.float64)
    norm = 0.0
    for f in range(rank):
        inverse[f] = 1.0 / diagonal[f]
        residual[f] = rhs[f]
        direction[f] = inverse[f] * residual[f]
        solution[f] = np.float32(0)
        norm += np.float64(direction[f]) * residual[f]
    goal = tol * tol * norm
    if norm == 0.0:
        return True
    for _ in range(max_iter):
        for f in range(rank):
            product[f] = diagonal[f] * direction[f]
        add_product(src, columns, weights, direction, part, product)
        curvature = 0.0
        for f in range(rank):
            curvature += product[f] * direction[f]
        step = norm / curvature
        next_norm = 0.0
        for f in range(rank):
            solution[f] += np.float32(step) * direction[f]
            residual[f] -= np.float32(step) * np.float32(product[f])
            next_norm += np.float64(residual[f]) * inverse[f] * residual[f]
        if next_norm <= goal:
            return True
        if not np.isfinite(next_norm):
            return False
        ratio = np.float32(next_norm / norm)
        for f in range(rank):
            direction[f] = inverse[f] * residual[f] + ratio * direction[f]
        norm = next_norm
    return False


@compiled
def solve_csr(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: Float32,
    src: Float32,
    dense_diagonal: Float64,
    ridge: Float32,
    pull_weight: Float32,
    solutions: Float32,
    losses: Float64,
    max_iter: int,
    tol: float,
) -> NDArray[np.int64]:
    """Solve all rows of a CSR block; returns the positions of those that failed.

    Parameters
    ----------
    indptr, indices, weights : int64 (n_rows + 1,), int32 (nnz,), float32 (nnz,) or (0,)
        Interactions; without weights all are 1.
    src : float32 (n_src, d)
        Source rows b in the eigenbasis.
    dense_diagonal : float64 (d,)
        a0 * l.
    ridge, pull_weight : float32 (n_rows,), float32 (n_rows,) or (0,)
        ridge_u and rho_u.
    solutions : float32 (n_rows, d)
        Holds h_u (anything where there is no pull); overwritten with x_u.
    losses : float64 (n_rows,)
        Receives sum_j w_j (b_j . x_u - 1)^2.
    max_iter, tol : int, float
        Limits of ``solve_row``.
    """
    failed = np.zeros(len(ridge), np.bool_)
    diagonal = np.empty(len(dense_diagonal), np.float64)
    rhs = np.empty(len(dense_diagonal), np.float64)
    for u in range(len(ridge)):
        columns = indices[indptr[u] : indptr[u + 1]]
        row_weights = weights[indptr[u] : indptr[u + 1]] if len(weights) else weights
        pull = np.float64(pull_weight[u]) if len(pull_weight) else 0.0
        shift = np.float64(ridge[u]) + pull
        for f in range(len(diagonal)):
            diagonal[f] = dense_diagonal[f] + shift
            rhs[f] = pull * solutions[u, f] if pull != 0.0 else 0.0
        add_weighted_rows(src, columns, row_weights, rhs)
        converged = solve_row(
            src, columns, row_weights, diagonal, rhs, solutions[u], max_iter, tol
        )
        losses[u] = observed_loss(src, columns, row_weights, solutions[u])
        failed[u] = not (converged and np.isfinite(losses[u]))
    return np.flatnonzero(failed)
