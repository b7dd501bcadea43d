"""Lists of items to leave out, users for items, and similar rows, against plain loops."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.scorer import Scorer
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.kernel.initialization import id_keys
from tests.support.planted import random_model
from tests.support.planted_tables import planted_tables

PLANTED, _ = random_model(np.random.default_rng(31))
ITEMS, USERS = PLANTED.items["sport"], PLANTED.users["sport"]
SEEN = set(PLANTED.train["sport"])


def key(one: str) -> int:
    return int(id_keys([one])[0])


@pytest.fixture(scope="module")
def scorer(spark: SparkSession) -> Scorer:
    return Scorer(planted_tables(spark, PLANTED))


def lists(frame: DataFrame) -> dict[str, list[tuple[str, float]]]:
    """What each first column's id got, best first."""
    found: dict[str, list[tuple[str, float]]] = {}
    first, _, second, *_ = frame.columns
    for row in frame.orderBy(first, "rank").collect():
        found.setdefault(row[first], []).append((row[second], row["score"]))
        assert row["rank"] == len(found[row[first]])
    return found


def best(scores: dict[str, float], k: int) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda pair: (-pair[1], key(pair[0])))[:k]


def dot(one: list[float], other: list[float]) -> float:
    return float(np.dot(one, other))


def cosine(one: list[float], other: list[float]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return dot(one, other) / lengths if lengths else 0.0


@pytest.mark.parametrize("users", [None, pytest.param(["u0", "u3", "u20"], marks=pytest.mark.slow)])
def test_allow_deny_pairs_and_seen(
    spark: SparkSession, scorer: Scorer, users: list[str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    allow, deny = [f"s{n}" for n in range(12)], ["s2", "s5", "nowhere"]
    denied = {("u0", "s1"), ("u3", "s4"), ("u9", "s0"), ("u20", "s3")}
    pairs = spark.createDataFrame(sorted(denied), "user_id string, item_id string")
    with caplog.at_level(logging.WARNING):
        found = lists(scorer.recommend("sport", users, 4, allow=allow, deny=deny, deny_pairs=pairs))
    assert "does not have 1 of 3 items, the first is 'nowhere'" in caplog.text
    assert set(found) == set(users or USERS)
    for user, items in found.items():
        row, _ = PLANTED.row_of("sport", user) or ([], "")
        expected = {
            item: dot(row, ITEMS[item])
            for item in set(allow) - set(deny)
            if (user, item) not in SEEN | denied
        }
        assert items == best(expected, 4), user


def test_seen_items_on_request_and_only_denied_ones_left_out(scorer: Scorer) -> None:
    found = lists(scorer.recommend("sport", ["u0"], 40, deny=["s7"], keep_seen=True))["u0"]
    scores = {item: dot(USERS["u0"], row) for item, row in ITEMS.items() if item != "s7"}
    assert found == best(scores, 40)


def test_users_for_items(scorer: Scorer) -> None:
    found = lists(scorer.users_for_items("sport", ["s0", "s1", "x"], k=5))
    for item in ("s0", "s1"):
        scores = {u: dot(row, ITEMS[item]) for u, row in USERS.items() if (u, item) not in SEEN}
        assert found.pop(item) == best(scores, 5)
    assert not found


@pytest.mark.parametrize("kind", ["items", "users"])
def test_similar_rows(scorer: Scorer, kind: str) -> None:
    rows = ITEMS if kind == "items" else USERS
    asked = sorted(rows)[:3]
    function = scorer.similar_items if kind == "items" else scorer.similar_users
    found = lists(function("sport", [*asked, "stranger"], 6))
    assert sorted(found) == asked
    for one in asked:
        scores = {other: cosine(rows[one], row) for other, row in rows.items() if other != one}
        values = [score for _, score in found[one]]
        assert values == pytest.approx([score for _, score in best(scores, 6)], abs=1e-6)
        assert [scores[other] for other, _ in found[one]] == pytest.approx(values, abs=1e-6)


def test_errors(scorer: Scorer) -> None:
    with pytest.raises(DataError, match="list of items to deny: domain 'sport' has none of the 1"):
        scorer.recommend("sport", deny=["x"])
    with pytest.raises(DataError, match="no item of domain 'books' is left"):
        scorer.recommend("books", k=1, deny=list(PLANTED.items["books"]))
    with pytest.raises(DataError, match="list of items is empty"):
        scorer.similar_items("sport", [])
    with pytest.raises(ConfigurationError, match="the number of users of domain 'sport'"):
        scorer.users_for_items("sport", ["s0"], k=1000)
