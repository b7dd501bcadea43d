"""Compiled solvers of many small least-squares systems that share one diagonal (least_squares).

Row u with source rows b_1 .. b_k, weights w and positive diagonal E = a0*l + ridge_u + rho_u::

    ( diag(E) + B'B ) x = B's + rho_u h_u,     rows of B: sqrt(w_j) b_j,     s_j = sqrt(w_j)

Two exact methods, by the length of the row:

- *short rows*: the k x k system  (I + B E^-1 B') t = s - B E^-1 rho_u h_u,  x = E^-1 (rho_u h_u + B't)
  by Cholesky factorization in float64; t are the weighted errors s - Bx;
- *others*: conjugate gradients preconditioned with 1/E. Because the dense part a0*G of the matrix
  is in E and so is inverted exactly, 5 to 10 iterations reach float32 accuracy.

Rows are solved one after another on one thread: the same input gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., object])
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

# Sums may be reordered (vectorised) and fused, but infinities and NaN keep their meaning: a row
# that breaks down is recognised by them.
_FAST_MATH = {"reassoc", "contract", "nsz", "arcp"}
# Rows with at most so many interactions are solved by the k x k system.
_SHORT_ROW = 16
# Entries of the buffer of gathered rows (4 MB, half of what a core has in its caches).
_BUFFER_ENTRIES = 1 << 20
# Rows summed in sequence in float32 before the sum joins a total. A million float32 additions in
# sequence would lose two digits more than the promised 1e-5 allows.
_CHUNK_ROWS = 1024


def compiled(function: Function) -> Function:
    """Compile `function` on its first call, kept in numba's cache where there is a place for one.

    A read-only installation without a home folder has none; numba then refuses when decorating,
    and compiling anew in each process is the better answer.
    """
    try:
        return numba.njit(cache=True, nogil=True, fastmath=_FAST_MATH)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(nogil=True, fastmath=_FAST_MATH)(function)  # type: ignore[no-any-return]


class Workspace(NamedTuple):
    """Scratch of one call, for rows of any length.

    Attributes
    ----------
    rows, roots : float32 (m, d), float32 (m,)
        Up to m gathered rows sqrt(w_j) b_j, and sqrt(w_j).
    vectors : float32 (5, d)
        Vectors of the iteration.
    short_rows, system, errors : float64 (16, d), (16, 16), (16,)
        The system of a short row.
    """

    rows: Float32
    roots: Float32
    vectors: Float32
    short_rows: Float64
    system: Float64
    errors: Float64


def workspace(rank: int, longest_row: int) -> Workspace:
    """Scratch for rows of `rank` columns with at most `longest_row` interactions."""
    size = max(1, min(longest_row, _BUFFER_ENTRIES // rank))
    return Workspace(
        rows=np.empty((size, rank), np.float32),
        roots=np.empty(size, np.float32),
        vectors=np.empty((5, rank), np.float32),
        short_rows=np.empty((_SHORT_ROW, rank)),
        system=np.empty((_SHORT_ROW, _SHORT_ROW)),
        errors=np.empty(_SHORT_ROW),
    )


@compiled
def gather(src: Float32, columns: Int32, weights: Float32, rows: Float32, roots: Float32) -> None:
    """Copy sqrt(w_j) b_j into `rows` and sqrt(w_j) into `roots`."""
    for j in range(len(columns)):
        row = src[np.uint32(columns[j])]
        root = np.float32(math.sqrt(weights[j])) if len(weights) else np.float32(1)
        roots[j] = root
        for f in range(src.shape[1]):
            rows[j, f] = root * row[f]


@compiled
def add_combination(rows: Float32, scales: Float32, total: Float32) -> None:
    """total += sum_j scales_j rows_j."""
    for j in range(len(rows)):
        row, scale = rows[j], scales[j]
        for f in range(len(total)):
            total[f] += scale * row[f]


@compiled
def add_product(rows: Float32, vector: Float32, total: Float32) -> None:
    """total += B'(B vector); four rows at a time, which halves the traffic of the two vectors."""
    blocked = len(rows) - len(rows) % 4
    for j in range(0, blocked, 4):
        a, b, c, d = rows[j], rows[j + 1], rows[j + 2], rows[j + 3]
        dot_a = dot_b = dot_c = dot_d = np.float32(0)
        for f in range(len(vector)):
            dot_a += a[f] * vector[f]
            dot_b += b[f] * vector[f]
            dot_c += c[f] * vector[f]
            dot_d += d[f] * vector[f]
        for f in range(len(vector)):
            total[f] += dot_a * a[f] + dot_b * b[f] + dot_c * c[f] + dot_d * d[f]
    for j in range(blocked, len(rows)):
        a = rows[j]
        dot_a = np.float32(0)
        for f in range(len(vector)):
            dot_a += a[f] * vector[f]
        for f in range(len(vector)):
            total[f] += dot_a * a[f]


@compiled
def right_side(src: Float32, columns: Int32, weights: Float32, ws: Workspace, total: Float32) -> None:
    """total += sum_j w_j b_j; leaves the last rows (all, if they fit) in the buffer."""
    size, part = len(ws.rows), ws.vectors[4]
    for start in range(0, len(columns), size):
        stop = min(start + size, len(columns))
        gather(src, columns[start:stop], weights[start:stop], ws.rows, ws.roots)
        for first in range(0, stop - start, _CHUNK_ROWS):
            last = min(first + _CHUNK_ROWS, stop - start)
            part[:] = np.float32(0)
            add_combination(ws.rows[first:last], ws.roots[first:last], part)
            for f in range(len(total)):
                total[f] += part[f]


@compiled
def product(
    src: Float32, columns: Int32, weights: Float32, ws: Workspace, vector: Float32, total: Float32
) -> None:
    """total = B'(B vector); the rows are gathered anew only where the buffer cannot hold all."""
    size, part = len(ws.rows), ws.vectors[4]
    total[:] = np.float32(0)
    for start in range(0, len(columns), size):
        stop = min(start + size, len(columns))
        if len(columns) > size:
            gather(src, columns[start:stop], weights[start:stop], ws.rows, ws.roots)
        for first in range(0, stop - start, _CHUNK_ROWS):
            part[:] = np.float32(0)
            add_product(ws.rows[first : min(first + _CHUNK_ROWS, stop - start)], vector, part)
            for f in range(len(total)):
                total[f] += part[f]


@compiled
def observed_loss(
    src: Float32, columns: Int32, weights: Float32, ws: Workspace, solution: Float32
) -> float:
    """Sum of w_j (b_j . solution - 1)^2, after ``right_side`` of the same row."""
    size, total = len(ws.rows), 0.0
    for start in range(0, len(columns), size):
        stop = min(start + size, len(columns))
        if len(columns) > size:
            gather(src, columns[start:stop], weights[start:stop], ws.rows, ws.roots)
        for j in range(stop - start):
            row, dot = ws.rows[j], np.float32(0)
            for f in range(len(solution)):
                dot += row[f] * solution[f]
            error = np.float64(dot) - ws.roots[j]
            total += error * error
    return total


@compiled
def solve_long(
    src: Float32,
    columns: Int32,
    weights: Float32,
    diagonal: Float32,
    rhs: Float32,
    solution: Float32,
    ws: Workspace,
    max_iter: int,
    tol: float,
) -> float:
    """Solve one row by conjugate gradients; returns its observed loss, NaN if it did not converge.

    With residual r, the error e and the solution x obey |e|_A <= |r|_(1/E) and |x|_A^2 = the sum
    of all steps times r'E^-1 r, so |r|_(1/E) <= tol * |x|_A bounds the relative error in the norm
    of the system.
    """
    rank, length = len(diagonal), np.float32(0)
    inverse, residual, direction, image = ws.vectors[0], ws.vectors[1], ws.vectors[2], ws.vectors[3]
    right_side(src, columns, weights, ws, rhs)
    norm = np.float32(0)
    for f in range(rank):
        inverse[f] = np.float32(1) / diagonal[f]
        residual[f] = rhs[f]
        direction[f] = inverse[f] * residual[f]
        solution[f] = np.float32(0)
        norm += direction[f] * residual[f]
    for _ in range(max_iter):
        # Also true of NaN: such a row leaves the loop by `length` and fails below.
        if not norm > np.float32(tol * tol) * length:
            return observed_loss(src, columns, weights, ws, solution)
        product(src, columns, weights, ws, direction, image)
        curvature = np.float32(0)
        for f in range(rank):
            image[f] += diagonal[f] * direction[f]
            curvature += image[f] * direction[f]
        step, previous = norm / curvature, norm
        length += step * norm
        norm = np.float32(0)
        for f in range(rank):
            solution[f] += step * direction[f]
            residual[f] -= step * image[f]
            norm += inverse[f] * residual[f] * residual[f]
        ratio = norm / previous
        for f in range(rank):
            direction[f] = inverse[f] * residual[f] + ratio * direction[f]
    return np.nan


@compiled
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
        row[i] = 1.0 / math.sqrt(pivot)
        vector[i] *= row[i]
    for i in range(len(vector) - 1, -1, -1):
        vector[i] *= system[i, i]
        for f in range(i):
            vector[f] -= vector[i] * system[i, f]


@compiled
def solve_short(
    src: Float32,
    columns: Int32,
    weights: Float32,
    diagonal: Float32,
    rhs: Float32,
    solution: Float32,
    ws: Workspace,
) -> float:
    """Solve one row by its k x k system, in variables scaled by sqrt(E); returns its loss."""
    errors = ws.errors[: len(columns)]
    for f in range(len(diagonal)):
        solution[f] = np.float32(1) / math.sqrt(diagonal[f])
        rhs[f] *= solution[f]
    for i in range(len(columns)):
        source, row = src[np.uint32(columns[i])], ws.short_rows[i]
        root = math.sqrt(np.float64(weights[i])) if len(weights) else 1.0
        for f in range(len(diagonal)):
            row[f] = root * source[f] * solution[f]
        errors[i] = root
        for f in range(len(diagonal)):
            errors[i] -= row[f] * rhs[f]
        for j in range(i + 1):
            other, dot = ws.short_rows[j], 0.0
            for f in range(len(diagonal)):
                dot += row[f] * other[f]
            ws.system[i, j] = dot
        ws.system[i, i] += 1.0
    solve_cholesky(ws.system, errors)
    for i in range(len(columns)):
        row, error = ws.short_rows[i], errors[i]
        for f in range(len(diagonal)):
            rhs[f] += np.float32(error * row[f])
    for f in range(len(diagonal)):
        solution[f] *= rhs[f]
    return np.sum(errors * errors)


@compiled
def solve_csr(
    indptr: NDArray[np.int64],
    indices: Int32,
    weights: Float32,
    src: Float32,
    dense_diagonal: Float64,
    ridge: Float32,
    pull_weight: Float32,
    solutions: Float32,
    losses: Float64,
    ws: Workspace,
    max_iter: int,
    tol: float,
) -> None:
    """Solve all rows of a CSR block.

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
        Receives sum_j w_j (b_j . x_u - 1)^2; not finite where the row has not been solved.
    ws : Workspace
        Scratch.
    max_iter, tol : int, float
        Limits of ``solve_long``.
    """
    rank = len(dense_diagonal)
    diagonal, rhs = np.empty(rank, np.float32), np.empty(rank, np.float32)
    for u in range(len(ridge)):
        first, last, x = indptr[u], indptr[u + 1], solutions[u]
        columns, row_weights = indices[first:last], weights[first:last]
        pull = pull_weight[u] if len(pull_weight) else np.float32(0)
        for f in range(rank):
            diagonal[f] = dense_diagonal[f] + np.float64(ridge[u]) + pull
            rhs[f] = pull * x[f] if pull != 0 else np.float32(0)
        if last - first <= _SHORT_ROW:
            losses[u] = solve_short(src, columns, row_weights, diagonal, rhs, x, ws)
        else:
            losses[u] = solve_long(
                src, columns, row_weights, diagonal, rhs, x, ws, max_iter, tol
            )
