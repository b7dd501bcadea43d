"""Lists of users and of items from files and tables."""

from __future__ import annotations

import re

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.read_errors import read_errors
from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import MissingInputError, path_advice
from cdimf_spark.schemas import ITEM_ID, USER_ID


def read_users(spark: SparkSession, path: str, option: str = "--users") -> DataFrame:
    """Read user ids: distinct user_id (string).

    Parameters
    ----------
    path
        A text file with one id a line (a first line ``user_id`` is its header); or a Parquet file,
        a Delta table or ``catalog.schema.table`` with a column user_id.
    option
        What named the path.

    Raises
    ------
    DataError
        There is nothing at the path, or no user in it.
    """
    return _read(spark, path, USER_ID, option)


def read_items(spark: SparkSession, path: str, option: str) -> DataFrame:
    """Read item ids, likewise: distinct item_id (string)."""
    return _read(spark, path, ITEM_ID, option)


def _read(spark: SparkSession, path: str, column: str, option: str) -> DataFrame:
    noun = column.removesuffix("_id")
    try:
        with read_errors(path, option):
            ids = _ids(spark, path, column).where(F.col(column) != "").distinct()
            empty = ids.isEmpty()
    except MissingInputError as error:
        raise DataError(
            f"list of {noun}s ({option}): no such file, folder or table: {path!r}. Check the "
            f"spelling{path_advice(path)}"
        ) from error
    if empty:
        raise DataError(f"list of {noun}s ({option}): {path!r} has no {noun} id")
    return ids


def _ids(spark: SparkSession, path: str, name: str) -> DataFrame:
    if re.search(r"\.(txt|csv|tsv|lst)(\.\w+)?$", path):
        return _lines(spark, path, name)
    if re.search(r"\.(parquet|pq)/?$", path):
        return _column(spark.read.parquet(path), path, name)
    if re.fullmatch(r"[\w-]+(\.[\w-]+){2}", path):
        return _column(spark.read.table(path), path, name)
    try:
        return _column(spark.read.format("delta").load(path), path, name)
    except AnalysisException as error:
        if "DELTA" not in (error.getCondition() or ""):
            raise
        return _lines(spark, path, name)


def _lines(spark: SparkSession, path: str, name: str) -> DataFrame:
    line = F.trim(F.regexp_replace("value", r"[\r\uFEFF]", "")).alias(name)
    return spark.read.text(path).select(line).where(F.col(name) != name)


def _column(table: DataFrame, path: str, name: str) -> DataFrame:
    if name not in table.columns:
        present, noun = ", ".join(table.columns), name.removesuffix("_id")
        raise DataError(f"list of {noun}s: {path!r} has no column {name!r}; present: {present}")
    return table.select(F.col(name).cast("string").alias(name))
