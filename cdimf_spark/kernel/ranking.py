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
_GLANCE = 256


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
    n_users = len(scores)
    best = TopK(np.full((n_users, k), -1, np.int64), np.full((n_users, k), -np.inf, np.float32))
    _select(plain_array(scores, np.float32), plain_array(item_keys, np.int64), *best)
    return best


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
