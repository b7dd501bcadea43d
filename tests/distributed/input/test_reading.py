"""Reading: every form that interactions come in, and one clear error for what is not one."""

from __future__ import annotations

import datetime
import gzip
from decimal import Decimal
from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.reading import read_annotated, read_test
from cdimf_spark.distributed.input.validation import annotate, clean_rows, raise_for_problems
from cdimf_spark.input_errors import BadRowsError, ColumnsError, MissingInputError
from tests.support.inputs import BIG, PAIRS, domain, read, rows, write

# Text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "u1,i1\nu2,i2\n"),
        ("no_newline_at_the_end.csv", "u1,i1\nu2,i2"),
        ("blank_lines.csv", "\n\nu1,i1\n   \nu2,i2\n\n"),
        ("crlf.csv", "u1,i1\r\nu2,i2\r\n"),
        ("bom.csv", b"\xef\xbb\xbfu1,i1\nu2,i2\n"),
        ("bom_header_crlf.csv", b"\xef\xbb\xbfuser,item\r\nu1,i1\r\nu2,i2\r\n"),
        ("a.tsv", "u1\ti1\nu2\ti2\n"),
        ("a.txt", "u1  i1\nu2\ti2  \n"),
        ("a.dat", "u1::i1::1\nu2::i2::1\n"),
        ("semicolon.csv", "user_id;item_id;weight\nu1;i1;1\nu2;i2;1.0\n"),
        ("header.csv", "weight,asin,reviewerID\n1,i1,u1\n1e0,i2,u2\n"),
        ("no_suffix", "u1|i1\nu2|i2\n"),
        ("blanks_around.csv", "u1 , i1\n u2,i2 \n"),
        ("quoted.csv", '"user","item"\n"u1","i1"\n"u2",i2\n'),
        ("a b[1]{x}.csv", "u1,i1\nu2,i2\n"),
    ],
)
def test_delimited_text(spark: SparkSession, tmp_path: Path, name: str, content: str) -> None:
    # In a folder, because brackets in a path are a pattern.
    write(tmp_path / "in" / name, content)
    assert read(spark, tmp_path / "in") == PAIRS


def test_gzip(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "a.csv.gz", gzip.compress(b"\xef\xbb\xbfuser,item\r\nu1,i1\r\nu2,i2\r\n"))
    assert read(spark, tmp_path / "a.csv.gz") == PAIRS


def test_third_column_is_the_weight(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "u1,i1,2.5\nu2,i2,.5\nu3,i3,1e-3\nu4,i4,+7\n")
    assert [row[2] for row in read(spark, path)] == [2.5, 0.5, 0.001, 7.0]


def test_folder_of_files_with_a_header_each(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "part-0.csv", "user,item\nu1,i1\n")
    write(tmp_path / "part-1.csv", "user,item\nu2,i2\n")
    write(tmp_path / "_SUCCESS", "")
    assert read(spark, tmp_path) == PAIRS


def test_folder_of_partitions(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "day=1" / "a.csv", "u1,i1\n")
    write(tmp_path / "day=2" / "a.csv", "u2,i2\n")
    assert read(spark, tmp_path) == PAIRS


def test_glob(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "sport-1.csv", "u1,i1\n")
    write(tmp_path / "sport-2.csv", "u2,i2\n")
    write(tmp_path / "other.csv", "x,y,z,w\n")
    assert read(spark, tmp_path / "sport-*.csv") == PAIRS


def test_columns_by_name(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "kunde,zeit,artikel,menge\nu1,9,i1,1\nu2,9,i2,1\n")
    assert read(spark, path, columns=("kunde", "artikel", "menge")) == PAIRS


def test_columns_by_position(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "i1,9,u1,1\ni2,9,u2,1\n")
    assert read(spark, path, columns=("3", "1")) == PAIRS


def test_ids_keep_their_characters(spark: SparkSession, tmp_path: Path) -> None:
    content = 'user,item\n"a,b","c""d"\nmüller,日本 語\n0012,1.0\n12" pipe,NULL\n" x",y\n'
    expected = [("a,b", 'c"d'), ("müller", "日本 語"), ("0012", "1.0"), ('12" pipe', "NULL")]
    found = [row[:2] for row in read(spark, write(tmp_path / "a.csv", content))]
    assert sorted(found) == sorted([*expected, (" x", "y")])


def test_rows_of_weight_zero_are_left_out(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.csv", "u1,i1,1\nu2,i2,1\nu3,i3,0\nu4,i4,-0.0\n")
    with caplog.at_level("INFO", logger="cdimf_spark"):
        assert read(spark, path) == PAIRS
    assert "2 rows of weight 0" in caplog.text


def test_read_test_takes_user_and_item_only(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", "u1,i1,-5,x\nu2,i2,,y\n")
    assert rows(read_test(spark, domain(path))) == [("u1", "i1"), ("u2", "i2")]


# JSON, Parquet, Delta, tables


def test_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    content = f'{{"item_id": "i1", "t": [1], "user_id": {BIG}, "weight": 2}}\n\n'
    content += '{"user_id": "ü", "item_id": 7, "weight": "0.5"}\n'
    path = write(tmp_path / "a.jsonl", content)
    assert read(spark, path) == [(str(BIG), "i1", 2.0), ("ü", "7", 0.5)]


def test_json_columns_by_name(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"a.b": "u1", "c": "i1"}\n{"c": "i2", "a.b": "u2"}\n')
    assert read(spark, path, columns=("a.b", "c")) == PAIRS


def test_json_has_no_positions(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"a": "u1", "b": "i1"}\n')
    with pytest.raises(ColumnsError, match="well-known"):
        read(spark, path)
    with pytest.raises(ColumnsError, match="no column '1'"):
        read(spark, path, columns=("1", "2"))


@pytest.mark.parametrize("form", ["parquet", "delta"])
@pytest.mark.parametrize("named", [True, False])
def test_tables_by_path(spark: SparkSession, tmp_path: Path, form: str, named: bool) -> None:
    columns = ["user_id", "item_id"] if named else ["a", "b"]
    df = spark.createDataFrame([(BIG, 1), (-5, 2)], columns)
    df.write.format(form).save(str(tmp_path / "table"))
    assert read(spark, tmp_path / "table") == [("-5", "2", 1.0), (str(BIG), "1", 1.0)]


def test_delta_shows_no_deleted_rows(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "table.parquet")
    frame = spark.createDataFrame([("old", "i")], "user string, item string")
    frame.write.format("delta").save(path)
    frame = spark.createDataFrame([("new", "i")], "user string, item string")
    frame.write.format("delta").mode("overwrite").save(path)
    assert read(spark, path) == [("new", "i", 1.0)]


def test_table_of_the_catalog(spark: SparkSession) -> None:
    frame = spark.createDataFrame(PAIRS, "user string, item string, weight double")
    frame.write.format("delta").mode("overwrite").saveAsTable("sport_events")
    try:
        assert read(spark, "spark_catalog.default.sport_events") == PAIRS
        assert read(spark, "default.sport_events", format="delta") == PAIRS
    finally:
        spark.sql("DROP TABLE sport_events")


@pytest.mark.parametrize("name", ["spark_catalog.default.nothing", "no.such.catalog"])
def test_missing_table(spark: SparkSession, name: str) -> None:
    with pytest.raises(MissingInputError, match=name):
        read(spark, name)


# DataFrames


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ("user long", BIG, str(BIG)),
        ("user byte", -3, "-3"),
        ("user decimal(38,0)", Decimal(10) ** 37, "1" + "0" * 37),
        ("user decimal(10,2)", Decimal("12.00"), "12"),
        ("user double", 12.0, "12"),
        ("user float", -0.0, "0"),
        ("user string", " u ", " u "),
    ],
)
def test_ids_of_a_frame(spark: SparkSession, schema: str, value: object, text: str) -> None:
    df = spark.createDataFrame([(value, "i")], f"{schema}, item string")
    annotated = annotate(df, "sport")
    assert raise_for_problems(annotated)["sport"].n_rows == 1
    assert rows(clean_rows(annotated)) == [("sport", text, "i", 1.0)]


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ("user double", 1.5, "user_id is 1.5"),
        ("user double", float(2**54), "user_id is 1.8"),
        ("user double", float("inf"), "user_id is Infinity"),
        ("user double", float("nan"), "user_id is empty"),
        ("user float", float(2**25), "user_id is 3.3"),
        ("user decimal(10,2)", Decimal("1.25"), "user_id is 1.25"),
        ("user long", None, "user_id is empty"),
        ("user string", "  ", "user_id is empty"),
    ],
)
def test_bad_ids_of_a_frame(spark: SparkSession, schema: str, value: object, reason: str) -> None:
    df = spark.createDataFrame([(value, "i")], f"{schema}, item string")
    with pytest.raises(BadRowsError, match=f"'the DataFrame': {reason}"):
        raise_for_problems(annotate(df, "sport"))


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ("user date, item string", (datetime.date(2024, 1, 1), "i")),
        ("user boolean, item string", (True, "i")),
        ("user string, item string, weight boolean", ("u", "i", True)),
    ],
)
def test_types_that_cannot_be_used(
    spark: SparkSession, schema: str, values: tuple[object, ...]
) -> None:
    with pytest.raises(ColumnsError, match="is of type"):
        annotate(spark.createDataFrame([values], schema), "sport")


def test_column_names_with_dots_and_quotes(spark: SparkSession) -> None:
    df = spark.createDataFrame([("u", "i")], "`a.b` string, `c``d` string")
    assert rows(clean_rows(annotate(df, "sport", columns=("a.b", "c`d")))) == [
        ("sport", "u", "i", 1.0)
    ]


def test_many_domains_are_checked_in_one_pass(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.csv", f"u1,{name}\nu2,{name},\n" if name == "c" else "u1,i\n")
    frames = [
        read_annotated(spark, DomainConfig(name, str(tmp_path / f"{name}.csv")))
        for name in ("a", "b", "c")
    ]
    good = reduce(DataFrame.unionByName, frames[:2])
    found = raise_for_problems(good, {"a": "a.csv", "b": "b.csv"})
    assert {name: content.n_rows for name, content in found.items()} == {"a": 1, "b": 1}
    with pytest.raises(BadRowsError, match=r"domain 'c', .*c\.csv', line 2"):
        raise_for_problems(reduce(DataFrame.unionByName, frames).persist())
