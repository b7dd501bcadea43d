"""Ids that somebody asks about."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.given import Frame, to_spark
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.scoring.requests import check_list, report_unknown_users

Ids: TypeAlias = Frame | Iterable[object]


def read_ids(spark: SparkSession, ids: Ids, column: str, noun: str) -> DataFrame:
    """Distinct ids as texts.

    Raises
    ------
    ConfigurationError
        If it is no list: one text, whose letters are not meant, or a number.
    DataError
        If there are none, the frame has no such column, or one is no id.
    """
    if isinstance(ids, DataFrame | pd.DataFrame | pa.Table):
        frame = to_spark(spark, ids)
        _check_columns(frame, noun, column)
        text = F.col(column).cast("string").alias(column)
        return frame.select(text).where(F.col(column).isNotNull()).distinct()
    check_list(ids, column, noun)
    texts = sorted({_id_text(one, number, noun) for number, one in enumerate(ids)})
    if not texts:
        raise DataError(f"the list of {noun} is empty")
    return spark.createDataFrame([(one,) for one in texts], f"{column} string")


def _id_text(one: object, number: int, noun: str) -> str:
    """The text of an id: of a text or a whole number."""
    value = one.as_py() if isinstance(one, pa.Scalar) else one
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(int(value))
    # As pandas makes of whole numbers with gaps.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    raise DataError(
        f"the list of {noun} has {value!r} at position {number}: an id is a text or a whole number"
    )


def denied_pairs(spark: SparkSession, pairs: Frame | None) -> DataFrame | None:
    """Denied pairs as texts."""
    if pairs is None:
        return None
    if not isinstance(pairs, DataFrame | pd.DataFrame | pa.Table):
        raise ConfigurationError(
            f"denied pairs are of type {type(pairs).__name__}: a frame with the columns "
            f"{USER_ID!r} and {ITEM_ID!r} is wanted"
        )
    pairs = to_spark(spark, pairs)
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
