"""The model of one machine against that of Spark: the same data and options, the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.input.validation import annotate
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.errors import DataError
from cdimf_spark.evaluation.groups import GROUPINGS
from cdimf_spark.input_errors import BadRowsError
from cdimf_spark.local.estimator import LocalCDIMF
from cdimf_spark.local.input.pairs import read_pairs
from cdimf_spark.local.model import LocalCDIMFModel
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.helpers import Domains, assert_factors_close
from tests.support.trained_tables import LONG
from tests.support.training_in_memory import CLOSE


@pytest.fixture(scope="module")
def local(domains: Domains) -> LocalCDIMFModel:
    return LocalCDIMF(**asdict(LONG)).fit(domains)


def rows_of(table: RowTable) -> dict[str, np.ndarray]:
    return dict(zip(table.id_texts.to_pylist(), table.factors, strict=True))


def assert_same_lists(found: pd.DataFrame, expected: pd.DataFrame, order: Sequence[str]) -> None:
    """Equal but for the order of the lists and the rounding of scores."""
    assert list(found.columns) == list(expected.columns)
    found, expected = (
        frame.sort_values(list(order), ignore_index=True) for frame in (found, expected)
    )
    np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-5, atol=2e-6)
    pd.testing.assert_frame_equal(found.drop(columns="score"), expected.drop(columns="score"))


def people(domains: Domains, name: str) -> list[str]:
    """Users of a domain, users of others only, and somebody whom nobody knows."""
    own = sorted(set(domains[name]["user_id"]))
    all_users = sorted({user for frame in domains.values() for user in frame["user_id"]})
    return [*own[:5], *[user for user in all_users if user not in own][:6], "nobody"]


def test_tables_are_those_of_the_export(local: LocalCDIMFModel, served: ServingModel) -> None:
    assert local.domains == served.domains
    assert_factors_close(rows_of(local.serving.shared), rows_of(served.shared), **CLOSE)
    for name in served.domains:
        mine, theirs = local.serving.domain(name), served.domain(name)
        for side in ("items", "users", "exchanged"):
            found, expected = getattr(mine, side), getattr(theirs, side)
            assert_factors_close(rows_of(found), rows_of(expected), **CLOSE)
            np.testing.assert_array_equal(found.keys, expected.keys)
            if side != "exchanged":
                np.testing.assert_array_equal(found.marks, expected.marks)
            np.testing.assert_allclose(found.gram, expected.gram, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(found.sum, expected.sum, rtol=1e-5, atol=1e-5)
        assert mine.manifest == theirs.manifest


def test_history(local: LocalCDIMFModel, model: CDIMFModel) -> None:
    found, expected = (one.history.to_pandas().drop(columns="seconds") for one in (local, model))
    assert set(found) == set(expected)
    np.testing.assert_allclose(found[list(expected)], expected, rtol=1e-5, atol=1e-6)
    losses = [
        {one["domain"]: one["loss"] for one in history["iterations"][-1]["domains"]}
        for history in (local.history, model.history)
    ]
    assert losses[0] == pytest.approx(losses[1])


def test_lists_of_users(
    spark: SparkSession, local: LocalCDIMFModel, model: CDIMFModel, domains: Domains
) -> None:
    name = "films"
    users, items = people(domains, name), sorted(set(domains[name]["item_id"]))
    pairs = pd.DataFrame({"user_id": users[:3], "item_id": items[3:6]})
    order = ["user_id", "rank"]
    found = local.recommend(name, users, k=4, deny=items[:2], deny_pairs=pairs)
    expected = model.recommend(
        name, users, k=4, deny=items[:2], deny_pairs=spark.createDataFrame(pairs)
    )
    assert_same_lists(found, expected.toPandas(), order)
    assert set(found["source"]) == {"own", "shared", "foreign", "popular"}
    assert list(dict.fromkeys(found["user_id"])) == users
    found = local.recommend(name, k=3, allow=items[5:15], keep_seen=True)
    expected = model.recommend(name, k=3, allow=items[5:15], keep_seen=True)
    assert_same_lists(found, expected.toPandas(), order)


@pytest.mark.slow
def test_what_is_alike_and_users_for_items(
    local: LocalCDIMFModel, model: CDIMFModel, domains: Domains
) -> None:
    name = "games"
    users, items = people(domains, name), sorted(set(domains[name]["item_id"]))[:4]
    assert_same_lists(
        local.similar_users(name, users, k=3),
        model.similar_users(name, users, k=3).toPandas(),
        ["user_id", "rank"],
    )
    assert_same_lists(
        local.similar_items(name, items, k=3),
        model.similar_items(name, items, k=3).toPandas(),
        ["item_id", "rank"],
    )
    assert_same_lists(
        local.users_for_items(name, items, k=3),
        model.users_for_items(name, items, k=3).toPandas(),
        ["item_id", "rank"],
    )


@pytest.mark.parametrize("negatives", [7, pytest.param("all", marks=pytest.mark.slow)])
def test_evaluation_draws_the_same_and_finds_the_same(
    spark: SparkSession,
    local: LocalCDIMFModel,
    model: CDIMFModel,
    domains: Domains,
    negatives: Any,
) -> None:
    tests = held_out(domains)
    options: dict[str, Any] = {"k": (3, 5), "negatives": negatives, "seed": 4, "by": GROUPINGS}
    frames = {name: spark.createDataFrame(frame) for name, frame in tests.items()}
    expected = model.evaluate(frames, **options)
    assert local.evaluate(tests, **options) == expected
    assert all(found["n_test"] > 50 for found in expected["domains"].values())
    assert {found["sources"]["foreign"] > 0 for found in expected["domains"].values()} == {True}


def held_out(domains: Domains) -> Domains:
    """Random pairs, some of them in train, some of unknown users and items."""
    rng, tests = np.random.default_rng(3), {}
    users = sorted({user for frame in domains.values() for user in frame["user_id"]})
    for name, frame in domains.items():
        items = [*sorted(set(frame["item_id"])), "nowhere"]
        rows = {"user_id": rng.choice([*users, "nobody"], 90), "item_id": rng.choice(items, 90)}
        tests[name] = pd.DataFrame(rows)
    return tests


@pytest.mark.slow
def test_explanations(
    spark: SparkSession, local: LocalCDIMFModel, model: CDIMFModel, domains: Domains
) -> None:
    name = "books"
    frame = domains[name]
    users, item = sorted(set(frame["user_id"]))[:4], frame["item_id"].iloc[0]
    pairs = spark.createDataFrame(
        [(user, item) for user in users], "user_id string, item_id string"
    )
    for row in model.explain(name, pairs, count=3).collect():
        found = local.explain(name, row.user_id, item)
        for part in ("score", "own", "consensus", "prior", "remainder"):
            assert getattr(found, part) == pytest.approx(row[part], rel=1e-4, abs=1e-5), part
        assert found.pull == row.pull
        listed, expected = found.contributions[:3], row.contributions
        assert [one.item_id for one in listed] == [one.item_id for one in expected]
        sizes = [one.contribution for one in expected]
        assert [one.contribution for one in listed] == pytest.approx(sizes, rel=1e-4)


def test_an_export_of_spark_opens_but_has_no_interactions(
    model: CDIMFModel, served: ServingModel, domains: Domains
) -> None:
    assert isinstance(served.path, Path)
    opened, name = LocalCDIMFModel.open(served.path), "films"
    users = people(domains, name)
    assert_same_lists(
        opened.recommend(name, users, k=3, keep_seen=True),
        model.recommend(name, users, k=3, keep_seen=True).toPandas(),
        ["user_id", "rank"],
    )
    for ask in (lambda: opened.recommend(name, k=3), lambda: opened.evaluate(held_out(domains), 3)):
        with pytest.raises(DataError, match="this export has no interactions"):
            ask()


def test_the_same_rows_are_refused_for_the_same_reasons(spark: SparkSession) -> None:
    weights = ["1", " 2.5 ", "1e3", "-1", "nan", "inf", "1d", "0x10", "many", "", "4e38", "1,5"]
    texts = pd.DataFrame({"user_id": "anna", "item_id": "ball", "weight": [*weights, None]})
    numbers = pd.DataFrame({"user_id": [1.0, 2.5, np.nan, -3.0], "item_id": 7})
    blank = pd.DataFrame(
        {"user_id": ["a", " ", "", None, "\t"], "item_id": ["", "b", "c", "d", "e"]}
    )
    for frame in (texts, numbers, blank):
        known = annotate(spark.createDataFrame(frame), "sport").collect()
        expected = [(row.user_id, row.problem and row.problem.reason) for row in known]
        found = [read_one(frame.iloc[[n]]) for n in range(len(frame))]
        reasons = [reason for _, reason in expected]
        assert [reason for _, reason in found] == reasons
        assert len({reason for reason in reasons if reason}) > 1
        assert [user for user, reason in found if not reason] == [
            user for user, reason in expected if not reason
        ]


def read_one(frame: pd.DataFrame) -> tuple[str | None, str | None]:
    try:
        pairs = read_pairs(frame, "sport")
    except BadRowsError as error:
        return None, error.problem
    return pairs.users[int(pairs.user_codes[0])].as_py(), None
