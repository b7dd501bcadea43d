"""Raw events: columns, times, ratings, types, repeated pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.input.validation import raise_for_problems
from cdimf_spark.distributed.preparation.events import (
    count_events,
    judge_events,
    merge_duplicates,
    read_events,
)
from cdimf_spark.input_errors import BadRowsError, ColumnsError
from cdimf_spark.preparation.prepare_config import PrepareConfig, with_columns
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions
from tests.support.amazon_like import DAY, FIRST_DAY, two_domains, write_reviews
from tests.support.inputs import write


def config_of(path: Path, own: dict[str, Any] | None = None, **options: Any) -> PrepareConfig:
    common = PrepareOptions(**options)
    domain = EventsConfig("sport", str(path), **(own or {}))
    return PrepareConfig(common, (with_columns(domain, common),))


def interactions(spark: SparkSession, config: PrepareConfig) -> list[tuple[Any, ...]]:
    """user, item, weight, seconds of the interactions, sorted."""
    events = read_events(spark, config)
    raise_for_problems(events)
    merged = merge_duplicates(judge_events(events, config), config.options.duplicates)
    rows = merged.selectExpr("user_id", "item_id", "weight", "unix_seconds(timestamp)")
    return sorted(tuple(row) for row in rows.collect())


def test_amazon_reviews_without_any_option(spark: SparkSession, tmp_path: Path) -> None:
    reviews = two_domains()["sport"]
    path = write_reviews(tmp_path / "reviews_Sports.json.gz", reviews)
    expected = sorted(
        (row.reviewerID, row.asin, 1.0, row.unixReviewTime) for row in reviews.itertuples()
    )
    assert interactions(spark, config_of(path)) == expected


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_tables(spark: SparkSession, tmp_path: Path, form: str) -> None:
    frame = spark.sql("select 1 user_id, 'i' item_id, 2.5 quantity, date'2011-01-27' date")
    frame.write.format(form).save(str(tmp_path / form))
    expected = [("1", "i", 2.5, FIRST_DAY * DAY + DAY)]
    assert interactions(spark, config_of(tmp_path / form)) == expected


EVENTS = """who;what;stars;at;kind
ann;ball;5;2011-01-26T00:00:00Z;view
ann;ball;1;2011-01-27 00:00:00;buy
bob;ball;3;1296086400000;view
bob;bat;2;1296000000;look
"""
COLUMNS = "user=who,item=what,value=stars,time=at"
A, B = 1296000000, 1296086400


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [("ann", "ball", 2.0, B), ("bob", "ball", 1.0, B), ("bob", "bat", 1.0, A)]),
        (
            {"weights": "value"},
            [("ann", "ball", 6.0, B), ("bob", "ball", 3.0, B), ("bob", "bat", 2.0, A)],
        ),
        ({"weights": "value", "duplicates": "once", "min_rating": 4}, [("ann", "ball", 5.0, A)]),
        ({"min_rating": 2, "time_to": B}, [("ann", "ball", 1.0, A), ("bob", "bat", 1.0, A)]),
        (
            {"weights": "value", "duplicates": "last", "time_from": "2011-01-27"},
            [("ann", "ball", 1.0, B), ("bob", "ball", 3.0, B)],
        ),
        (
            {"event_weights": "view=1,buy=10", "columns": COLUMNS + ",event=kind"},
            [("ann", "ball", 11.0, B), ("bob", "ball", 1.0, B)],
        ),
    ],
)
def test_options(
    spark: SparkSession, tmp_path: Path, options: dict[str, Any], expected: list[Any]
) -> None:
    path = write(tmp_path / "events.csv", EVENTS)
    assert interactions(spark, config_of(path, **{"columns": COLUMNS, **options})) == expected


def test_columns_by_position(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "ratings.dat", "1::31::2.5::1296000000\n2::31::3::1296086400\n")
    config = config_of(path, columns="user=1,item=2,value=3,time=4", min_rating=3)
    assert interactions(spark, config) == [("2", "31", 1.0, B)]


def test_why_events_are_left_out_is_counted(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "user,item,rating,time\na,i,0,5\na,j,2,5\na,k,4,5\na,k,4,9\n")
    config = config_of(path, {"min_rating": 0}, min_rating=3, time_to=9)
    counts = count_events(judge_events(read_events(spark, config), config))["sport"]
    assert (counts["events"], counts["timed"]) == (4, 4)
    assert {name: counts[name] for name in ("time", "rating", "zero", "event_type")} == {
        **{"time": 1, "rating": 0, "zero": 1, "event_type": 0}
    }


@pytest.mark.parametrize("time", ["soon", "", "1e30", "2011-13-01"])
def test_bad_time(spark: SparkSession, tmp_path: Path, time: str) -> None:
    path = write(tmp_path / "a.csv", f"user,item,time\na,i,5\na,j,{time}\n")
    with pytest.raises(BadRowsError, match=r"line 3: time is .*1 row of 2"):
        interactions(spark, config_of(path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_rating": 3}, "min_rating needs a column 'value'"),
        ({"duplicates": "last"}, "duplicates: last needs a column 'time'"),
        ({"split": "time"}, "split: time needs a column 'time'"),
        ({"event_weights": "view=1"}, "event_weights needs a column 'event'"),
        ({"columns": "user=user,item=item,time=when"}, "no column 'when'"),
    ],
)
def test_missing_columns(
    spark: SparkSession, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "a.csv", "user,item\na,i\n")
    with pytest.raises(ColumnsError, match=said):
        read_events(spark, config_of(path, **options))


def test_sums_do_not_depend_on_the_partitions(spark: SparkSession, tmp_path: Path) -> None:
    values = [0.1 * (k % 17) + 1e6 * (k % 3) + 0.01 for k in range(300)]
    frame = spark.createDataFrame(pd.DataFrame({"user": "u", "item": "i", "weight": values}))
    config = config_of(tmp_path)
    totals = set()
    for number in (1, 2, 7):
        events = read_events(spark, config, {"sport": frame.repartition(number)})
        merged = merge_duplicates(judge_events(events, config), "sum")
        totals.add(merged.collect()[0]["weight"])
    assert len(totals) == 1
