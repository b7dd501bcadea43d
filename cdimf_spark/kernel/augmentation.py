"""Inner products as cosines, for vector indexes that only know angles or distances.

Bachrach et al. 2014 (RecSys), section 3: with M the largest length of an item row, the rows ::

    item:  ( y, sqrt(M^2 - |y|^2) )        all of length M
    user:  ( x, 0 )

have the inner product x.y, the cosine x.y / (M |x|), and the squared distance M^2 + |x|^2 - 2 x.y.
For one user all three put the items into the same order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def largest_length(items: Matrix) -> float:
    """M: the largest length of a row of float32 (n, d), in float64; 0 without rows."""
    squares = np.einsum("ij,ij->i", items, items, dtype=np.float64)
    return float(np.sqrt(squares.max(initial=0.0)))


def augment_items(items: Matrix, bound: float) -> Matrix:
    """Item rows float32 (n, d) as rows of length `bound`, float32 (n, d + 1).

    Raises
    ------
    ValueError
        If a row is longer than `bound` by more than rounding.
    """
    squares = np.einsum("ij,ij->i", items, items, dtype=np.float64)
    if (squares > bound**2 * (1 + 1e-6)).any():
        raise ValueError(f"an item row is longer than the bound {bound}")
    missing = np.sqrt(np.maximum(bound**2 - squares, 0.0)).astype(np.float32)
    return np.concatenate((items, missing[:, None]), axis=1)


def augment_users(users: Matrix) -> Matrix:
    """User rows float32 (n, d) with a 0 at the end, float32 (n, d + 1)."""
    return np.concatenate((users, np.zeros((len(users), 1), np.float32)), axis=1)
