"""Leakage checks of a finished split; they look at the parts only, not at how they were made."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from cdimf_spark.distributed.preparation.splits import PART, TEST, TRAIN, VALIDATION
from cdimf_spark.errors import CDIMFError, DataError
from cdimf_spark.preparation.prepare_options import PrepareOptions
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID

# Result of a check by name: what a nonzero count means.
CHECKS = {
    "pairs_in_two_parts": "(user, item) pairs in two parts",
    "users_in_two_held_out_sets": "cold users in both test and validation",
    "cold_users_with_train": "cold users with train data in the domain where they are held out",
    "users_without_train": "held-out users without train data",
    "items_without_train": "held-out items without train data",
}


def check_split(parts: DataFrame, options: PrepareOptions) -> dict[str, int]:
    """Count leaks; all counts of the result are 0.

    Parameters
    ----------
    parts : DataFrame
        domain, user_id, item_id and part: train, validation or test.
    options : PrepareOptions

    Returns
    -------
    dict of str to int
        The checks that were made, by name (see `CHECKS`).

    Raises
    ------
    CDIMFError
        A leak: a defect of the split.
    """
    if options.split == "train_only":
        return {}
    cold = options.split == "cold"
    pairs = parts.groupBy(DOMAIN, USER_ID, ITEM_ID).agg(F.count_distinct(PART).alias("n"))
    items = _flags(parts, ITEM_ID).where(_held_out() & ~F.col(TRAIN))
    users = _flags(parts, USER_ID)
    counts = {
        "pairs_in_two_parts": pairs.where("n > 1").count(),
        "items_without_train": items.count(),
    }
    if cold:
        # A cold user's train data are in another domain.
        users = users.withColumn("elsewhere", F.max(TRAIN).over(Window.partitionBy(USER_ID)))
        leaks = _held_out() & F.col(TRAIN)
        counts["cold_users_with_train"] = users.where(leaks).count()
        both = F.col(TEST) & F.col(VALIDATION)
        counts["users_in_two_held_out_sets"] = users.where(both).count()
        without = _held_out() & ~F.col("elsewhere")
    else:
        without = _held_out() & ~F.col(TRAIN)
    counts["users_without_train"] = users.where(without).count()
    for name, count in counts.items():
        if count:
            raise CDIMFError(f"the split {options.split} is wrong: {count} {CHECKS[name]}")
    return counts


def _flags(parts: DataFrame, key: str) -> DataFrame:
    """Return which parts each user, or item, of a domain is in."""
    present = [F.max(F.col(PART) == part).alias(part) for part in (TRAIN, VALIDATION, TEST)]
    return parts.groupBy(DOMAIN, key).agg(*present)


def _held_out() -> Column:
    return F.col(TEST) | F.col(VALIDATION)


def refuse_empty(sizes: dict[str, dict[str, Any]], options: PrepareOptions) -> None:
    """Raise DataError if a domain has nothing in one of its parts."""
    advice = {
        TRAIN: "the split holds everything out: lower test_share",
        VALIDATION: "use --validation false, a larger share, or weaker filters",
        TEST: "use another split, a larger share, or weaker filters",
    }
    if options.split in ("warm", "cold"):
        owners = "all domains have" if options.split == "warm" else "several domains have"
        shared = f"it takes users whom {owners}, and there are none or too few: use "
        shared += "another split or a larger share"
        advice = dict.fromkeys(advice, shared)
    wanted = [TRAIN]
    if options.split != "train_only":
        wanted += [VALIDATION, TEST] if options.validation else [TEST]
    for domain, parts in sizes.items():
        for part in wanted:
            if part not in parts:
                raise DataError(
                    f"domain {domain!r} has no {part} interactions after the split "
                    f"{options.split}: {advice[part]}"
                )
