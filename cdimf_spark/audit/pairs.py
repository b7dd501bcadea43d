"""Pairs of an item that a user has and one that they have not, equally popular among the known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.audit.intervals import Estimate, ratio_of_sums

Indexes = NDArray[np.int64]

# Items without the user that are compared with each one that they have.
_DRAWS = 5
# How much more or less popular than an item one may be that stands for it. Within this, what is
# had is still a little more popular than what is not: alone it gives an AUC of .51 at most.
_TOLERANCE = 1.1


class MatchedPairs(NamedTuple):
    """Pairs of items of some users.

    Attributes
    ----------
    users : int64 (n,)
        Rows of the histories.
    has, has_not : int64 (n,)
        An item that the user has, and one that they have not.
    coverage : float
        Share of the users' interactions whose item some known user has, and that another item is
        as popular as: only of these are pairs.
    """

    users: Indexes
    has: Indexes
    has_not: Indexes
    coverage: float


def matched_pairs(
    histories: csr_array, popularity: NDArray[np.int64], rng: np.random.Generator
) -> MatchedPairs:
    """Draw pairs for all interactions of users that nobody knows.

    Parameters
    ----------
    histories : (n_users, n_items)
        What they have. None of them is counted in `popularity`.
    popularity : int64 (n_items,)
        Known users that have an item. Items of equal popularity are in random order.
    """
    cells = _cells(histories)
    rows, items = cells // histories.shape[1], histories.indices.astype(np.int64)
    order = np.lexsort((rng.random(len(popularity)), popularity))
    place = np.argsort(order)
    sizes = popularity[order]
    low = np.searchsorted(sizes, popularity / _TOLERANCE, side="left")
    n_others = np.searchsorted(sizes, popularity * _TOLERANCE, side="right") - low - 1
    paired = (popularity[items] > 0) & (n_others[items] > 0)
    coverage = float(paired.mean()) if len(items) else 0.0
    users, has = (np.repeat(one[paired], _DRAWS) for one in (rows, items))
    drawn = low[has] + (rng.random(len(has)) * n_others[has]).astype(np.int64)
    # All but the item itself.
    has_not = order[drawn + (drawn >= place[has])]
    free = ~np.isin(users * histories.shape[1] + has_not, cells)
    return MatchedPairs(users[free], has[free], has_not[free], coverage)


def _cells(histories: csr_array) -> Indexes:
    """Number of each cell of the matrix that is there."""
    rows = np.repeat(np.arange(histories.shape[0], dtype=np.int64), np.diff(histories.indptr))
    return np.asarray(rows * histories.shape[1] + histories.indices, np.int64)


def pair_auc(scores: NDArray[np.float32], pairs: MatchedPairs) -> Estimate:
    """How often the item that a user has stands above the other one; equal scores count half."""
    has, has_not = scores[pairs.users, pairs.has], scores[pairs.users, pairs.has_not]
    wins = (has > has_not) + 0.5 * (has == has_not)
    return ratio_of_sums(wins, pairs.users, scores.shape[0])
