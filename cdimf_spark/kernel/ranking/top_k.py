"""The k best items of each user, exactly.

Tie rule: the higher score first; among equal scores, the smaller item key. A list is therefore a
function of the scores and keys alone, however the items are ordered or split into parts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.compilation import compiled, inlined, plain_array

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]

# Scores that are compared with the k-th best so far at a time.
_GLANCE = 128


class TopK(NamedTuple):
    """Lists of items, best first: `items` int64 (n_users, k), `scores` float32 (n_users, k).

    A list that has fewer than k items ends with items -1 of score -inf; the score tells it, since
    a key may be -1 as well.
    """

    items: Indexes
    scores: Matrix


def select_best(scores: Matrix, k: int, item_keys: Indexes) -> TopK:
    """Select the k best items of each user.

    Parameters
    ----------
    scores : float32 (n_users, n_items)
        Not changed. Items of score NaN or -inf are never selected.
    k
        At least 1.
    item_keys : int64 (n_items,)
        Order of items of equal score, distinct.

    Returns
    -------
    TopK
        `items` are column indexes.
    """
    best = empty_lists(len(scores), k)
    update_best(best, scores, 0, item_keys)
    return best


def empty_lists(n_users: int, k: int) -> TopK:
    """Lists that no item has entered yet."""
    return TopK(np.full((n_users, k), -1, np.int64), np.full((n_users, k), -np.inf, np.float32))


def update_best(best: TopK, scores: Matrix, first: int, item_keys: Indexes) -> None:
    """Enter further items, in place, into lists that may have some.

    Parameters
    ----------
    best
        Lists of the items before `first`; `items` are row numbers in the catalogue.
    scores : float32 (n_users, n_columns)
        Of the items `first` and following. Not changed.
    item_keys : int64 (n_items,)
        Of the whole catalogue.
    """
    keys = plain_array(item_keys, np.int64)
    _update(plain_array(scores, np.float32), first, keys, best.items, best.scores)


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


@compiled
def _update(scores: Matrix, first: int, keys: Indexes, items: Indexes, best: Matrix) -> None:
    """Fill the lists of `update_best`.

    Few scores of a long row are among the best so far: a part of it is looked at one by one only
    if a first look, at sixteen at a time, finds one there (`or` is four times as fast as a sum).
    NaN fails every comparison.
    """
    for u in range(len(scores)):
        row, worst = scores[u], best[u, -1]
        for start in range(0, len(row), _GLANCE):
            part = row[start : start + _GLANCE]
            any_good = np.int32(0)
            for i in range(len(part)):
                any_good |= np.int32(part[i] >= worst)
            if not any_good:
                continue
            for i in range(len(part)):
                if part[i] >= worst and part[i] > -np.inf:
                    enter(items[u], best[u], first + start + i, part[i], keys)
                    worst = best[u, -1]
