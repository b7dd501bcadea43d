"""Rare users and items: the passes and the k-core against a plain pandas loop."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.preparation.filters import filter_k_core, filter_once

USERS, ITEMS = {"a": 4, "b": 2}, {"a": 3, "b": 5}


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "domain": rng.choice(["a", "b"], 600),
            "user_id": [f"u{n}" for n in rng.geometric(0.03, 600)],
            "item_id": [f"i{n}" for n in rng.geometric(0.04, 600)],
        }
    )
    return frame.drop_duplicates().reset_index(drop=True)


def drop_rare(frame: pd.DataFrame, key: str, least: dict[str, int]) -> pd.DataFrame:
    counts = frame.groupby(["domain", key])["domain"].transform("size")
    return frame[counts >= frame["domain"].map(least)]


def k_core(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    rounds = 0
    while True:
        rounds += 1
        rest = drop_rare(drop_rare(frame, "user_id", USERS), "item_id", ITEMS)
        if len(rest) == len(frame):
            return rest, rounds
        frame = rest


def rows(frame: DataFrame | pd.DataFrame) -> list[tuple[str, ...]]:
    if isinstance(frame, pd.DataFrame):
        return sorted(frame.itertuples(index=False, name=None))
    return sorted(tuple(row) for row in frame.collect())


def test_one_pass_each_in_both_orders(spark: SparkSession, pairs: pd.DataFrame) -> None:
    frame = spark.createDataFrame(pairs)
    users_first = drop_rare(drop_rare(pairs, "user_id", USERS), "item_id", ITEMS)
    items_first = drop_rare(drop_rare(pairs, "item_id", ITEMS), "user_id", USERS)
    assert len(users_first) != len(items_first)
    assert rows(filter_once(frame, USERS, ITEMS)) == rows(users_first)
    assert rows(filter_once(frame, USERS, ITEMS, users_first=False)) == rows(items_first)


def test_k_core(spark: SparkSession, pairs: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    expected, rounds = k_core(pairs)
    assert 0 < len(expected) < len(pairs)
    assert rounds > 2
    with caplog.at_level(logging.INFO, logger="cdimf_spark"):
        found = filter_k_core(spark.createDataFrame(pairs), USERS, ITEMS)
    assert rows(found) == rows(expected)
    assert f"round {rounds}: {len(expected)} of {len(expected)} interactions left" in caplog.text


def test_a_chain_falls_to_nothing(spark: SparkSession) -> None:
    chain = [("a", f"u{n}", f"i{m}") for n in range(6) for m in (n, n + 1)]
    frame = spark.createDataFrame(chain, "domain string, user_id string, item_id string")
    assert filter_k_core(frame, {"a": 2}, {"a": 2}).isEmpty()
