"""Ranking metrics of users who have several held-out items each, and exact sums of them.

Each held-out item of a user is ranked alone among items that they have not held out (see
`kernel.ranking.metrics`): r_1 <= ... <= r_m. In one list with all of them, the j-th best then
stands at position p_j = r_j + j - 1. With the whole catalogue that is their true list. With drawn
items each held-out item has a draw of its own, and the list is an estimate. With these positions

    hits at k       #{j: p_j <= k}
    precision at k  hits / k
    recall at k     hits / m
    AP at k         sum of j / p_j over the hits, divided by min(m, k)

HR, NDCG and reciprocal rank are the means of a user's rows, each ranked alone. A user with one
held-out item has recall = HR, precision = HR / k, and AP at k = 1 / rank if it is at most k.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.metrics import hit_rate, ndcg, reciprocal_rank

Indexes = NDArray[np.int64]
Values = NDArray[np.float64]

# Metrics that depend on k, in the order of the columns; the first column of all is MRR.
AT_K = ("hr", "ndcg", "map", "precision", "recall")

# Fixed point: a number between -1 and 1 is a whole number of 2^-60, kept as two halves, whose sums
# are exact up to 2^33 numbers.
_HALF_BITS = 30
_UNIT = 1 << (2 * _HALF_BITS)


def user_metrics(user: Indexes, ranks: Values, ks: Sequence[int]) -> Values:
    """Metrics of each user.

    Parameters
    ----------
    user : int64 (n_rows,)
        Position of the row's user, 0 to n_users - 1, ascending; each has a row.
    ranks : float64 (n_rows,)
        Ranks from 1, ascending within each user.
    ks
        Lengths of the list.

    Returns
    -------
    float64 (n_users, 1 + 5 * len(ks))
        MRR, then for each k the five of `AT_K`; all between 0 and 1.
    """
    m = np.bincount(user).astype(np.int64)
    first = np.cumsum(m) - m
    number = np.arange(len(user)) - first[user] + 1
    position = ranks + number - 1

    def mean(values: Values) -> Values:
        means: Values = _sum(user, values) / m
        return means

    columns = [mean(reciprocal_rank(ranks))]
    for k in ks:
        is_hit = (position <= k).astype(np.float64)
        hits, gain = _sum(user, is_hit), _sum(user, is_hit * number / position)
        columns += [mean(hit_rate(ranks, k)), mean(ndcg(ranks, k))]
        columns += [gain / np.minimum(m, k), hits / k, hits / m]
    # A mean of ones in floating point may end above one by a bit.
    return np.minimum(np.column_stack(columns), 1.0)


def _sum(user: Indexes, values: Values) -> Values:
    # One after the other in the order of the rows, so that no cut of the work changes a sum.
    return np.bincount(user, values).astype(np.float64)


def to_halves(values: Values) -> tuple[Indexes, Indexes]:
    """Numbers between -1 and 1 in fixed point: high and low halves, which may be added up apart."""
    whole = np.rint(values * _UNIT).astype(np.int64)
    return whole >> _HALF_BITS, whole & ((1 << _HALF_BITS) - 1)


def square_halves(high: Indexes) -> tuple[Indexes, Indexes]:
    """Squares of the high halves alone, exact, as halves: equal numbers have no variance."""
    whole = high * high
    return whole >> _HALF_BITS, whole & ((1 << _HALF_BITS) - 1)


def variance(n: int, high: int, square_high: int, square_low: int) -> Fraction:
    """Sample variance of n numbers (two at least), from the sums of halves, good to 1e-9."""
    total = Fraction(int(high), 1 << _HALF_BITS)
    return (from_halves(square_high, square_low) - total * total / n) / (n - 1)


def from_halves(high: Any, low: Any) -> Fraction:
    """The exact sum of numbers whose halves were added up."""
    return Fraction((int(high) << _HALF_BITS) + int(low), _UNIT)
