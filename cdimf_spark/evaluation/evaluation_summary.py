"""Counts of test rows to metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cdimf_spark.errors import DataError
from cdimf_spark.evaluation.test_rows import (
    RANKED,
    UNKNOWN_ITEM,
    UNKNOWN_USER,
)
from cdimf_spark.input_errors import EmptyInputError
from cdimf_spark.kernel.ranking.metrics import hit_rate, ndcg
from cdimf_spark.kernel.ranking.user_metrics import from_halves
from cdimf_spark.scoring.sources import POPULAR, SOURCES


class Found(NamedTuple):
    """Test rows of a kind, or items of the lists (`state` None) of a domain.

    Attributes
    ----------
    rank
        Of the rows, if it is at most k; else None.
    high, low
        Halves of the sum of 1 / rank (`kernel.ranking.user_metrics.from_halves`).
    n_items
        Distinct items.
    k
        Length of the lists that the items are in.
    model
        Position of the model, if there are several.
    """

    domain: str
    state: int | None = None
    source: str | None = None
    in_train: bool | None = None
    rank: float | None = None
    n: int = 0
    high: int = 0
    low: int = 0
    n_items: int = 0
    k: int | None = None
    model: int = 0


def summarize(domain: str, found: Sequence[Found], n_items: int, k: int) -> dict[str, Any]:
    """Metrics of a domain (see `evaluate`).

    Raises
    ------
    DataError
        If no test row was ranked.
    """
    mine = [part for part in found if part.domain == domain]
    skipped = {
        name: sum(part.n for part in mine if part.state == state)
        for name, state in (("unknown_user", UNKNOWN_USER), ("unknown_item", UNKNOWN_ITEM))
    }
    ranked = [part for part in mine if part.state == RANKED]
    n_test = sum(part.n for part in ranked)
    if not n_test:
        raise _nothing_ranked(domain, skipped)
    return {
        **_metrics(ranked, n_test, k),
        "coverage": coverage(mine, n_items, k),
        "n_test": n_test,
        "n_skipped": sum(skipped.values()),
        **skipped,
        "n_in_train": sum(part.n for part in ranked if part.in_train),
        "n_items": n_items,
        "sources": {
            s: sum(part.n for part in ranked if part.source == s) for s in SOURCES[:POPULAR]
        },
    }


def coverage(found: Sequence[Found], n_items: int, k: int) -> float:
    """Share of a domain's catalogue that is in some list of k."""
    return sum(part.n_items for part in found if part.state is None and part.k == k) / n_items


def _metrics(ranked: Sequence[Found], n_test: int, k: int) -> dict[str, float]:
    ranks = np.array([math.inf if part.rank is None else part.rank for part in ranked])
    counts = np.array([part.n for part in ranked])
    reciprocal = from_halves(
        sum(part.high or 0 for part in ranked), sum(p.low or 0 for p in ranked)
    )
    return {
        "hr": math.fsum(counts * hit_rate(ranks, k)) / n_test,
        "ndcg": math.fsum(counts * ndcg(ranks, k)) / n_test,
        "mrr": float(reciprocal) / n_test,
    }


def _nothing_ranked(domain: str, skipped: dict[str, int]) -> DataError:
    if not any(skipped.values()):
        return EmptyInputError("the test set", domain)
    return DataError(
        f"domain {domain!r}: no test row can be ranked, {skipped['unknown_user']} have an unknown "
        f"user and {skipped['unknown_item']} an unknown item. Are their ids those of the training?"
    )
