"""Ids that somebody asks about."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.errors import DataError
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.scoring.requests import refuse_text, report_unknown_users

Ids = DataFrame | Iterable[object]


def read_ids(spark: SparkSession, ids: Ids, column: str, noun: str) -> DataFrame:
    """Distinct ids as texts.

    Raises
    ------
    ConfigurationError
        If it is one text: its letters are not meant.
    DataError
        If there are none, or the frame has no such column.
    """
    refuse_text(ids, column, noun)
    if not isinstance(ids, DataFrame):
        texts = sorted({str(one) for one in ids})
        if not texts:
            raise DataError(f"the list of {noun} is empty")
        return spark.createDataFrame([(one,) for one in texts], f"{column} string")
    _check_columns(ids, noun, column)
    text = F.col(column).cast("string").alias(column)
    return ids.select(text).where(F.col(column).isNotNull()).distinct()


def denied_pairs(pairs: DataFrame | None) -> DataFrame | None:
    """Denied pairs as texts."""
    if pairs is None:
        return None
    _check_columns(pairs, "denied pairs", USER_ID, ITEM_ID)
    texts = pairs.selectExpr(*(f"CAST({name} AS STRING) {name}" for name in (USER_ID, ITEM_ID)))
    return texts.where(f"{USER_ID} IS NOT NULL AND {ITEM_ID} IS NOT NULL")


def _check_columns(frame: DataFrame, noun: str, *columns: str) -> None:
    for name in columns:
        if name not in frame.columns:
            present = ", ".join(frame.columns) or "none"
            raise DataError(f"{noun}: no column {name!r}; present: {present}")


def report_unknown(requests: DataFrame, unknown: DataFrame, fate: str) -> int:
    """Log how many users no domain knows, and the first of their ids; count all users."""
    asked = requests.selectExpr("false AS is_unknown", USER_ID)
    rows = asked.unionByName(unknown.selectExpr("true AS is_unknown", USER_ID))
    found = rows.selectExpr(
        "count_if(NOT is_unknown)", "count_if(is_unknown)", f"min(IF(is_unknown, {USER_ID}, NULL))"
    )
    n, n_unknown, first = found.collect()[0]
    report_unknown_users(n, n_unknown, first, fate)
    return int(n)
