"""The splits by name: their stages in order, and the count of what could not be held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.preparation.splits import (
    FATE,
    HELD_FOR,
    NEW_ITEM,
    NEW_USER,
    TEST,
    TOO_SHORT,
    VALIDATION,
    day_cuts,
    hold_out_by_time,
    hold_out_cold_users,
    hold_out_of_users,
    keep_shared,
    undivided,
)
from cdimf_spark.preparation.prepare_options import PrepareOptions
from cdimf_spark.schemas import DOMAIN, USER_ID

# What is said of them, by the split's way to treat them.
MOVED_BACK = "stay in train: their items have no other interaction there"
STAY = "stay in train: too few interactions to hold one out"
NOT_SHARED = "left out: not in every domain"
DROPPED_ITEM = "dropped: their items are not in train"
DROPPED_USER = "dropped: their users have nothing earlier"


def divide(
    interactions: DataFrame, options: PrepareOptions, domains: Sequence[str], timed: bool
) -> tuple[DataFrame, dict[str, Any]]:
    """Give each interaction its part.

    Parameters
    ----------
    interactions : DataFrame
        domain, user_id, item_id, weight, timestamp; no pair twice.
    options : PrepareOptions
    domains : sequence of str
    timed : bool
        All domains have times.

    Returns
    -------
    rows : DataFrame
        The interactions with part (train, validation, test or dropped), computed.
    notes : dict
        What a report says: the order, the moments, and counted cases.
    """
    rows = undivided(interactions)
    if options.split == "train_only":
        return rows.localCheckpoint(), {"cases": []}
    if options.split == "cold":
        rows = hold_out_cold_users(rows, options).localCheckpoint()
        return rows, {"cases": _count_dropped(rows)}
    if options.split == "time":
        return _divide_by_time(rows, options)
    return _divide_users(rows, options, domains, timed)


def _divide_users(
    rows: DataFrame, options: PrepareOptions, domains: Sequence[str], timed: bool
) -> tuple[DataFrame, dict[str, Any]]:
    cases = []
    if options.split == "warm":
        cases += _count_unshared(rows, len(domains))
        rows = keep_shared(rows, len(domains))
    order = options.order or ("last" if options.split == "leave_one_out" and timed else "random")
    for part in (TEST, VALIDATION) if options.validation else (TEST,):
        rows = hold_out_of_users(rows, part, options, order == "last").localCheckpoint()
        cases += _count_kept(rows, part)
    return rows, {"order": order, "cases": cases}


def _divide_by_time(rows: DataFrame, options: PrepareOptions) -> tuple[DataFrame, dict[str, Any]]:
    if options.test_from is not None:
        cuts = options.test_from, options.validation_from
    else:
        cuts = day_cuts(rows, options.share, options.validation)
    rows = hold_out_by_time(rows, *cuts).localCheckpoint()
    notes = {"test_from": cuts[0], "validation_from": cuts[1], "cases": _count_dropped(rows)}
    return rows, notes


def _case(domain: str, part: str, count: int, noun: str, said: str) -> dict[str, Any]:
    return {"domain": domain, "part": part, "count": count, "of": noun, "what": said}


def _count_unshared(rows: DataFrame, n_domains: int) -> list[dict[str, Any]]:
    all_users, kept = (
        {
            row[DOMAIN]: row["n"]
            for row in frame.groupBy(DOMAIN).agg(F.countDistinct(USER_ID).alias("n")).collect()
        }
        for frame in (rows, keep_shared(rows, n_domains))
    )
    left_out = {name: count - kept.get(name, 0) for name, count in sorted(all_users.items())}
    return [_case(name, "all", n, "user", NOT_SHARED) for name, n in left_out.items() if n]


def _count_kept(rows: DataFrame, part: str) -> list[dict[str, Any]]:
    """Count what a stage of `hold_out_of_users` could not hold out."""
    cases = []
    for row in _count_fates(rows):
        if row[FATE] == TOO_SHORT:
            cases.append(_case(row[DOMAIN], part, row["count"], "user", STAY))
        else:
            cases.append(_case(row[DOMAIN], part, row["count"], "interaction", MOVED_BACK))
    return cases


def _count_dropped(rows: DataFrame) -> list[dict[str, Any]]:
    """Count what `drop_unknown` dropped."""
    said = {NEW_ITEM: DROPPED_ITEM, NEW_USER: DROPPED_USER}
    return [
        _case(row[DOMAIN], row[HELD_FOR], row["count"], "interaction", said[row[FATE]])
        for row in _count_fates(rows, HELD_FOR)
    ]


def _count_fates(rows: DataFrame, *further: str) -> list[Any]:
    keys = (DOMAIN, *further, FATE)
    counts = rows.where(F.col(FATE).isNotNull()).groupBy(*keys).count()
    return counts.orderBy(*keys).collect()
