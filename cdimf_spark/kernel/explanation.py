"""What a score is made of (Hu, Koren, Volinsky 2008, section 5, with the pull of the consensus).

The row equation (least_squares) of a user is W x = sum_i w_i y_i + sum_j h_j, where the h_j are
what else draws them (rho times the point that the consensus pulls to, ridge times the prior). So
the score of an item t against their row x is a sum over the items that they have, and over these::

    y_t . x  =  sum_i w_i y_t' W^-1 y_i  +  sum_j y_t' W^-1 h_j,
    W = a0*G + sum_i w_i y_i y_i' + (ridge + rho) I

The i-th term is what their item i contributes: its weight w_i times the similarity y_t' W^-1 y_i of
the two items as this user sees them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Matrix = NDArray[np.float32]


class ScoreParts(NamedTuple):
    """Parts of the scores of n targets against the row that solves a row equation.

    `contributions` float64 (n, k) by source row; `pulls` float64 (n, p), the parts of the h_j. A
    row of contributions and its pulls add up to the score.
    """

    contributions: Float64
    pulls: Float64


def score_parts(
    targets: Matrix,
    src: Matrix,
    weights: NDArray[np.floating],
    gram: Float64,
    unobserved_weight: float,
    shift: float,
    pulls: Float64,
) -> ScoreParts:
    """Parts of the scores of some targets.

    Parameters
    ----------
    targets : float32 (n, d)
        Rows y_t whose scores are taken apart.
    src, weights : float32 (k, d), (k,)
        Rows y_i that the user has interacted with, and w_i > 0.
    gram : float64 (d, d)
        G of all source rows of the domain.
    unobserved_weight, shift : float
        a0, and ridge + rho > 0.
    pulls : float64 (p, d)
        The h_j; zeros for one that a user does not have.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix of the equation is singular.
    """
    rows, cell_weights = src.astype(np.float64), np.asarray(weights, np.float64)
    lhs = unobserved_weight * gram + (rows * cell_weights[:, None]).T @ rows
    lhs[np.diag_indices_from(lhs)] += shift
    # W is symmetric: one solve for the targets serves all source rows. It is positive definite,
    # too, but the threads of scipy's Cholesky would get into the way of those of numpy.
    influence = np.linalg.solve(lhs, targets.astype(np.float64).T).T
    return ScoreParts((influence @ rows.T) * cell_weights, influence @ pulls.T)
