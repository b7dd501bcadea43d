"""What is not an interaction: each gets one clear error."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import BadRowsError, ColumnsError, EmptyInputError, MissingInputError
from tests.support.inputs import read, write


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere", "no*.csv", "nowhere.parquet"])
def test_missing_file(spark: SparkSession, tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingInputError) as caught:
        read(spark, tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "delta"])
def test_missing_file_of_a_given_format(spark: SparkSession, tmp_path: Path, form: str) -> None:
    with pytest.raises(MissingInputError):
        read(spark, tmp_path / "nowhere", format=form)


@pytest.mark.parametrize("content", ["", "\n \n", "user,item\n", "u1,i1,0\n"])
def test_empty_file(spark: SparkSession, tmp_path: Path, content: str) -> None:
    with pytest.raises(EmptyInputError, match=r"a\.csv"):
        read(spark, write(tmp_path / "a.csv", content))


def test_empty_folder(spark: SparkSession, tmp_path: Path) -> None:
    """Spark's own message was about a schema of Parquet."""
    with pytest.raises(EmptyInputError) as caught:
        read(spark, tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("u1,i1\nu2\n", 2, "the line does not have 2 columns"),
        ("u1,i1\nu2,i2,1\n", 2, "the line does not have 2 columns"),
        ('u1,i1\n\n"u2,i2\n', 3, "the line does not have 2 columns"),
        ("u1,i1,1\nu2,i2,x\n", 2, "weight is 'x'"),
        ("u1,i1,1\nu2,i2,-1\n", 2, "weight is '-1'"),
        ("u1,i1,1\nu2,i2,NaN\n", 2, "weight is 'NaN'"),
        ("u1,i1,1\nu2,i2,inf\n", 2, "weight is 'inf'"),
        ("u1,i1,1\nu2,i2,-Infinity\n", 2, "weight is '-Infinity'"),
        ("u1,i1,1\nu2,i2,1e999\n", 2, "weight is '1e999'"),
        ("u1,i1,1\nu2,i2,1d\n", 2, "weight is '1d'"),
        ('u1;i1;1\nu2;i2;"1,5"\n', 2, "weight is '1,5'"),
        ("u1,i1,1\nu2,i2,\n", 2, "weight is empty"),
        ("user,item\nu1,i1\n,i2\n", 3, "user_id is empty"),
        ('u1,i1\nu2," "\n', 2, "item_id is empty"),
        ('u1,i1\nu2,""\n', 2, "item_id is empty"),
        ("u1,i1\nUser_ID,Asin\n", 2, "the line looks like another header"),
        (b"u1,i1\nu\xe9,i2\n", 2, "the line is not UTF-8 text"),
    ],
)
def test_bad_line(
    spark: SparkSession, tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    path = write(tmp_path / "a [b].csv", content)
    with pytest.raises(BadRowsError) as caught:
        read(spark, tmp_path)
    assert caught.value.line == line
    assert caught.value.source == str(path)
    assert caught.value.problem.startswith(reason)
    assert caught.value.n_bad == 1


def test_a_header_of_unknown_names_asks_what_it_is(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "kunde,artikel,menge\nu1,i1,1\n")
    with pytest.raises(
        ColumnsError, match=r"line 1, 'kunde,artikel,menge', looks like.*header: true"
    ):
        read(spark, path)


def test_bad_header_hint_is_the_first_line(spark: SparkSession, tmp_path: Path) -> None:
    # The second line leaves the form of the columns open.
    path = write(tmp_path / "a.csv", "kunde,artikel,menge\nanna,i1,1\nu2,boots,x\n")
    with pytest.raises(BadRowsError, match=r"line 1: weight is 'menge'.*header: true"):
        read(spark, path)


def test_unknown_names_are_a_question(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "a.csv", "kunde,artikel,menge\nu1,i1,1\n")
    with pytest.raises(
        ColumnsError, match=r"line 1, 'kunde,artikel,menge',.*header: true"
    ) as found:
        read(spark, tmp_path / "in")
    assert found.value.source == str(path)


def test_the_first_of_many_bad_lines_is_shown(spark: SparkSession, tmp_path: Path) -> None:
    content = "".join(f"u{n},i{n},{'x' if n >= 70 else 1}\n" for n in range(100))
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(BadRowsError) as caught:
        read(spark, path)
    error = caught.value
    assert (error.line, error.row, error.n_bad, error.n_rows) == (71, "u70,i70,x", 30, 100)


def test_line_number_in_a_file_of_many_parts(spark: SparkSession, tmp_path: Path) -> None:
    content = "".join(f"u{n},i{n},{'x' if n == 777 else 1}\n" for n in range(1000))
    path = write(tmp_path / "a.csv", content)
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "700")
    try:
        with pytest.raises(BadRowsError, match="line 778"):
            read(spark, path)
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(before))


def test_a_very_long_bad_line_is_cut(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "u1,i1\nu2,i2,i3" + "x" * 100_000)
    with pytest.raises(BadRowsError, match="line 2") as caught:
        read(spark, path)
    assert len(str(caught.value)) < 1000


def test_bad_json_line(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"user": 1, "item": 2}\n{"user": 1\n')
    with pytest.raises(BadRowsError, match="line 2: the line is not a JSON object"):
        read(spark, path)


def test_json_that_is_an_array(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[{"user": 1, "item": 2}]')
    with pytest.raises(DataError, match="JSON lines are wanted"):
        read(spark, path)


def test_bad_row_of_a_parquet_file_names_the_file(spark: SparkSession, tmp_path: Path) -> None:
    df = spark.createDataFrame(
        [("u", "i", 1.0), ("u", "j", -1.0)], "user string, item string, weight double"
    )
    df.coalesce(1).write.parquet(str(tmp_path / "t"))
    with pytest.raises(BadRowsError) as caught:
        read(spark, tmp_path / "t")
    assert caught.value.source.startswith(str(tmp_path / "t" / "part-"))
    assert caught.value.row == '{"user":"u","item":"j","weight":-1.0}'
    assert caught.value.line is None


def test_wrong_number_of_columns(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "u1,i1,1,880\n")
    with pytest.raises(ColumnsError, match=r"a\.csv': 4 columns.*option 'columns'"):
        read(spark, path)


def test_missing_column_of_parquet(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(2).select("id", F.lit("i").alias("item")).write.parquet(str(tmp_path / "t"))
    with pytest.raises(ColumnsError, match=r"no column 'buyer'.*Present: id, item"):
        read(spark, tmp_path / "t", columns=("buyer", "item"))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet"])
def test_damaged_file(spark: SparkSession, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"u1,i1\n" * 10)
    with pytest.raises(DataError, match="damaged") as caught:
        read(spark, path)
    assert str(path) in str(caught.value)


@pytest.mark.slow
def test_gzip_that_breaks_off(spark: SparkSession, tmp_path: Path) -> None:
    content = "".join(f"u{n},i{n * n * 7919 % 10007}\n" for n in range(100_000)).encode()
    path = write(tmp_path / "a.csv.gz", gzip.compress(content)[:-1000])
    with pytest.raises(DataError, match="damaged") as caught:
        read(spark, path)
    assert str(path) in str(caught.value)


def test_unknown_file_system(spark: SparkSession) -> None:
    with pytest.raises(DataError, match="no file system 'nope'"):
        read(spark, "nope://bucket/a.csv")
