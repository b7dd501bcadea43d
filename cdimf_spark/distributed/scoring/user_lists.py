"""A list of user ids from a file or a table."""

from __future__ import annotations

import re

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.read_errors import read_errors
from cdimf_spark.errors import DataError, MissingInputError
from cdimf_spark.schemas import USER_ID


def read_users(spark: SparkSession, path: str) -> DataFrame:
    """Read user ids: distinct user_id (string).

    Parameters
    ----------
    path
        A text file with one id a line (a first line ``user_id`` is its header); or a Parquet file,
        a Delta table or ``catalog.schema.table`` with a column user_id.

    Raises
    ------
    DataError
        There is nothing at the path, or no user in it.
    """
    try:
        with read_errors(path, "--users"):
            ids = _ids(spark, path).where(F.col(USER_ID) != "").distinct()
            empty = ids.isEmpty()
    except MissingInputError as error:
        raise DataError(f"list of users: no such file, folder or table: {path!r}") from error
    if empty:
        raise DataError(f"list of users: {path!r} has no user id")
    return ids


def _ids(spark: SparkSession, path: str) -> DataFrame:
    if re.search(r"\.(txt|csv|tsv|lst)(\.\w+)?$", path):
        return _lines(spark, path)
    if re.search(r"\.(parquet|pq)/?$", path):
        return _column(spark.read.parquet(path), path)
    if re.fullmatch(r"[\w-]+(\.[\w-]+){2}", path):
        return _column(spark.read.table(path), path)
    try:
        return _column(spark.read.format("delta").load(path), path)
    except AnalysisException as error:
        if "DELTA" not in (error.getCondition() or ""):
            raise
        return _lines(spark, path)


def _lines(spark: SparkSession, path: str) -> DataFrame:
    line = F.trim(F.regexp_replace("value", r"[\r\uFEFF]", "")).alias(USER_ID)
    return spark.read.text(path).select(line).where(F.col(USER_ID) != USER_ID)


def _column(table: DataFrame, path: str) -> DataFrame:
    if USER_ID not in table.columns:
        present = ", ".join(table.columns)
        raise DataError(f"list of users: {path!r} has no column {USER_ID!r}; present: {present}")
    return table.select(F.col(USER_ID).cast("string").alias(USER_ID))
