"""The line of the log that says what was read, and the warning of the same data twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.columns import Roles
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.how_read import Reading
from cdimf_spark.distributed.input.reading import read_interactions
from cdimf_spark.distributed.input.same_data import same_place
from cdimf_spark.distributed.input.summary import log_summary
from cdimf_spark.distributed.input.validation import annotate, raise_for_problems
from tests.support.inputs import domain, write


def lines_of(
    spark: SparkSession, caplog: pytest.LogCaptureFixture, *domains: DomainConfig
) -> list[str]:
    with caplog.at_level("INFO", logger="cdimf_spark"):
        read_interactions(spark, domains)
    return [record.getMessage() for record in caplog.records]


def test_qty_is_a_weight(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = "customer,sku,qty,day\na,x,1,8\na,y,2,8\nb,x,4,9\nb,x,1,9\nb,z,0,9\n"
    path = write(tmp_path / "shop.csv", content)
    assert lines_of(spark, caplog, domain(path)) == [
        f"domain sport: {path}: text with a header, separator ','; user 'customer', item 'sku', "
        "weight 'qty' (well-known names); 5 rows, 2 users, 2 items; weights 1 to 4, mean 2, "
        "2 not 1; 1 repeated pair; 1 row of weight 0 left out; not used: 'day' (option columns "
        "chooses others)"
    ]


def test_columns_without_names_or_weight(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "shop.tsv", "u1\ti1\nu2\ti1\n")
    assert lines_of(spark, caplog, domain(path)) == [
        f"domain sport: {path}: text without a header, separator '\\t'; user column 1, item "
        "column 2 (by position); 2 rows, 2 users, 1 item; no weight column: every weight is 1; "
        "no repeated pair"
    ]


def test_an_unknown_name_for_the_weight_is_named(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "shop.json", '{"customer": 1, "sku": 2, "menge": 3}\n')
    (line,) = lines_of(spark, caplog, domain(path))
    assert "JSON lines; user 'customer', item 'sku' (well-known names)" in line
    assert line.endswith("not used: 'menge' (option columns makes one the weight)")


def test_frames_are_summed_up_too(spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    """Counts of large frames are estimates, and say so."""
    frame = spark.range(20_000).select(
        (F.col("id") % 5000).alias("b"), (F.col("id") % 100).alias("a"), F.lit(1).alias("c")
    )
    with caplog.at_level("INFO", logger="cdimf_spark"):
        raise_for_problems(annotate(frame, "sport", columns=("b", "a")))
    (line,) = caplog.messages
    assert line.startswith("domain sport: the DataFrame: user 'b', item 'a' (option columns); ")
    users = int(line.split("20000 rows, about ")[1].split()[0])
    assert abs(users - 5000) < 150
    assert ", 100 items;" in line
    assert abs(int(line.split("; about ")[1].split()[0]) - 15_000) < 600


def summary(caplog: pytest.LogCaptureFixture, with_weight: bool = True, **figures: Any) -> str:
    counts = {"n_rows": 1000, "n_zero": 0, "n_users": 300, "n_items": 301, "n_pairs": 1004}
    row = Row(**{"domain": "sport", **counts, **figures})
    reading = Reading.of("test", ("u", "i", "w"), None, Roles(0, 1, None), with_weight)
    with caplog.at_level("INFO", logger="cdimf_spark"):
        log_summary(row, Reading.from_text(reading.to_text()))
    return caplog.messages[-1]


def test_estimates_are_not_told_as_facts(caplog: pytest.LogCaptureFixture) -> None:
    line = summary(caplog)
    assert "1000 rows, 300 users, about 301 items" in line
    assert "repeated pairs: under 3% of the rows" in line
    assert "about 100 repeated pairs" in summary(caplog, n_pairs=900)


def test_pairs_have_no_word_of_weights(caplog: pytest.LogCaptureFixture) -> None:
    line = summary(caplog, with_weight=False)
    assert "weight" not in line
    assert line.endswith("not used: 'w'")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("data/a.csv", "data/a.csv"),
        ("data/a.csv", "./data/../data//a.csv"),
        ("/data/a", "/data/a/"),
        ("/data/a", "file:/data/a"),
        ("file:///data/a", "file:/data/./a"),
        ("s3://b/x/a", "S3://b/x//y/../a/"),
        ("shop.events.sport", "shop.events.sport "),
    ],
)
def test_spellings_of_one_place(one: str, other: str) -> None:
    assert same_place(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("a.csv", "b.csv"), ("s3://b/a", "s3://c/a"), ("s3://b/a", "gs://b/a")]
)
def test_two_places(one: str, other: str) -> None:
    assert not same_place(one, other)


def test_a_link_is_where_it_leads(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "u1,i1\n")
    (tmp_path / "b.csv").symlink_to(path)
    assert same_place(str(path), str(tmp_path / "b.csv"))


def warnings_of(
    spark: SparkSession, caplog: pytest.LogCaptureFixture, *paths: Path | str
) -> list[str]:
    domains = [DomainConfig(name, str(p)) for name, p in zip("abc", paths, strict=False)]
    read_interactions(spark, domains)
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


def test_the_same_data_twice_is_a_warning(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "shop.csv", "u1,i1\nu2,i1\n")
    same = f"{tmp_path}/./shop.csv"
    copy = write(tmp_path / "copy.csv", "u2,i1\nu1,i1\n")
    assert warnings_of(spark, caplog, path, same, copy) == [
        f"domains a and b are read from one place ('{path}', '{same}'): is one of the paths wrong?",
        f"domains a and c have equal rows ('{path}', '{copy}'): is one of the paths wrong?",
        f"domains b and c have equal rows ('{same}', '{copy}'): is one of the paths wrong?",
    ]


def test_other_data_are_no_warning(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "one.csv", "u1,i1\nu2,i1\n")
    assert warnings_of(spark, caplog, path, write(tmp_path / "b.csv", "u1,i1\nu2,i2\n")) == []
