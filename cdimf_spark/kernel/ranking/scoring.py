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

from cdimf_spark.kernel.ranking.top_k import TopK, empty_lists, merge_columns, update_best

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]

# How many more items than wanted are computed again before the best are chosen.
_MARGIN = 16
# Scores that are made at a time: 1 MB, looked at while a core's cache has them.
_TILE = 1 << 18
# For `user_batches`: at most 256 users at a time. Products are fast if both sides are hundreds.
_LEAST_CELLS = 1 << 14


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


def best_items(
    users: Matrix, items: Matrix, item_keys: Indexes, k: int, seen: tuple[Indexes, Indexes]
) -> TopK:
    """Select the k best items of each user; among equal scores the item with the smaller key.

    The candidates come from a fast float32 product; their scores are then computed exactly.

    Parameters
    ----------
    users : float32 (n_users, rank)
    items : float32 (n_items, rank)
    item_keys : int64 (n_items,)
    seen : int64 (n_users + 1,), int64 (nnz,)
        `indptr` and `indices` (CSR) of the items of each user that are left out.

    Returns
    -------
    TopK
        `items` are row indexes of `items`.
    """
    parts = [empty_lists(0, k)]
    for batch in user_batches(len(users), max(_LEAST_CELLS, (k + _MARGIN) * users.shape[1])):
        pointers = seen[0][batch.start : batch.stop + 1]
        mine = pointers - pointers[0], seen[1][pointers[0] : pointers[-1]]
        found = _candidates(users[batch], items, item_keys, k + _MARGIN, mine)
        parts.append(_exactly(found, users[batch], items, item_keys, k))
    return TopK(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _candidates(
    users: Matrix, items: Matrix, item_keys: Indexes, k: int, seen: tuple[Indexes, Indexes]
) -> TopK:
    """The k best of each user by a float32 product, made and looked at tile by tile."""
    best = empty_lists(len(users), k)
    order = np.argsort(seen[1], kind="stable")
    owners, columns = np.repeat(np.arange(len(users)), np.diff(seen[0]))[order], seen[1][order]
    width = max(_TILE // len(users), 1)
    for first in range(0, len(items), width):
        scores = users @ items[first : first + width].T
        mine = slice(*np.searchsorted(columns, (first, first + width)))
        scores[owners[mine], columns[mine] - first] = -np.inf
        update_best(best, scores, first, item_keys)
    return best


def _exactly(candidates: TopK, users: Matrix, items: Matrix, item_keys: Indexes, k: int) -> TopK:
    """The k best of the candidates, by scores that depend on nothing but the two rows."""
    empty = candidates.items < 0
    if not len(items):
        return TopK(candidates.items[:, :k], candidates.scores[:, :k])
    rows = np.where(empty, 0, candidates.items)
    exact = pair_scores(users[:, None, :], items[rows], np.float64)
    exact[empty] = -np.inf
    columns = merge_columns(item_keys[rows], exact, k)
    return TopK(
        np.take_along_axis(candidates.items, columns, axis=1),
        np.take_along_axis(exact, columns, axis=1),
    )


def unit_rows(rows: Matrix) -> Matrix:
    """Rows divided by their lengths; a zero row stays. Their dot products are cosines."""
    lengths = np.sqrt(np.vecdot(rows, rows, dtype=np.float64))[:, None]
    unit: Matrix = (rows / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit


def user_batches(n_users: int, cells_per_user: int) -> list[slice]:
    """Parts of the users whose arrays of `cells_per_user` numbers fit into some 16 MB."""
    size = max(1, (1 << 22) // max(cells_per_user, 1))
    return [slice(start, start + size) for start in range(0, n_users, size)]


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
