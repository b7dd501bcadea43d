"""Parts of the loss that need no interactions; the observed part comes with ``solve_rows``.

All sums are float64 and add up over blocks: the loss of a domain is the sum over its blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float64 = NDArray[np.float64]


def ridge_loss(factors: Matrix, ridge: Vector) -> float:
    """Sum over rows of ridge_u |x_u|^2.

    Parameters
    ----------
    factors : float32 (n, d)
        Rows x_u.
    ridge : float32 (n,)
        ``reg_param * r_u`` of each row.
    """
    return float(_squared_norms(factors) @ ridge.astype(np.float64))


def coupling_loss(factors: Matrix, target: Matrix, pull_weight: Vector) -> float:
    """Sum over rows of rho_u |x_u - h_u|^2.

    Parameters
    ----------
    factors, target : float32 (n, d)
        Rows x_u and the points h_u = z_u - u_u that they are pulled to.
    pull_weight : float32 (n,)
        rho_u; 0 is no pull.
    """
    difference = np.subtract(factors, target, dtype=np.float64)
    return float(_squared_norms(difference) @ pull_weight.astype(np.float64))


def unobserved_loss(gram_a: Float64, gram_b: Float64, unobserved_weight: float) -> float:
    """a0 * sum over all cells of (x_u.y_i)^2 = a0 * sum(G_a * G_b), without visiting the cells.

    Parameters
    ----------
    gram_a, gram_b : float64 (d, d)
        Gram matrices of the two sides.
    unobserved_weight : float
        a0.
    """
    return float(unobserved_weight * np.vdot(gram_a, gram_b))


def _squared_norms(rows: NDArray[np.floating]) -> Float64:
    """Squared length of each row, float64 (n,)."""
    squares: Float64 = np.square(rows, dtype=np.float64).sum(axis=1)
    return squares
