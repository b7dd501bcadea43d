"""Splits: what is held out, by rules checked in pandas, and the same whatever the partitions."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.preparation.checks import check_split, refuse_empty
from cdimf_spark.distributed.preparation.dividing import divide
from cdimf_spark.distributed.preparation.overlap import count_overlap, count_parts
from cdimf_spark.errors import CDIMFError, DataError
from cdimf_spark.preparation.prepare_options import PrepareOptions
from tests.support.amazon_like import DAY, FIRST_DAY, two_domains

DOMAINS = ["sport", "cloth"]
PAIR = ["domain", "user_id", "item_id"]


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """user_id, item_id, time of both domains; times are days, so that some are equal."""
    frames = [frame.assign(domain=name) for name, frame in two_domains().items()]
    both = pd.concat(frames, ignore_index=True).rename(
        columns={"reviewerID": "user_id", "asin": "item_id", "unixReviewTime": "time"}
    )
    # Somebody with one interaction.
    return both.drop(both.index[(both.user_id == "A0000")][1:])[[*PAIR, "time"]]


def to_frame(spark: SparkSession, events: pd.DataFrame) -> DataFrame:
    frame = spark.createDataFrame(events)
    return frame.withColumns(
        {"weight": F.lit(1.0), "timestamp": F.timestamp_seconds(F.col("time"))}
    ).drop("time")


def split(
    spark: SparkSession, events: pd.DataFrame, n_partitions: int = 2, **options: Any
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The events with their part, sorted; leakage checks are made."""
    chosen = PrepareOptions(**options)
    frame = to_frame(spark, events).repartition(n_partitions)
    rows, notes = divide(frame, chosen, DOMAINS, timed=True)
    check_split(rows.where("part != 'dropped'"), chosen)
    found = rows.withColumn("time", F.unix_seconds("timestamp")).toPandas()
    return found.sort_values(PAIR, ignore_index=True)[[*PAIR, "time", "part"]], notes


def cases(notes: dict[str, Any], word: str, part: str) -> dict[str, int]:
    found = [case for case in notes["cases"] if word in case["what"] and case["part"] == part]
    return {case["domain"]: case["count"] for case in found}


@pytest.mark.parametrize(
    "name",
    ["time", pytest.param("warm", marks=pytest.mark.slow)]
    + [pytest.param(name, marks=pytest.mark.long) for name in ("leave_one_out", "ratio", "cold")],
)
def test_partitions_do_not_matter_and_seeds_do(
    spark: SparkSession, events: pd.DataFrame, name: str
) -> None:
    one, _ = split(spark, events, 1, split=name)
    seven, _ = split(spark, events.sample(frac=1, random_state=1), 7, split=name)
    pd.testing.assert_frame_equal(one, seven)
    other, _ = split(spark, events, 1, split=name, seed=1)
    # In time only a tie could be broken, and there is none.
    assert one.equals(other) == (name == "time")


def test_the_last_of_each_user(spark: SparkSession, events: pd.DataFrame) -> None:
    found, notes = split(spark, events, validation=False)
    assert notes["order"] == "last"
    by_user = found.groupby(["domain", "user_id"])
    latest = by_user["time"].transform("max")
    held = found[found.part == "test"]
    assert (held.time == latest[held.index]).all()
    assert (held.groupby(["domain", "user_id"]).size() == 1).all()
    # Who has no test row: one interaction only, or an item that nobody else has in train.
    without = found[
        ~found.set_index(["domain", "user_id"]).index.isin(
            held.set_index(["domain", "user_id"]).index
        )
    ]
    short = by_user["item_id"].transform("size")[without.index] == 1
    assert set(without[short].user_id) >= {"A0000"}
    short_users = without[short].groupby("domain")["user_id"].nunique().to_dict()
    assert cases(notes, "too few", "test") == short_users
    alone = without[~short].groupby("domain")["user_id"].nunique().to_dict()
    assert cases(notes, "no other interaction", "test") == alone


def test_an_item_without_another_interaction_stays(spark: SparkSession) -> None:
    rows = [("sport", "u", "common", 1), ("sport", "v", "common", 2), ("sport", "u", "rare", 3)]
    rows += [("sport", "v", "also", 1), ("cloth", "u", "rare", 1)]
    found, notes = split(spark, pd.DataFrame(rows, columns=[*PAIR, "time"]), validation=False)
    held = found[found.part == "test"]
    # rare is in train of cloth, but that is another item.
    assert list(held[PAIR].itertuples(index=False, name=None)) == [("sport", "v", "common")]
    assert cases(notes, "no other interaction", "test") == {"sport": 1}
    assert cases(notes, "too few", "test") == {"cloth": 1}


def test_ratio(spark: SparkSession, events: pd.DataFrame) -> None:
    found, notes = split(
        spark, events, split="ratio", test_share=0.3, validation=False, min_train=3
    )
    size = found.groupby(["domain", "user_id"])["part"].agg(
        n="size", held=lambda part: (part == "test").sum()
    )
    wanted = [min(3 * n // 10, max(n - 3, 0)) for n in size.n]
    assert (size.held <= wanted).all()
    back = sum(cases(notes, "no other interaction", "test").values())
    assert size.held.sum() + back == sum(wanted)
    assert notes["order"] == "random"


def test_time(spark: SparkSession, events: pd.DataFrame) -> None:
    first, second = (FIRST_DAY + 150) * DAY, (FIRST_DAY + 180) * DAY
    found, _ = split(spark, events, split="time", validation_from=first, test_from=second)
    train = found[found.time < first]
    for part, rows in (
        ("validation", found[(found.time >= first) & (found.time < second)]),
        ("test", found[found.time >= second]),
    ):
        known = rows.set_index(["domain", "user_id"]).index.isin(
            train.set_index(["domain", "user_id"]).index
        ) & rows.set_index(["domain", "item_id"]).index.isin(
            train.set_index(["domain", "item_id"]).index
        )
        assert set(rows[known].part) == {part}
        assert set(rows[~known].part) <= {"dropped"}
    assert set(train.part) == {"train"}


def test_time_by_share(spark: SparkSession, events: pd.DataFrame) -> None:
    found, notes = split(spark, events, split="time", test_share=0.25)
    later = (found.time >= notes["test_from"]).mean()
    day_before = (found.time >= notes["test_from"] - DAY).mean()
    assert later <= 0.25 < day_before
    rest = found[found.time < notes["test_from"]]
    assert (rest.time >= notes["validation_from"]).mean() <= 0.25


def test_warm(spark: SparkSession, events: pd.DataFrame) -> None:
    found, notes = split(spark, events, split="warm")
    users = {name: set(rows.user_id) for name, rows in events.groupby("domain")}
    shared = users["sport"] & users["cloth"]
    assert set(found.user_id) == shared
    assert cases(notes, "not in every domain", "all") == {
        name: len(users[name] - shared) for name in DOMAINS
    }
    for part in ("test", "validation"):
        held = found[found.part == part]
        assert (held.groupby(["domain", "user_id"]).size() == 1).all()
        assert len(held) > len(shared)


def test_cold(spark: SparkSession, events: pd.DataFrame) -> None:
    found, notes = split(spark, events, split="cold", test_share=0.2)
    users = events.groupby("user_id")["domain"].nunique()
    shared = set(users[users > 1].index)
    cold: dict[tuple[str, str], set[str]] = {}
    for part in ("test", "validation"):
        for name in DOMAINS:
            held = found[(found.part == part) & (found.domain == name)]
            cold[part, name] = set(held.user_id)
            here = found[(found.domain == name) & found.user_id.isin(cold[part, name])]
            # The complete history, up to what is counted as dropped.
            assert set(here.part) <= {part, "dropped"}
            assert 2 <= len(cold[part, name]) <= 20
    assert set.union(*cold.values()) <= shared
    assert sum(len(who) for who in cold.values()) == len(set.union(*cold.values()))
    dropped = sum(case["count"] for case in notes["cases"])
    assert dropped == (found.part == "dropped").sum()


@pytest.mark.slow
def test_leaks_are_found(spark: SparkSession) -> None:
    def check(rows: list[tuple[str, ...]], split: str) -> None:
        frame = spark.createDataFrame(
            rows, "domain string, user_id string, item_id string, part string"
        )
        check_split(frame, PrepareOptions(split=split))

    train = [("a", "u", "i", "train"), ("a", "v", "j", "train"), ("b", "w", "k", "train")]
    check([*train, ("a", "u", "j", "test")], "warm")
    check([*train, ("a", "w", "j", "test")], "cold")
    for rows, split, said in [
        ([("a", "u", "i", "test")], "warm", "1 .* pairs in two parts"),
        ([("a", "u", "k", "test")], "warm", "1 held-out items without"),
        ([("a", "w", "i", "test")], "warm", "1 held-out users without"),
        ([("a", "u", "j", "test")], "cold", "1 cold users with train data"),
        ([("a", "x", "j", "test")], "cold", "1 held-out users without"),
        ([("a", "w", "i", "test"), ("a", "w", "j", "validation")], "cold", "both test and"),
    ]:
        with pytest.raises(CDIMFError, match=said):
            check([*train, *rows], split)


def test_empty_test_set() -> None:
    sizes: dict[str, dict[str, Any]] = {"sport": {"train": {}, "test": {}}, "cloth": {"train": {}}}
    with pytest.raises(DataError, match="'cloth' has no test interactions after the split"):
        refuse_empty(sizes, PrepareOptions(validation=False))
    with pytest.raises(DataError, match="it takes users whom several domains have"):
        refuse_empty(sizes, PrepareOptions(validation=False, split="cold"))


def test_overlap_and_sizes(spark: SparkSession, events: pd.DataFrame) -> None:
    frame = to_frame(spark, events)
    overlap = count_overlap(frame, DOMAINS)
    sets = events.groupby("user_id")["domain"].agg(lambda d: "+".join(sorted(set(d))))
    group = events.user_id.map(sets)
    expected = {}
    for name, rows in events.groupby(group):
        expected[name] = {
            "users": rows.user_id.nunique(),
            **{d: (len(r), r.item_id.nunique()) for d, r in rows.groupby("domain")},
        }
    found = {
        "+".join(entry["domains"]): {
            "users": entry["users"],
            **{d: (c["interactions"], c["items"]) for d, c in entry["in"].items()},
        }
        for entry in overlap["groups"]
    }
    assert found == expected
    sport = events[events.domain == "sport"]
    cells = sport.user_id.nunique() * sport.item_id.nunique()
    assert overlap["domains"]["sport"]["density"] == pytest.approx(len(sport) / cells)
    assert overlap["domains"]["sport"]["shared_users"] == 50
    parts = count_parts(frame.withColumn("part", F.lit("train")), DOMAINS)
    assert parts["sport"]["train"] == overlap["domains"]["sport"]
