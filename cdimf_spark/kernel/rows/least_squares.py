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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.compilation import plain_array
from cdimf_spark.kernel.rows import eigenbasis
from cdimf_spark.kernel.rows.conjugate_gradient import new_buffer, solve_long_rows
from cdimf_spark.kernel.rows.eigenbasis import GramBasis, gram, gram_basis
from cdimf_spark.kernel.rows.hard_rows import solve_hard_row
from cdimf_spark.kernel.rows.short_rows import solve_short_rows

__all__ = ["GramBasis", "RowSolution", "gram", "gram_basis", "row_ridge", "solve_rows"]

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

# Stop at this relative size of the residual: true errors are then below 1e-5.
_TOLERANCE = 1.5e-6
_MAX_ITERATIONS = 60
# Rows with at most so many interactions are solved directly.
_SHORT_ROW = 16


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
        h_u = z_u - u_u; goes with `pull_weight`; ignored where rho_u is 0.

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
    starts, columns = plain_array(indptr, np.int64), plain_array(indices, np.int32)
    weights, ridge, pull = _float32(weights), _float32(ridge), _float32(pull_weight)
    diagonal = unobserved_weight * basis.eigenvalues
    shift = ridge.astype(np.float64) + (pull if len(pull) else 0.0)
    exact = eigenbasis.needs_float64(diagonal, shift)
    rotated = eigenbasis.rotate(src, basis.vectors, exact)
    # Solved in place: first each row holds rho_u h_u.
    rows = np.zeros((n_rows, rank), np.float32)
    if pull_target is not None:
        pull_target = _pulls(pull, pull_target)
        rows = eigenbasis.rotate(pull_target, basis.vectors, exact)
    losses = _solve_rotated(starts, columns, weights, rotated, diagonal, shift, rows)
    for u in np.flatnonzero(~np.isfinite(losses)):
        cells = slice(starts[u], starts[u + 1])
        rhs = np.zeros(rank) if pull_target is None else pull_target[u] @ basis.vectors
        rows[u], losses[u] = solve_hard_row(
            src, columns[cells], weights[cells], basis.vectors, diagonal + shift[u], rhs
        )
    unobserved = float(eigenbasis.column_squares(rows) @ diagonal)
    return RowSolution(
        eigenbasis.rotate(rows, basis.vectors.T, exact), float(losses.sum()), unobserved
    )


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
    short = np.flatnonzero(counts <= _SHORT_ROW)
    # Rows of equal shift share E.
    short = short[np.argsort(shift[short], kind="stable")]
    solve_short_rows(short, *block, _SHORT_ROW)
    buffer = new_buffer(src.shape[1], int(counts.max(initial=0)))
    solve_long_rows(
        np.flatnonzero(counts > _SHORT_ROW), *block, buffer, _MAX_ITERATIONS, _TOLERANCE
    )
    return losses


def _pulls(pull_weight: Vector, pull_target: Matrix) -> Matrix:
    """rho_u h_u of each row; exactly 0 where rho_u is 0, whatever h_u holds there."""
    pulls = np.zeros(pull_target.shape, np.float32)
    rho = pull_weight[:, None]
    return np.multiply(pull_target, rho, out=pulls, where=rho != 0)


def _float32(values: Vector | None) -> Vector:
    """Plain float32, empty for none."""
    return np.empty(0, np.float32) if values is None else plain_array(values, np.float32)


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
    if (pull_weight is None) != (pull_target is None):
        raise ValueError("pull_weight and pull_target belong together")
    expected = {"indptr": (indptr, (n_rows + 1,)), "basis": (basis.vectors, (rank, rank))}
    if weights is not None and len(weights):
        expected["weights"] = (weights, (len(indices),))
    if pull_weight is not None:
        expected["pull_weight"] = (pull_weight, (n_rows,))
    if pull_target is not None:
        expected["pull_target"] = (pull_target, (n_rows, rank))
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
