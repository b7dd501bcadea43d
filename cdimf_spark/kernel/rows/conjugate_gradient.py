"""Compiled solver of rows with many interactions (see least_squares).

Row u with source rows b_1 .. b_k, weights w and positive diagonal E = a0*l + ridge_u + rho_u::

    ( diag(E) + B'B ) x = B's + rho_u h_u,     rows of B: sqrt(w_j) b_j,     s_j = sqrt(w_j)

is solved by conjugate gradients preconditioned with 1/E. Because the dense part a0*G of the matrix
is in E and so is inverted exactly, 5 to 10 iterations reach float32 accuracy. Rows are solved one
after another on one thread: the same input gives the same bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.compilation import compiled, inlined
from cdimf_spark.kernel.memory import aligned_rows, prefetch

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Four: TypeAlias = tuple[np.float32, np.float32, np.float32, np.float32]

# Entries of the buffer of gathered rows: 4 MB. Smaller means gathering long rows in every
# iteration, larger means reading them from memory.
_BUFFER_ENTRIES = 1 << 20
# Rows summed in sequence in float32 before the sum joins a total. A million float32 additions in
# sequence would lose two digits more than the promised 1e-5 allows.
_CHUNK_ROWS = 1024
# 1/step is a mean of eigenvalues of the preconditioned matrix, none of which is below 1. A smaller
# step shows a condition number at which float32 would cost more than the promised digits.
_SMALLEST_STEP = 1 / 60
# Rows that are multiplied in one pass over a vector; one by one, most of the time would go into
# the vector and into adding up its lanes.
_AT_ONCE = 4
# Source rows that are on their way while others are copied: 4 kB, about what a processor waits for.
_FLOATS_AHEAD = 1024


class Buffer(NamedTuple):
    """Scratch for rows of any length.

    Attributes
    ----------
    rows, roots : float32 (m, d), float32 (m,)
        Up to m gathered rows sqrt(w_j) b_j, and sqrt(w_j); m is a multiple of 4.
    vectors : float32 (6, d)
        Vectors of the iteration.
    """

    rows: Float32
    roots: Float32
    vectors: Float32


def new_buffer(rank: int, longest: int) -> Buffer:
    """Scratch for rows of `rank` columns with at most `longest` interactions."""
    groups = min(-(-longest // _AT_ONCE), _BUFFER_ENTRIES // (rank * _AT_ONCE))
    size = _AT_ONCE * max(1, groups)
    return Buffer(aligned_rows(size, rank), np.empty(size, np.float32), aligned_rows(6, rank))


@inlined
def gather(src: Float32, columns: Int32, weights: Float32, rows: Float32, roots: Float32) -> int:
    """Copy sqrt(w_j) b_j into `rows`, sqrt(w_j) into `roots`; returns how many are filled.

    Zeros, which add nothing to any sum, fill them up to a multiple of four.
    """
    ahead = _FLOATS_AHEAD // src.shape[1] + 1
    for j in range(len(columns)):
        if j + ahead < len(columns):
            prefetch(src, columns[j + ahead])
        row = src[np.uint32(columns[j])]
        root = np.float32(math.sqrt(weights[j])) if len(weights) else np.float32(1)
        roots[j] = root
        for f in range(src.shape[1]):
            rows[j, f] = root * row[f]
    filled = len(columns) + -len(columns) % _AT_ONCE
    rows[len(columns) : filled] = np.float32(0)
    roots[len(columns) : filled] = np.float32(0)
    return filled


@inlined
def dots(rows: Float32, vector: Float32) -> Four:
    """Products of the first four rows with `vector`."""
    a, b, c, d = rows[0], rows[1], rows[2], rows[3]
    dot_a = dot_b = dot_c = dot_d = np.float32(0)
    for f in range(len(vector)):
        dot_a += a[f] * vector[f]
        dot_b += b[f] * vector[f]
        dot_c += c[f] * vector[f]
        dot_d += d[f] * vector[f]
    return dot_a, dot_b, dot_c, dot_d


@inlined
def add_combination(rows: Float32, scales: Four, total: Float32) -> None:
    """Total += the first four rows times `scales`."""
    a, b, c, d = rows[0], rows[1], rows[2], rows[3]
    by_a, by_b, by_c, by_d = scales
    for f in range(len(total)):
        total[f] += by_a * a[f] + by_b * b[f] + by_c * c[f] + by_d * d[f]


@inlined
def right_side(
    src: Float32, columns: Int32, weights: Float32, buffer: Buffer, total: Float32
) -> None:
    """Total += sum_j w_j b_j; leaves the last rows (all, if they fit) in the buffer."""
    rows, roots, part = buffer.rows, buffer.roots, buffer.vectors[4]
    for start in range(0, len(columns), len(rows)):
        stop = min(start + len(rows), len(columns))
        filled = gather(src, columns[start:stop], weights[start:stop], rows, roots)
        for first in range(0, filled, _CHUNK_ROWS):
            part[:] = np.float32(0)
            for j in range(first, min(first + _CHUNK_ROWS, filled), _AT_ONCE):
                scales = (roots[j], roots[j + 1], roots[j + 2], roots[j + 3])
                add_combination(rows[j:], scales, part)
            for f in range(len(total)):
                total[f] += part[f]


@inlined
def add_product(
    src: Float32, columns: Int32, weights: Float32, buffer: Buffer, vector: Float32, total: Float32
) -> None:
    """Total += B'(B vector); the rows are gathered anew only where the buffer cannot hold all."""
    rows, part = buffer.rows, buffer.vectors[4]
    for start in range(0, len(columns), len(rows)):
        stop = min(start + len(rows), len(columns))
        filled = stop - start + (start - stop) % _AT_ONCE
        if len(columns) > len(rows):
            gather(src, columns[start:stop], weights[start:stop], rows, buffer.roots)
        for first in range(0, filled, _CHUNK_ROWS):
            part[:] = np.float32(0)
            for j in range(first, min(first + _CHUNK_ROWS, filled), _AT_ONCE):
                add_combination(rows[j:], dots(rows[j:], vector), part)
            for f in range(len(total)):
                total[f] += part[f]


@inlined
def observed_loss(
    src: Float32, columns: Int32, weights: Float32, buffer: Buffer, solution: Float32
) -> float:
    """Sum of w_j (b_j . solution - 1)^2, after ``right_side`` of the same row."""
    rows, roots, total = buffer.rows, buffer.roots, 0.0
    for start in range(0, len(columns), len(rows)):
        stop = min(start + len(rows), len(columns))
        if len(columns) > len(rows):
            gather(src, columns[start:stop], weights[start:stop], rows, roots)
        for j in range(0, stop - start, _AT_ONCE):
            products = dots(rows[j:], solution)
            for n in range(_AT_ONCE):
                error = np.float64(products[n]) - roots[j + n]
                total += error * error
    return total


@inlined
def solve_long_row(
    src: Float32,
    columns: Int32,
    weights: Float32,
    diagonal: Float32,
    solution: Float32,
    buffer: Buffer,
    max_iter: int,
    tol: float,
) -> float:
    """Solve one row; returns its observed loss, or NaN if it did not converge.

    `solution` holds rho_u h_u. With residual r, the error e and the solution x obey
    |e|_A <= |r|_(1/E), and |x|_A^2 is the sum of step * r'E^-1 r; so |r|_(1/E) <= tol * |x|_A
    bounds the relative error in the norm of the system A.
    """
    vectors = buffer.vectors
    inverse, residual, direction, image = vectors[0], vectors[1], vectors[2], vectors[3]
    residual[:] = solution
    right_side(src, columns, weights, buffer, residual)
    norm, length = np.float32(0), np.float32(0)
    for f in range(len(diagonal)):
        inverse[f] = np.float32(1) / diagonal[f]
        direction[f] = inverse[f] * residual[f]
        image[f] = diagonal[f] * direction[f]
        solution[f] = np.float32(0)
        norm += direction[f] * residual[f]
    for _ in range(max_iter):
        # A NaN leaves the loop here, too, and shows in the loss.
        if not norm > np.float32(tol * tol) * length:
            return observed_loss(src, columns, weights, buffer, solution)
        add_product(src, columns, weights, buffer, direction, image)
        curvature = np.float32(0)
        for f in range(len(diagonal)):
            curvature += image[f] * direction[f]
        step, previous = norm / curvature, norm
        if not step > _SMALLEST_STEP:
            break
        length += step * norm
        norm = np.float32(0)
        for f in range(len(diagonal)):
            solution[f] += step * direction[f]
            residual[f] -= step * image[f]
            norm += inverse[f] * residual[f] * residual[f]
        ratio = norm / previous
        for f in range(len(diagonal)):
            direction[f] = inverse[f] * residual[f] + ratio * direction[f]
            image[f] = diagonal[f] * direction[f]
    return math.nan


@compiled
def solve_long_rows(
    numbers: Int64,
    indptr: Int64,
    indices: Int32,
    weights: Float32,
    src: Float32,
    dense_diagonal: Float64,
    shift: Float64,
    solutions: Float32,
    losses: Float64,
    buffer: Buffer,
    max_iter: int,
    tol: float,
) -> None:
    """Solve the rows `numbers` of a CSR block; arguments as in ``short_rows.solve_short_rows``.

    `buffer` is scratch; `max_iter` and `tol` limit ``solve_long_row``.
    """
    diagonal, ahead = buffer.vectors[5], _FLOATS_AHEAD // src.shape[1] + 1
    for n in range(len(numbers)):
        u, following = numbers[n], numbers[min(n + 1, len(numbers) - 1)]
        for column in indices[indptr[following] : indptr[following + 1]][:ahead]:
            prefetch(src, column)
        first, last = indptr[u], indptr[u + 1]
        for f in range(len(diagonal)):
            diagonal[f] = dense_diagonal[f] + shift[u]
        losses[u] = solve_long_row(
            src, indices[first:last], weights[first:last], diagonal, solutions[u],
            buffer, max_iter, tol,
        )  # fmt: skip
