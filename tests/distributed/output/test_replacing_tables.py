"""The earlier result stays until the new one is complete."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.output import guard
from cdimf_spark.distributed.output.guard import check_target
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import MARKER, Kind
from tests.support.folders import snapshot

DELTA = Order(Kind.RECOMMENDATIONS, "delta")
DELTA_AGAIN = Order(Kind.RECOMMENDATIONS, "delta", overwrite=True)
PARQUET_AGAIN = Order(Kind.RECOMMENDATIONS, "parquet", overwrite=True)


def rows_of(spark: SparkSession, *values: int) -> DataFrame:
    return spark.createDataFrame([(value,) for value in values], "x int")


def values_in(spark: SparkSession, path: Path, form: str) -> list[int]:
    return sorted(row[0] for row in spark.read.format(form).load(str(path)).collect())


@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_an_earlier_result_stays_until_the_new_one_is_complete(
    spark: SparkSession, tmp_path: Path, form: str
) -> None:
    path, again = tmp_path / "lists", Order(Kind.FACTORS, form, overwrite=True)
    check_target(spark, str(path), Order(Kind.FACTORS, form), {}).write_table(rows_of(spark, 1))
    assert values_in(spark, path, form) == [1]
    before = snapshot(tmp_path)
    target = check_target(spark, str(path), again, {})
    broken = spark.range(3).selectExpr("CAST(raise_error('worker lost') AS INT) AS x")
    with pytest.raises(Exception, match="worker lost"):
        target.write_table(broken)
    assert values_in(spark, path, form) == [1]
    kept = snapshot(tmp_path)
    assert {name: kept[name] for name in before} == before
    target.write_table(rows_of(spark, 2, 3))
    assert values_in(spark, path, form) == [2, 3]
    assert [one.name for one in tmp_path.iterdir()] == ["lists"]
    # Another schema, another kind.
    check_target(spark, str(path), again, {}).write_table(
        rows_of(spark, 4).withColumnRenamed("x", "y")
    )
    assert spark.read.format(form).load(str(path)).columns == ["y"]
    with pytest.raises(
        ConfigurationError, match=r"is an output of fold_in\.py, not an output of r"
    ):
        check_target(spark, str(path), Order(Kind.RECOMMENDATIONS, form, True), {})


def test_a_table_that_somebody_else_wrote_to_is_not_replaced(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = str(tmp_path / "lists")
    check_target(spark, path, DELTA, {}).write_table(rows_of(spark, 1))
    spark.sql(f"OPTIMIZE delta.`{path}`")
    check_target(spark, path, DELTA_AGAIN, {}).write_table(rows_of(spark, 2))
    rows_of(spark, 7).write.format("delta").mode("append").save(path)
    with pytest.raises(ConfigurationError, match=r"somebody else has changed .*version 3, WRITE"):
        check_target(spark, path, DELTA_AGAIN, {})
    shutil.rmtree(tmp_path / "lists" / "_delta_log")
    with pytest.raises(ConfigurationError, match="which is not as the command that made"):
        check_target(spark, path, DELTA_AGAIN, {})


@pytest.mark.slow
def test_where_only_spark_sees_the_folder_single_tables_are_replaced(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "is_remote", lambda: True)
    path = tmp_path / "lists"
    check_target(spark, str(path), DELTA, {}).write_table(rows_of(spark, 1))
    with pytest.raises(ConfigurationError, match="exists: use --overwrite"):
        check_target(spark, str(path), DELTA, {})
    check_target(spark, str(path), DELTA_AGAIN, {}).write_table(rows_of(spark, 2))
    assert values_in(spark, path, "delta") == [2]
    with pytest.raises(ConfigurationError, match="which is an output of recommend"):
        check_target(spark, str(path / "x"), DELTA, {})
    # What a process that was killed before its first commit leaves can be written again.
    shutil.rmtree(path / "_delta_log")
    check_target(spark, str(path), DELTA, {}).write_table(rows_of(spark, 3))
    assert values_in(spark, path, "delta") == [3]
    other = tmp_path / "parquet"
    check_target(spark, str(other), PARQUET_AGAIN, {}).write_table(rows_of(spark, 1))
    assert values_in(spark, other, "parquet") == [1]
    with pytest.raises(ConfigurationError, match="no folder can be replaced in one step"):
        check_target(spark, str(other), PARQUET_AGAIN, {})
    # A process on that machine knows the same folders.
    monkeypatch.undo()
    assert (path / MARKER).is_dir()
    check_target(spark, str(path), DELTA_AGAIN, {}).write_table(rows_of(spark, 4))
    assert values_in(spark, path, "delta") == [4]
