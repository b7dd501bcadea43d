"""Sums over users to means with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import add
from typing import Any, NamedTuple

from cdimf_spark.evaluation.groups import group_label
from cdimf_spark.kernel.ranking.user_metrics import AT_K, from_halves, variance

# Of the normal distribution: 95 % lie within so many standard deviations.
_QUANTILE = 1.959963984540054


class Measured(NamedTuple):
    """Sums of one measure over the users of a group (see `measures.sum_ranks`).

    Attributes
    ----------
    high, low, square_high, square_low
        Halves of the sums (`kernel.ranking.user_metrics.from_halves`).
    """

    domain: str
    grouping: int
    code: int
    what: int
    measure: int
    n_users: int
    n_test: int
    high: int
    low: int
    square_high: int
    square_low: int


_KEY_LENGTH = Measured._fields.index("n_users")


def add_up(parts: Iterable[Measured]) -> list[Measured]:
    """Sums of the parts of the users, in the order of their keys."""
    totals: dict[tuple[Any, ...], list[int]] = {}
    for part in parts:
        key, values = part[:_KEY_LENGTH], list(map(int, part[_KEY_LENGTH:]))
        totals[key] = list(map(add, totals[key], values)) if key in totals else values
    return [Measured(*key, *totals[key]) for key in sorted(totals)]


def summarize_measures(
    found: Sequence[Measured],
    domain: str,
    what: int,
    ks: Sequence[int],
    by: Sequence[str],
) -> dict[str, Any]:
    """Means over users of one domain and model, or of the differences of two models.

    Returns
    -------
    dict
        n_users, n_test, mrr, at ({k: hr, ndcg, map, precision, recall}) of all rows; and `by`:
        {grouping: {group: the same}}. Each mean is {"mean", "low", "high"}, see `interval`.
    """
    mine = [one for one in found if (one.domain, one.what) == (domain, what)]
    by_group: dict[tuple[int, int], list[Measured]] = {}
    for one in sorted(mine):
        by_group.setdefault((one.grouping, one.code), []).append(one)
    groups: dict[str, dict[str, Any]] = {name: {} for name in by}
    for (grouping, code), sums in by_group.items():
        if grouping:
            name = by[grouping - 1]
            groups[name][group_label(name, code)] = _means(sums, ks)
    return {**_means(by_group[0, 0], ks), "by": groups}


def _means(sums: Sequence[Measured], ks: Sequence[int]) -> dict[str, Any]:
    """Means of one group, from the sums of all measures in their order."""
    means = [interval(one) for one in sums]
    at = {
        str(k): dict(zip(AT_K, means[1 + n * len(AT_K) :], strict=False)) for n, k in enumerate(ks)
    }
    return {"n_users": sums[0].n_users, "n_test": sums[0].n_test, "mrr": means[0], "at": at}


def interval(sums: Measured) -> Mapping[str, float | None]:
    """Mean over users and its 95 % interval: 1.96 standard errors on both sides.

    The normal approximation says nothing about a group of one user (low and high are None), and
    little about one of a few dozen.
    """
    n = sums.n_users
    mean = float(from_halves(sums.high, sums.low) / n)
    if n == 1:
        return {"mean": mean, "low": None, "high": None}
    spread = variance(n, sums.high, sums.square_high, sums.square_low)
    half = _QUANTILE * math.sqrt(spread / n)
    return {"mean": mean, "low": mean - half, "high": mean + half}
