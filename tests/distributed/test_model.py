"""A published model opens from its folder; anything else is one clear error."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.scoring.baselines import popularity, separate_als
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.distributed.scoring.scorer import Scorer
from cdimf_spark.distributed.tables import OutputTables
from cdimf_spark.distributed.training.runs import STARTED, new_run
from cdimf_spark.errors import BadRowsError, ConfigurationError, DataError, EmptyInputError
from tests.distributed.planted import (
    Planted,
    expected_metrics,
    planted_tables,
    random_model,
    tests_frame,
    write_model,
)

PLANTED, TESTS = random_model(np.random.default_rng(21))


@pytest.fixture(scope="module")
def model(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> CDIMFModel:
    path = str(tmp_path_factory.mktemp("models") / "shops")
    write_model(spark, PLANTED, path)
    return CDIMFModel.load(path)


def test_tables_and_options(model: CDIMFModel) -> None:
    assert model.domains == ("cloth", "sport")
    assert model.rank == 2
    assert model.config.model.max_iter == 1
    assert model.user_factors.count() == sum(map(len, PLANTED.users.values()))
    assert model.item_factors.count() == sum(map(len, PLANTED.items.values()))
    assert model.shared_factors.count() == len(PLANTED.shared)
    assert "seconds" in model.history.columns


def test_evaluates_one_frame_with_a_domain_column(spark: SparkSession, model: CDIMFModel) -> None:
    found = model.evaluate(tests_frame(spark, TESTS), k=3, negatives=5, seed=4)
    for domain, metrics in found["domains"].items():
        expected = expected_metrics(PLANTED, domain, TESTS[domain], 3, 5, 4)
        assert metrics["hr"] == pytest.approx(expected["hr"])
        assert metrics["sources"] == expected["sources"]


def test_recommends_to_a_list_of_users(model: CDIMFModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = model.recommend("sport", users=["u0", "u20", "stranger"], k=2)
    assert "1 user whom no domain knows" in caplog.text
    rows = found.orderBy("user_id", "rank").collect()
    assert [(row.user_id, row.rank, row.source) for row in rows] == [
        ("u0", 1, "own"),
        ("u0", 2, "own"),
        ("u20", 1, "foreign"),
        ("u20", 2, "foreign"),
    ]


def test_whole_numbers_as_ids(spark: SparkSession) -> None:
    users = {"shop": {"1": [1.0, 0.0], "2": [0.0, 1.0]}}
    items = {"shop": {str(n): [float(n), -float(n)] for n in range(5)}}
    planted = Planted(users, items, {"shop": [("1", "4"), ("2", "0")]})
    scorer = Scorer(planted_tables(spark, planted))
    tests = spark.createDataFrame([(1, 3), (2, 1)], "user_id long, item_id long")
    assert scorer.evaluate({"shop": tests}, k=1, negatives="all")["domains"]["shop"]["hr"] == 1
    ids = scorer.recommend("shop", users=tests.select("user_id"), k=1).select("user_id", "item_id")
    assert sorted(map(tuple, ids.collect())) == [("1", "3"), ("2", "1")]


def test_popularity_ranks_by_interactions_on_the_same_rows(
    spark: SparkSession, model: CDIMFModel
) -> None:
    baseline = popularity(model)
    counts = {
        (d, i): sum(item == i for _, item in PLANTED.train[d])
        for d in PLANTED.domains
        for i in PLANTED.items[d]
    }
    rows = baseline.item_factors.select("domain", "item_id", F.col("factors")[0]).collect()
    assert {(d, i): n for d, i, n in rows} == {key: n for key, n in counts.items() if n}
    # Items of train only: a training has no others.
    tests = {d: [p for p in pairs if counts.get((d, p[1]))] for d, pairs in TESTS.items()}
    everybody = {d: {user: [1.0] for user in PLANTED.users[d]} for d in PLANTED.domains}
    items = {
        d: {i: [float(counts[d, i])] for i in PLANTED.items[d] if counts[d, i]}
        for d in PLANTED.domains
    }
    shared = {user: [1.0] for user in PLANTED.shared}
    popular = Planted(everybody, items, PLANTED.train, shared)
    found = baseline.evaluate(tests_frame(spark, tests), k=3, negatives="all")
    for domain, metrics in found["domains"].items():
        expected = expected_metrics(popular, domain, tests[domain], 3, "all", 0)
        for name in ("hr", "ndcg", "mrr", "coverage", "n_test", "n_skipped"):
            assert metrics[name] == pytest.approx(expected[name]), name


def test_separate_als_knows_the_same_users(model: CDIMFModel) -> None:
    baseline = separate_als(model)
    rows = baseline.user_factors.collect()
    trained = {(d, u) for d, pairs in PLANTED.train.items() for u, _ in pairs}
    assert {(row.domain, row.user_id) for row in rows} == trained
    assert np.isfinite([row.factors for row in rows]).all()
    assert any(any(row.factors) for row in rows)
    nothing = baseline.tables.shared
    assert nothing is not None
    assert {tuple(row.factors) for row in nothing.collect()} == {(0.0, 0.0)}


@pytest.mark.parametrize("started", [False, True])
def test_folder_without_a_model(spark: SparkSession, tmp_path: Path, started: bool) -> None:
    path = str(tmp_path / "x")
    if started:
        new_run(OutputTables(spark, path), {}).write(STARTED, 0, {})
    with pytest.raises(DataError, match=r"no published model in .*/x"):
        CDIMFModel(spark, path)


def test_errors_of_evaluate(spark: SparkSession, model: CDIMFModel) -> None:
    good = spark.createDataFrame([("u0", "s0")], "user_id string, item_id string")
    for tests, error, words in (
        ({"sprot": good}, ConfigurationError, "no domain 'sprot': did you mean 'sport'"),
        ({}, DataError, "no test row"),
        (good, ConfigurationError, "one frame with a column 'domain'"),
        ({"sport": good.limit(0)}, EmptyInputError, "'sport'"),
        ({"sport": good.selectExpr("user_id", "'' AS item_id")}, BadRowsError, "item_id is empty"),
    ):
        with pytest.raises(error, match=words):
            model.evaluate(tests, negatives=5)  # type: ignore[arg-type]


def test_errors_of_recommend(spark: SparkSession, model: CDIMFModel) -> None:
    with pytest.raises(ConfigurationError, match="no domain 'clot': did you mean 'cloth'"):
        model.recommend("clot")
    with pytest.raises(DataError, match="list of users is empty"):
        model.recommend("cloth", users=[])
    with pytest.raises(DataError, match="no column 'user_id'; present: id"):
        model.recommend("cloth", users=spark.range(1))


def test_only_unknown_users_are_an_error(spark: SparkSession) -> None:
    planted = Planted({"shop": {"1": [1.0, 0.0]}}, {"shop": {"a": [1.0, 0.0]}}, {"shop": []})
    planted.train["shop"].append(("1", "a"))
    scorer = Scorer(planted_tables(spark, planted))
    with pytest.raises(DataError, match="no domain knows any of the 2 users, the first is 'x'"):
        scorer.recommend("shop", users=["y", "x"], k=1)
