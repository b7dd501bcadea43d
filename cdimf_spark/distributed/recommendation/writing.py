"""Recommendations on their way out."""

from __future__ import annotations

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.schemas import USER_ID


def first_users(users: DataFrame, count: int = 5) -> list[str]:
    """The first ids in alphabetical order, to show them."""
    return [row[0] for row in users.select(USER_ID).distinct().orderBy(USER_ID).take(count)]


def write_rows(rows: DataFrame, path: str, form: str, overwrite: bool = False) -> None:
    """Write a result as Delta or Parquet.

    Raises
    ------
    ConfigurationError
        If there is something at the path and `overwrite` is not set.
    """
    writer = rows.write.format(form).mode("overwrite" if overwrite else "errorifexists")
    try:
        writer.save(path)
    except AnalysisException as error:
        if (error.getCondition() or "") in ("DELTA_PATH_EXISTS", "PATH_ALREADY_EXISTS"):
            raise ConfigurationError(
                f"output {path!r} exists: use --overwrite to replace it, or another path"
            ) from error
        raise


def write_recommendations(
    rows: DataFrame, path: str, form: str, k: int, overwrite: bool = False
) -> dict[str, int]:
    """Write recommendations as Delta or Parquet, and count them.

    Returns
    -------
    dict
        ``n_rows``, ``n_lists`` and ``n_short``: the lists with fewer than k places.

    Raises
    ------
    ConfigurationError
        If there is something at the path and `overwrite` is not set.
    """
    counts = Observation()
    observed = rows.observe(
        counts,
        F.count(F.lit(1)).alias("n_rows"),
        F.count_if(F.col("rank") == 1).alias("n_lists"),
        F.count_if(F.col("rank") == k).alias("n_full"),
    )
    write_rows(observed, path, form, overwrite)
    found = counts.get
    return {
        "n_rows": found["n_rows"],
        "n_lists": found["n_lists"],
        "n_short": found["n_lists"] - found["n_full"],
    }
