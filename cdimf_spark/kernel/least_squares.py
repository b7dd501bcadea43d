"""The row problem of implicit matrix factorization, solved exactly for a block of rows.

Problem. With the factors of one side (the source) fixed, each row u of the other side minimises::

    sum_{i in N(u)} w_ui (x_u.y_i - 1)^2  +  a0 * sum_i (x_u.y_i)^2
        + ridge_u |x_u|^2  +  rho_u |x_u - h_u|^2

Row equation (paper eq. 27; h_u = z_u - u_u, and rho_u = 0 where there is no pull)::

    ( a0*G + sum_{i in N(u)} w_ui y_i y_i' + (ridge_u + rho_u) I ) x_u
        = sum_{i in N(u)} w_ui y_i + rho_u h_u,        G = sum_i y_i y_i'

=========  ==========================  =============================================
symbol     here                        meaning
=========  ==========================  =============================================
y_i        ``src`` row                 known factors of the source side, d = rank
x_u        result                      factors solved for
N(u), w    ``indices``, ``weights``    observed cells of row u and their weights
a0         ``unobserved_weight``       weight of every cell, observed or not
G          ``gram``                    Gram matrix of all source rows, also unseen ones
ridge_u    ``ridge``                   ``reg_param * r_u`` (``row_ridge``)
rho_u      ``pull_weight``             strength of the pull towards the consensus
h_u        ``pull_target``             z_u - u_u
=========  ==========================  =============================================

Idea. In the eigenbasis of G (G = Q diag(l) Q') the part that all rows share, a0*G + c I, is
diagonal for every c. So source rows are rotated once (y -> Q'y), every row is solved by conjugate
gradients with that diagonal as an exact inverse of the dense part (conjugate_gradient), and the
solutions are rotated back. A row with k interactions costs about 10 * k * d, never d^3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.conjugate_gradient import new_buffer, solve_long_rows
from cdimf_spark.kernel.short_rows import solve_short_rows

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

# Source rows converted to float64 at a time.
_CHUNK_ROWS = 4096
# Above this condition number of the shared part, components of rows in the weak directions of G
# are small differences of large numbers: rotate in float64.
_FLOAT32_CONDITION = 1e3
# Stop at this relative size of the residual: true errors are then below 1e-5.
_TOLERANCE = 2e-6
_MAX_ITERATIONS = 30
# Rows with at most so many interactions are solved directly.
_SHORT_ROW = 16


@dataclass(frozen=True)
class GramBasis:
    """Eigenbasis of a Gram matrix G = Q diag(l) Q'.

    Attributes
    ----------
    eigenvalues : float64 (d,)
        l, ascending, none negative.
    vectors : float64 (d, d)
        Q, an eigenvector a column.
    """

    eigenvalues: Float64
    vectors: Float64


class RowSolution(NamedTuple):
    """Solved rows and the parts of the loss that they leave.

    Attributes
    ----------
    factors : float32 (n_rows, d)
        x_u.
    observed_loss : float
        Sum of w_ui (x_u.y_i - 1)^2 over the observed cells of these rows.
    unobserved_loss : float
        a0 * sum_u x_u'G x_u: all cells of these rows.
    """

    factors: Matrix
    observed_loss: float
    unobserved_loss: float


def gram(factors: Matrix, row_weights: Vector | None = None) -> Float64:
    """Gram matrix sum_i v_i y_i y_i', accumulated in float64.

    Parameters
    ----------
    factors : float32 (n, d)
        Rows y_i.
    row_weights : float32 (n,), optional
        Weights v_i, not negative; 1 if absent.

    Returns
    -------
    float64 (d, d)
        Symmetric.
    """
    total = np.zeros((factors.shape[1], factors.shape[1]))
    for start in range(0, len(factors), _CHUNK_ROWS):
        rows = factors[start : start + _CHUNK_ROWS].astype(np.float64)
        if row_weights is not None:
            rows *= np.sqrt(row_weights[start : start + _CHUNK_ROWS].astype(np.float64))[:, None]
        # A matrix times its own transpose is one dsyrk: symmetric to the last bit.
        total += rows.T @ rows
    return total


def gram_basis(gram: Float64) -> GramBasis:
    """Eigenbasis of a Gram matrix.

    Parameters
    ----------
    gram : float64 (d, d)
        Symmetric, positive semidefinite up to rounding.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not finite.
    """
    if not np.isfinite(gram).all():
        raise np.linalg.LinAlgError("the Gram matrix of the source factors is not finite")
    eigenvalues, vectors = np.linalg.eigh(gram)
    # G has no negative eigenvalue; what eigh shows below zero is rounding.
    return GramBasis(np.maximum(eigenvalues, 0.0), vectors)


def row_ridge(
    counts: NDArray[np.int64] | Vector,
    n_other: int,
    reg_param: float,
    exponent: float,
    unobserved_weight: float,
    scaling: str,
    mean_count: float,
) -> Vector:
    """Ridge of each row, ``reg_param * r_row``.

    Parameters
    ----------
    counts : (n,)
        Interactions of each row in its domain.
    n_other : int
        Rows of the other side of the domain.
    reg_param, exponent, unobserved_weight : float
        Strength, frequency power, a0.
    scaling : {"relative", "paper"}
        ``relative``: r_row = (n_row / mean_count)^exponent;
        ``paper``: r_row = (n_row / n_other + a0)^exponent.
    mean_count : float
        Mean of `counts` over the side of the domain (not of this block).

    Returns
    -------
    float32 (n,)

    Raises
    ------
    ValueError
        If `scaling` is neither.
    """
    n_row = np.asarray(counts, np.float64)
    if scaling == "relative":
        base = n_row / mean_count
    elif scaling == "paper":
        base = n_row / n_other + unobserved_weight
    else:
        raise ValueError(f"scaling must be 'relative' or 'paper', got {scaling!r}")
    ridge: Vector = (reg_param * base**exponent).astype(np.float32)
    return ridge


def solve_rows(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    weights: Vector | None,
    src: Matrix,
    basis: GramBasis,
    unobserved_weight: float,
    ridge: Vector,
    pull_weight: Vector | None = None,
    pull_target: Matrix | None = None,
) -> RowSolution:
    """Exact solution of the row equation for every row of a CSR block.

    Parameters
    ----------
    indptr, indices : int64 (n_rows + 1,), int32 (nnz,)
        CSR; indices point into `src`.
    weights : float32 (nnz,), optional
        w_ui > 0; all 1 if absent or empty.
    src : float32 (n_src, d)
        Source rows y_i that the block needs, in the original basis.
    basis : GramBasis
        Of the Gram matrix of *all* source rows of the domain.
    unobserved_weight : float
        a0 >= 0.
    ridge : float32 (n_rows,)
        ridge_u > 0.
    pull_weight : float32 (n_rows,), optional
        rho_u >= 0; 0 is no pull.
    pull_target : float32 (n_rows, d), optional
        h_u = z_u - u_u; needed with `pull_weight`; ignored where rho_u is 0.

    Returns
    -------
    RowSolution
        Factors with a relative error below 1e-5 against float64, and their losses.

    Raises
    ------
    ValueError
        If shapes do not belong together.
    """
    n_rows, rank = len(ridge), src.shape[1]
    _check_shapes(indptr, indices, weights, rank, basis, n_rows, pull_weight, pull_target)
    indptr = np.ascontiguousarray(indptr, np.int64)
    indices = np.ascontiguousarray(indices, np.int32)
    weights, ridge, pull = _float32(weights), _float32(ridge), _float32(pull_weight)
    diagonal = unobserved_weight * basis.eigenvalues
    shift = ridge.astype(np.float64) + (pull if len(pull) else 0.0)
    exact = _needs_float64(diagonal, shift)
    rotated = _rotate(src, basis.vectors, exact)
    # Solved in place: first each row holds rho_u h_u.
    rows = np.zeros((n_rows, rank), np.float32)
    if pull_target is not None and len(pull):
        rows = _rotate(_pulls(pull, pull_target), basis.vectors, exact)
    losses = _solve_rotated(indptr, indices, weights, rotated, diagonal, shift, rows)
    for u in np.flatnonzero(~np.isfinite(losses)):
        cells = slice(indptr[u], indptr[u + 1])
        target = np.zeros(rank)
        if pull_target is not None and len(pull):
            target = _pulls(pull[u : u + 1], pull_target[u : u + 1])[0] @ basis.vectors
        rows[u], losses[u] = _solve_dense(
            src, indices[cells], weights[cells], basis.vectors, diagonal + shift[u], target
        )
    unobserved = float(_column_squares(rows) @ diagonal)
    return RowSolution(_rotate(rows, basis.vectors.T, exact), float(losses.sum()), unobserved)


def _solve_rotated(
    indptr: Int64,
    indices: Int32,
    weights: Vector,
    src: Matrix,
    diagonal: Float64,
    shift: Float64,
    rows: Matrix,
) -> Float64:
    """Solve `rows` in place in the eigenbasis; their observed losses, not finite for failures."""
    losses = np.zeros(len(rows))
    counts = np.diff(indptr)
    block = (indptr, indices, weights, src, diagonal, shift, rows, losses)
    solve_short_rows(np.flatnonzero(counts <= _SHORT_ROW), *block, _SHORT_ROW)
    buffer = new_buffer(src.shape[1], int(counts.max(initial=0)))
    solve_long_rows(
        np.flatnonzero(counts > _SHORT_ROW), *block, buffer, _MAX_ITERATIONS, _TOLERANCE
    )
    return losses


def _pulls(pull_weight: Vector, pull_target: Matrix) -> Matrix:
    """rho_u h_u of each row; exactly 0 where rho_u is 0, whatever h_u holds there."""
    pulls = np.zeros(pull_target.shape, np.float32)
    return np.multiply(
        pull_target, pull_weight[:, None], out=pulls, where=pull_weight[:, None] != 0
    )


def _column_squares(rows: Matrix) -> Float64:
    """Sum of squares of each column, in float64."""
    total = np.zeros(rows.shape[1])
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = rows[start : start + _CHUNK_ROWS].astype(np.float64)
        total += np.einsum("ij,ij->j", chunk, chunk)
    return total


def _solve_dense(
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
        rows = src[columns[start : start + _CHUNK_ROWS]] @ vectors
        cell_weights = _cell_weights(weights, start, len(rows))
        lhs += (rows * cell_weights[:, None]).T @ rows
        rhs = rhs + cell_weights @ rows
    try:
        solution = np.linalg.solve(lhs, rhs)
    except np.linalg.LinAlgError:
        # No ridge and too few directions: the shortest of the solutions.
        solution = np.linalg.lstsq(lhs, rhs)[0]
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


def _float32(values: Vector | None) -> Vector:
    """Contiguous float32; empty for none, which the compiled code reads as "not given"."""
    return np.empty(0, np.float32) if values is None else np.ascontiguousarray(values, np.float32)


def _needs_float64(diagonal: Float64, shift: Float64) -> bool:
    """Whether the shared part is so ill-conditioned that float32 rotations would show."""
    least = diagonal.min() + shift.min(initial=np.inf)
    return bool(diagonal.max() > _FLOAT32_CONDITION * least)


def _rotate(rows: Matrix, vectors: Float64, exact: bool) -> Matrix:
    """rows @ vectors as float32, computed in float64 if `exact`."""
    if not exact:
        rotated: Matrix = np.ascontiguousarray(rows, np.float32) @ vectors.astype(np.float32)
        return rotated
    result = np.empty(rows.shape, np.float32)
    for start in range(0, len(rows), _CHUNK_ROWS):
        result[start : start + _CHUNK_ROWS] = rows[start : start + _CHUNK_ROWS] @ vectors
    return result


def _check_shapes(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    weights: Vector | None,
    rank: int,
    basis: GramBasis,
    n_rows: int,
    pull_weight: Vector | None,
    pull_target: Matrix | None,
) -> None:
    """Raise ValueError naming the first argument whose shape does not fit."""
    expected = {"indptr": (indptr, (n_rows + 1,)), "basis": (basis.vectors, (rank, rank))}
    if weights is not None and len(weights):
        expected["weights"] = (weights, (len(indices),))
    if pull_weight is not None:
        expected["pull_weight"] = (pull_weight, (n_rows,))
        if pull_target is None:
            raise ValueError("pull_weight needs pull_target")
    if pull_target is not None:
        expected["pull_target"] = (pull_target, (n_rows, rank))
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
