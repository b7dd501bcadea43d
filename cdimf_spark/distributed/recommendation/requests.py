"""Ids that somebody asks about."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.errors import ConfigurationError, DataError, counted
from cdimf_spark.schemas import ITEM_ID, USER_ID

logger = logging.getLogger(__name__)

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
    if isinstance(ids, str | bytes):
        raise ConfigurationError(
            f"the list of {noun} is the text {ids!r}: a list of ids, [{ids!r}], or a DataFrame "
            f"with a column {column!r} is wanted"
        )
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


POPULAR_FATE = "get what is popular (source: popular)"


def report_unknown(requests: DataFrame, unknown: DataFrame, fate: str) -> int:
    """Log how many users no domain knows, and the first of their ids; count all users."""
    asked = requests.selectExpr("false AS is_unknown", USER_ID)
    rows = asked.unionByName(unknown.selectExpr("true AS is_unknown", USER_ID))
    found = rows.selectExpr(
        "count_if(NOT is_unknown)", "count_if(is_unknown)", f"min(IF(is_unknown, {USER_ID}, NULL))"
    )
    n, n_unknown, first = found.collect()[0]
    if not n:
        raise DataError("the list of users is empty")
    if n_unknown:
        advice = ": are their ids those of the training?" if n_unknown == n else ""
        users = counted(n_unknown, "user")
        logger.warning(
            "%s of %d whom no domain knows %s; the first is %r%s", users, n, fate, first, advice
        )
    return int(n)
