"""The k best items of each user, exactly.

Tie rule: the higher score first; among equal scores, the smaller item key. A list is therefore a
function of the scores and keys alone, however the items are ordered or split into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]
Mask = NDArray[np.bool_]


class TopK(NamedTuple):
    """Lists of items, best first: `items` int64 (n_users, k), `scores` float32 (n_users, k).

    `items` are column indexes from `top_k`, item keys in `merge_top_k`. A list that has fewer than
    k items ends with items -1 of score -inf; the score tells it, since a key may be -1 as well.
    """

    items: Indexes
    scores: Matrix


def top_k(
    scores: Matrix,
    k: int,
    *,
    seen: tuple[Indexes, Indexes] | None = None,
    allowed: Mask | None = None,
    item_keys: Indexes | None = None,
) -> TopK:
    """Select the k best items of each user.

    Parameters
    ----------
    scores : float32 (n_users, n_items)
        Not changed. Items of score -inf are never selected.
    seen : int64 (n_users + 1,), int64 (nnz,)
        `indptr` and `indices` (CSR) of the items of each user that are left out.
    allowed : bool (n_items,) or (n_users, n_items)
        Items that may be selected; all of them by default.
    item_keys : int64 (n_items,)
        Order of items of equal score, distinct; the column index by default.

    Returns
    -------
    TopK
        `items` are column indexes.

    Raises
    ------
    ValueError
        If k < 1, shapes do not fit, or a score is NaN.
    """
    _check_top_k(scores, k, seen, allowed, item_keys)
    masked = _mask_scores(scores, seen, allowed)
    order = None if item_keys is None else np.argsort(item_keys, kind="stable")
    if order is not None:
        # With the columns in the order of keys, the smaller key is the column further left.
        masked = masked[:, order]
    columns = _select_columns(masked, min(k, masked.shape[1]))
    best = np.take_along_axis(masked, columns, axis=1)
    # The columns ascend, so a stable sort leaves equal scores in the order of keys.
    by_score = np.argsort(-best, axis=1, kind="stable")
    columns = np.take_along_axis(columns, by_score, axis=1)
    best = np.take_along_axis(best, by_score, axis=1)
    return _pad(columns if order is None else order[columns], best, k)


def merge_top_k(parts: Sequence[TopK], k: int) -> TopK:
    """Merge lists over disjoint parts of a catalogue into the lists over all of it.

    Parameters
    ----------
    parts
        Lists of the same users whose `items` are item keys: `item_keys[top.items]` for a result
        `top` of `top_k`. Each must be at least k long or hold all items of its part.

    Returns
    -------
    TopK
        `items` are item keys.

    Raises
    ------
    ValueError
        If k < 1 or `parts` is empty.
    """
    if k < 1 or not parts:
        raise ValueError(f"cannot merge {len(parts)} lists to length {k}")
    keys = np.concatenate([part.items for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    order = np.lexsort((keys, -scores), axis=1)[:, :k]
    return _pad(
        np.take_along_axis(keys, order, axis=1), np.take_along_axis(scores, order, axis=1), k
    )


def _check_top_k(
    scores: Matrix,
    k: int,
    seen: tuple[Indexes, Indexes] | None,
    allowed: Mask | None,
    item_keys: Indexes | None,
) -> None:
    """Raise ValueError where the arguments of `top_k` do not fit together."""
    n_users, n_items = scores.shape
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if seen is not None and (len(seen[0]) != n_users + 1 or len(seen[1]) != seen[0][-1]):
        raise ValueError(
            f"seen items do not fit: indptr of {len(seen[0]) - 1} users for scores of {n_users}, "
            f"{seen[0][-1]} items announced, {len(seen[1])} given"
        )
    if allowed is not None and allowed.shape not in ((n_items,), scores.shape):
        raise ValueError(f"allowed items of shape {allowed.shape} given for scores {scores.shape}")
    if item_keys is not None and item_keys.shape != (n_items,):
        raise ValueError(f"{len(item_keys)} item keys given for {n_items} items")
    # The smallest value is NaN if any is: no array of the size of `scores` is needed.
    if scores.size and np.isnan(scores.min()):
        raise ValueError("some scores are NaN: the factors are damaged")


def _mask_scores(
    scores: Matrix, seen: tuple[Indexes, Indexes] | None, allowed: Mask | None
) -> Matrix:
    """Return the scores with -inf for items that must not be selected."""
    masked = scores if allowed is None else np.where(allowed, scores, np.float32(-np.inf))
    if seen is not None:
        indptr, indices = seen
        masked = masked.copy() if masked is scores else masked
        masked[np.repeat(np.arange(len(scores)), np.diff(indptr)), indices] = -np.inf
    return masked


def _select_columns(scores: Matrix, k: int) -> Indexes:
    """Return the columns of the k best scores of each row, ascending; int64 (n_users, k).

    Of the columns that tie with the k-th score, the leftmost are taken.
    """
    n_users, n_items = scores.shape
    if k == 0:
        return np.empty((n_users, 0), np.int64)
    boundary = np.partition(scores, n_items - k, axis=1)[:, [n_items - k]]
    chosen = scores >= boundary
    if np.count_nonzero(chosen) > n_users * k:
        # Few rows as a rule: one by one, without an array of the size of `scores`.
        for row in np.nonzero(np.count_nonzero(chosen, axis=1) > k)[0]:
            surplus = np.count_nonzero(chosen[row]) - k
            chosen[row, np.flatnonzero(scores[row] == boundary[row])[-surplus:]] = False
    # Ten times as fast as np.nonzero(chosen)[1].
    columns: Indexes = np.flatnonzero(chosen).reshape(n_users, k) % n_items
    return columns


def _pad(items: Indexes, scores: Matrix, k: int) -> TopK:
    """Mark empty places with -1 and extend the lists to length k."""
    n_users, length = items.shape
    padded = TopK(np.full((n_users, k), -1, np.int64), np.full((n_users, k), -np.inf, np.float32))
    padded.items[:, :length] = np.where(scores == -np.inf, -1, items)
    padded.scores[:, :length] = scores
    return padded
