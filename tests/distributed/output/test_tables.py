"""The Delta tables of an output folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import Mock

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.errors import ConfigurationError, DataError, OutputInUseError


@pytest.fixture
def tables(spark: SparkSession, tmp_path: Path) -> OutputTables:
    return OutputTables(spark, f"{tmp_path}/out/")


def frame(spark: SparkSession, *rows: tuple[str, int]) -> DataFrame:
    return spark.createDataFrame(list(rows), "part string, value int").coalesce(1)


def same(actual: DataFrame, expected: DataFrame) -> None:
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_appending_and_deleting(spark: SparkSession, tables: OutputTables) -> None:
    tables.append(frame(spark, ("a", 1)), "t", ("part",))
    tables.append(frame(spark, ("a", 2), ("b", 3)), "t", ("part",))
    same(tables.read("t"), frame(spark, ("a", 1), ("a", 2), ("b", 3)))
    tables.delete("t", "part = 'a'")
    same(tables.read("t"), frame(spark, ("b", 3)))


def test_deleting_under_a_relative_path(spark: SparkSession) -> None:
    """An SQL DELETE refused the path of a training into a relative folder."""
    root = os.path.relpath(tempfile.mkdtemp(dir=Path.cwd(), prefix="spark-warehouse-"))
    try:
        tables = OutputTables(spark, root)
        tables.append(frame(spark, ("a", 1), ("b", 3)), "t", ("part",))
        tables.delete("t", "part = 'a'")
        same(tables.read("t"), frame(spark, ("b", 3)))
    finally:
        shutil.rmtree(root)


def test_overwriting_replaces_rows_and_schema(spark: SparkSession, tables: OutputTables) -> None:
    tables.overwrite(frame(spark, ("a", 1), ("b", 2)), "t", ("part",))
    tables.overwrite(frame(spark, ("c", 3)), "t", ("part",))
    same(tables.read("t"), frame(spark, ("c", 3)))
    other = spark.createDataFrame([(1.5,)], "x double")
    tables.overwrite(other, "t")
    same(tables.read("t"), other)


def test_a_table_that_is_not_there(tables: OutputTables) -> None:
    assert tables.path("t") == f"{tables.root.rstrip('/')}/t"
    assert tables.find("t") is None
    tables.delete("t", "part = 'a'")
    with pytest.raises(DataError, match=r"no table 't' in .*: is it the output folder"):
        tables.read("t")


@pytest.mark.parametrize(
    "kind", ["ConcurrentAppend", "ConcurrentDeleteRead", "MetadataChanged", "ProtocolChanged"]
)
def test_the_commit_of_another_run_is_named(kind: str) -> None:
    """Two trainings that began in one empty folder ended with an error of the bridge to Java."""
    tables = OutputTables(Mock(), "models/shops")
    frame = Mock()
    writer = frame.write.format().mode().partitionBy().option()
    writer.save.side_effect = Exception(f"o7.save.\n: io.delta.exceptions.{kind}Exception: [X]")
    with pytest.raises(OutputInUseError, match=r"another run writes to 'models/shops' .*'runs'"):
        tables.append(frame, "runs")
    writer.save.side_effect = Exception("java.util.ConcurrentModificationException")
    with pytest.raises(Exception, match=r"java\.util"):
        tables.append(frame, "runs")


def test_a_session_without_delta_is_named() -> None:
    spark = Mock()
    spark.read.format().load.side_effect = Exception("[DATA_SOURCE_NOT_FOUND] Failed to find delta")
    with pytest.raises(ConfigurationError, match="this Spark session has no Delta Lake"):
        OutputTables(spark, "models/shops").find("runs")
