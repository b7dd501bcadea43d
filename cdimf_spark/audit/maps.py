"""Guesses of histories from rows: maps learned from users whose histories are known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Matrix = NDArray[np.float32]
# Of rows of users float32 (n, d), their histories (n, n_items), and rows of others float32 (m, d):
# scores float32 (m, n_items), higher for what the others are more likely to have.
Map = Callable[[Matrix, csr_array, Matrix], Matrix]

_NEIGHBOURS = 50


def ridge_scores(rows: Matrix, histories: csr_array, others: Matrix, strength: float) -> Matrix:
    """Scores by a ridge regression of each item on the rows.

    Parameters
    ----------
    strength : float
        Penalty, as a multiple of the number of known users times the mean square of a column.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean
    scale = float(np.sqrt(np.square(centred).mean())) or 1.0
    known = centred / scale
    gram = known.T @ known + strength * len(rows) * np.eye(rows.shape[1])
    popularity = np.asarray(histories.mean(axis=0)).ravel()
    # The columns of `known` add up to 0, so the histories need no centring.
    weights = np.linalg.solve(gram, (histories.T @ known).T)
    scores = ((others - mean) / scale) @ weights + popularity
    return np.asarray(scores, np.float32)


def neighbour_scores(rows: Matrix, histories: csr_array, others: Matrix) -> Matrix:
    """Scores by the histories of the nearest known users, weighted by their cosines."""
    cosines = _unit(others) @ _unit(rows).T
    count = min(_NEIGHBOURS, len(rows))
    nearest = np.argpartition(cosines, -count, axis=1)[:, -count:]
    weights = np.maximum(np.take_along_axis(cosines, nearest, axis=1), 0)
    ends = np.arange(0, nearest.size + 1, count)
    shape = (len(others), len(rows))
    chosen = csr_array((weights.ravel(), nearest.ravel(), ends), shape)
    found: Matrix = (chosen @ histories).toarray().astype(np.float32)
    return found


def _unit(rows: Matrix) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


MAPS: dict[str, Map] = {
    "ridge, weak": partial(ridge_scores, strength=0.01),
    "ridge, strong": partial(ridge_scores, strength=1.0),
    "neighbours": neighbour_scores,
}
