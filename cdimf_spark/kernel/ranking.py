"""The k best items of each user, exactly.

Tie rule: the higher score first; among equal scores, the smaller item key. A list is therefore a
function of the scores and keys alone, however the items are ordered or split into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.compilation import compiled, inlined, plain_array

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Scores that are compared with the k-th best so far at a time.
_GLANCE = 256


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
    keys = np.arange(masked.shape[1]) if item_keys is None else item_keys
    return select_best(masked, k, keys)


def select_best(scores: Matrix, k: int, item_keys: Indexes) -> TopK:
    """Do the work of `top_k` without its checks; items of score NaN or -inf are never selected."""
    n_users = len(scores)
    best = TopK(np.full((n_users, k), -1, np.int64), np.full((n_users, k), -np.inf, np.float32))
    _select(plain_array(scores, np.float32), plain_array(item_keys, np.int64), *best)
    return best


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
    columns = merge_columns(keys, scores, k)
    items, best = (np.take_along_axis(array, columns, axis=1) for array in (keys, scores))
    merged = TopK(
        np.full((len(items), k), -1, np.int64), np.full((len(items), k), -np.inf, np.float32)
    )
    merged.items[:, : items.shape[1]] = np.where(best == -np.inf, -1, items)
    merged.scores[:, : items.shape[1]] = best
    return merged


def merge_columns(keys: Indexes, scores: Matrix, k: int) -> Indexes:
    """Columns of the k best of each row by the tie rule, best first; int64 (n_rows, k or less)."""
    order: Indexes = np.lexsort((keys, -scores), axis=1)[:, :k]
    return order


@inlined
def enter(top: Any, scores: Any, row: Any, score: Any, keys: Any) -> None:
    """Put an item where it belongs in a list of the best, if it belongs there.

    Empty places hold item -1 and score -inf.
    """
    place = len(top)
    while place > 0 and (
        scores[place - 1] < score
        or (scores[place - 1] == score and top[place - 1] >= 0 and keys[row] < keys[top[place - 1]])
    ):
        place -= 1
    for i in range(len(top) - 1, place, -1):
        top[i], scores[i] = top[i - 1], scores[i - 1]
    if place < len(top):
        top[place], scores[place] = row, score


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


@compiled
def _select(scores: Matrix, keys: Indexes, items: Indexes, best: Matrix) -> None:
    """Fill the lists of `select_best`, which come empty.

    Few scores of a long row are among the best so far: a part of it is looked at one by one only
    if a count, which runs many at a time, finds one there. NaN fails every comparison.
    """
    for u in range(len(scores)):
        row, worst = scores[u], np.float32(-np.inf)
        for start in range(0, len(row), _GLANCE):
            part = row[start : start + _GLANCE]
            n_good = 0
            for score in part:
                n_good += score >= worst
            if n_good == 0:
                continue
            for i in range(len(part)):
                if part[i] >= worst and part[i] > -np.inf:
                    enter(items[u], best[u], start + i, part[i], keys)
                    worst = best[u, -1]
