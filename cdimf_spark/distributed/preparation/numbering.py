"""Ids that two domains share by an accident of numbering: looks for them and words the warning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from cdimf_spark.preparation.accidental_ids import RangeSums, find_accident
from cdimf_spark.schemas import DOMAIN, USER_ID

_NUMBER = r"^(0|[1-9][0-9]{0,17})$"
_N_RANGES = 256
# Numbered from a common start: most ids are numbers, most numbers up to the last one are ids, and
# the two starts differ by little.
_MOST = 0.5
_LITTLE = 0.02


def find_accidents(interactions: DataFrame, domains: Sequence[str]) -> list[dict[str, Any]]:
    """Find pairs of domains whose common ids look like an accident of numbering.

    Parameters
    ----------
    interactions : DataFrame
        domain, user_id; a row for each distinct pair of user and item.
    domains : sequence of str

    Returns
    -------
    list of dict
        For each such pair: domains, above (ids up to this one look shared; -1: none does),
        above_interval (95 %), n_ids and correlation of those above it, correlation_below.
    """
    if len(domains) < 2:
        return []
    users = interactions.groupBy(DOMAIN, USER_ID).agg(F.count(F.lit(1)).alias("n"))
    number = F.when(F.col(USER_ID).rlike(_NUMBER), F.col(USER_ID)).cast("long")
    activity = users.select(DOMAIN, number.alias("number"), F.log("n").alias("activity")).persist()
    try:
        found = activity.groupBy(DOMAIN).agg(
            F.count(F.lit(1)).alias("n_users"),
            F.count("number").alias("n_numbers"),
            F.min("number").alias("low"),
            F.max("number").alias("high"),
        )
        ranges = {row[DOMAIN]: row for row in found.collect() if _is_dense(row)}
        findings = [
            _compare(activity, pair, ranges)
            for pair in combinations([name for name in domains if name in ranges], 2)
            if _same_start(*(ranges[name] for name in pair))
        ]
    finally:
        activity.unpersist()
    return [finding for finding in findings if finding is not None]


def _is_dense(row: Row) -> bool:
    """Tell whether ids are numbers, and most numbers of their range ids."""
    n = row["n_numbers"]
    return bool(n > _MOST * row["n_users"] and n > _MOST * (row["high"] - row["low"] + 1))


def _same_start(one: Row, other: Row) -> bool:
    shorter = min(row["high"] - row["low"] + 1 for row in (one, other))
    return bool(abs(one["low"] - other["low"]) <= max(_LITTLE * shorter, 1))


def _compare(
    activity: DataFrame, pair: tuple[str, str], ranges: Mapping[str, Row]
) -> dict[str, Any] | None:
    """Compare the activity of two domains' common ids; None if it correlates to the end."""
    low = max(ranges[name]["low"] for name in pair)
    high = min(ranges[name]["high"] for name in pair)
    width = max(-(-(high - low + 1) // _N_RANGES), 1)
    finding = find_accident(_range_sums(activity, pair, low, width))
    if finding is None:
        return None
    starts = [low + width * part for part in (finding.first, finding.earliest, finding.latest)]
    return {
        "domains": list(pair),
        "above": starts[0] - 1 if finding.first else -1,
        "above_interval": [start - 1 for start in starts[1:]] if finding.first else None,
        "n_ids": finding.n_ids,
        "correlation": round(finding.correlation, 4),
        "correlation_below": round(finding.below, 4) if finding.first else None,
    }


def _range_sums(activity: DataFrame, pair: tuple[str, str], low: int, width: int) -> RangeSums:
    """Sums over each range of numbers; `_N_RANGES` rows at most come to the driver."""
    x, y = (
        activity.where((F.col(DOMAIN) == name) & (F.col("number") >= low)).select(
            "number", F.col("activity").alias(column)
        )
        for name, column in zip(pair, "xy", strict=True)
    )
    part = F.floor((F.col("number") - low) / width).cast("int")
    sums = x.join(y, "number", "inner").groupBy(part.alias("part"))
    terms = {"x": "x", "y": "y", "xx": "x * x", "yy": "y * y", "xy": "x * y"}
    rows = sums.agg(
        F.count(F.lit(1)).cast("double").alias("n"),
        *(F.sum(F.expr(term)).alias(name) for name, term in terms.items()),
    ).collect()
    arrays = {name: np.zeros(_N_RANGES) for name in ("n", *terms)}
    for row in rows:
        for name, array in arrays.items():
            array[row["part"]] = row[name]
    return RangeSums(**arrays)


def warning_text(finding: Mapping[str, Any]) -> str:
    """What a user is told about a pair."""
    one, other = finding["domains"]
    n, r = finding["n_ids"], finding["correlation"]
    said = (
        f"domains {one!r} and {other!r} number their users from the same start, and who is busy in "
        f"one is no busier in the other"
    )
    if finding["above"] < 0:
        return (
            f"{said} ({n} equal ids, correlation {r:.3f}): equal ids look like an accident of "
            "numbering. If they are, use --keep-apart all (or a link table)"
        )
    low, high = finding["above_interval"]
    return (
        f"{said} above id {finding['above']} ({n} equal ids, correlation {r:.3f}; below it "
        f"{finding['correlation_below']:.3f}): above it, equal ids look like an accident of "
        f"numbering. If they are, use --keep-apart-above {finding['above']}, or the exact number "
        f"if you know it (95 % interval {low} to {high})"
    )
