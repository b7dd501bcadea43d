"""Recommendations on their way out."""

from __future__ import annotations

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from cdimf_spark.distributed.output.guard import Target
from cdimf_spark.schemas import USER_ID


def first_users(users: DataFrame, count: int = 5) -> list[str]:
    """The first ids in alphabetical order, to show them."""
    return [row[0] for row in users.select(USER_ID).distinct().orderBy(USER_ID).take(count)]


def write_recommendations(rows: DataFrame, target: Target, k: int) -> dict[str, int]:
    """Write recommendations as Delta or Parquet, and count them.

    Parameters
    ----------
    target
        Where to, checked (`check_target`).

    Returns
    -------
    dict
        ``n_rows``, ``n_lists`` and ``n_short``: the lists with fewer than k places.
    """
    counts = Observation()
    observed = rows.observe(
        counts,
        F.count(F.lit(1)).alias("n_rows"),
        F.count_if(F.col("rank") == 1).alias("n_lists"),
        F.count_if(F.col("rank") == k).alias("n_full"),
    )
    target.write_table(observed)
    found = counts.get
    return {
        "n_rows": found["n_rows"],
        "n_lists": found["n_lists"],
        "n_short": found["n_lists"] - found["n_full"],
    }
