"""Scores of users and items: dot products of factor rows, for pairs and for whole blocks.

A matrix product may round one dot product differently when the matrices around it have another
shape. So whatever is compared with something computed elsewhere (in another block of the same
catalogue) is either computed pair by pair, or in float64 and rounded to float32: then a score is
a function of its two rows, and equal rows have equal scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cdimf_spark.kernel.ranking import TopK, top_k

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]

# How many more items than wanted are computed again before the best are chosen.
_MARGIN = 16


def pair_scores(users: Matrix, items: Matrix, dtype: DTypeLike = np.float32) -> Matrix:
    """Dot products of rows that belong together, each computed by itself.

    Parameters
    ----------
    users : float32 (rank,) or (..., rank)
    items : float32 (..., rank)
    dtype
        Arithmetic of the products; the result is rounded to float32.

    Returns
    -------
    float32 (...)
    """
    products = np.vecdot(items.astype(dtype, copy=False), users.astype(dtype, copy=False))
    scores: Matrix = products.astype(np.float32, copy=False)
    return scores


def block_scores(users: Matrix, items: NDArray[np.float64]) -> Matrix:
    """Dot products of all pairs, float32 (n_users, n_items), from float64 arithmetic.

    Parameters
    ----------
    users : float32 (n_users, rank)
    items : float64 (n_items, rank)
    """
    return (users.astype(np.float64) @ items.T).astype(np.float32)


def best_items(users: Matrix, items: Matrix, k: int, seen: tuple[Indexes, Indexes]) -> TopK:
    """Select the k best items of each user; among equal scores the item with the smaller index.

    The candidates come from a fast float32 product; their scores are then computed exactly.

    Parameters
    ----------
    users : float32 (n_users, rank)
    items : float32 (n_items, rank)
    seen
        See `top_k`.

    Returns
    -------
    TopK
        `items` are row indexes of `items`.
    """
    candidates = top_k(users @ items.T, min(k + _MARGIN, max(len(items), 1)), seen=seen)
    empty = candidates.items < 0
    if len(items):
        rows = items[np.where(empty, 0, candidates.items)]
        exact = pair_scores(users[:, None, :], rows, np.float64)
    else:
        exact = candidates.scores
    return _first(candidates.items, np.where(empty, np.float32(-np.inf), exact), k)


def _first(items: Indexes, scores: Matrix, k: int) -> TopK:
    """Sort by score, then index, and keep k; short lists end in (-1, -inf)."""
    order = np.lexsort((items, -scores), axis=1)[:, :k]
    best = TopK(np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1))
    missing = ((0, 0), (0, k - order.shape[1]))
    return TopK(
        np.pad(best.items, missing, constant_values=-1),
        np.pad(best.scores, missing, constant_values=-np.inf),
    )


def count_above(scores: Matrix, targets: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the scores of each row above the row's target, and those equal to it.

    Parameters
    ----------
    scores : float32 (n_rows, n_scores)
        NaN stands for an item that does not take part.
    targets : float32 (n_rows,)

    Returns
    -------
    higher, equal : int64 (n_rows,)
    """
    column = targets[:, None]
    higher, equal = scores > column, scores == column
    return np.count_nonzero(higher, axis=1), np.count_nonzero(equal, axis=1)


def find_sorted(values: NDArray[Any], wanted: NDArray[Any]) -> tuple[Indexes, NDArray[np.bool_]]:
    """Look up values in a sorted array of distinct ones.

    Returns
    -------
    positions : int64 (n_wanted,)
        Where they are; 0 where they are not.
    found : bool (n_wanted,)
    """
    if not len(values):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    positions = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    found = values[positions] == wanted
    return np.where(found, positions, 0), found
