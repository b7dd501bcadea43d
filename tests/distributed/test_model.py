"""A published model opens from its folder; anything else is one clear error."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.baselines.baselines import separate_als
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output.runs import STARTED, new_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scorer import Scorer
from cdimf_spark.distributed.training import resuming
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.input_errors import BadRowsError, EmptyInputError
from cdimf_spark.kernel.initialization import id_keys
from tests.support.planted import Planted, expected_metrics, random_model, tests_frame
from tests.support.planted_tables import planted_tables, write_model

PLANTED, TESTS = random_model(np.random.default_rng(21))
PLANTED = PLANTED.trained_items()


@pytest.fixture(scope="module")
def model(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> CDIMFModel:
    path = str(tmp_path_factory.mktemp("models") / "shops")
    write_model(spark, PLANTED, path)
    return CDIMFModel.load(path)


def test_tables_and_options(model: CDIMFModel) -> None:
    assert model.domains == ("books", "cloth", "films", "sport")
    assert model.rank == 2
    assert model.config.model.max_iter == 1
    assert model.user_factors.count() == sum(map(len, PLANTED.users.values()))
    assert model.item_factors.count() == sum(map(len, PLANTED.items.values()))
    assert model.shared_factors.count() == len(PLANTED.shared)
    assert "seconds" in model.history.to_pandas()


def test_evaluates_one_frame_with_a_domain_column(spark: SparkSession, model: CDIMFModel) -> None:
    found = model.evaluate(tests_frame(spark, TESTS), k=3, negatives=5, seed=4)
    for domain, metrics in found["domains"].items():
        expected = expected_metrics(PLANTED, domain, TESTS[domain], 3, 5, 4)
        assert metrics["hr"] == pytest.approx(expected["hr"])
        assert metrics["sources"] == expected["sources"]


def test_recommends_to_a_list_of_users(model: CDIMFModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = model.recommend("sport", users=["u0", "u20", "stranger"], k=2)
    assert "1 user of 3 whom no domain knows get what is popular" in caplog.text
    rows = found.orderBy("user_id", "rank").collect()
    assert [(row.user_id, row.rank, row.source) for row in rows] == [
        ("stranger", 1, "popular"),
        ("stranger", 2, "popular"),
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


@pytest.mark.slow
def test_popularity_ranks_by_interactions_on_the_same_rows(
    spark: SparkSession, model: CDIMFModel
) -> None:
    baseline = model.baseline("popularity")
    everybody = {d: {user: [1.0] for user in PLANTED.users[d]} for d in PLANTED.domains}
    items = {
        d: {i: [float(PLANTED.count(d, i))] for i in PLANTED.items[d]} for d in PLANTED.domains
    }
    popular = Planted(everybody, items, PLANTED.train, {user: [1.0] for user in PLANTED.shared})
    found = baseline.evaluate(tests_frame(spark, TESTS), k=3, negatives="all")
    for domain, metrics in found["domains"].items():
        expected = expected_metrics(popular, domain, TESTS[domain], 3, "all", 0)
        for name in ("hr", "ndcg", "mrr", "coverage", "n_test", "n_skipped"):
            assert metrics[name] == pytest.approx(expected[name]), name


@pytest.mark.slow
def test_separate_als_knows_the_same_users(spark: SparkSession, model: CDIMFModel) -> None:
    def evaluated(scorer: Scorer) -> dict[str, Any]:
        found = scorer.evaluate(tests_frame(spark, TESTS), k=3, negatives="all")
        by_domain: dict[str, Any] = found["domains"]
        return by_domain

    tables = separate_als(PublishedModel(spark, model.path))
    table = tables.users.where("kind IN ('factors', 'keys')").toArrow()
    for domain in PLANTED.domains:
        factors = decode_matrix(table, "factors", 2, domain=domain)
        users = {user for user, _ in PLANTED.train[domain]}
        assert sorted(decode(table, "keys", domain=domain)) == sorted(id_keys(sorted(users)))
        assert np.isfinite(factors).all()
        assert len(factors) == len(users)
        assert factors.any()
    ranked = {d: metrics["sources"] for d, metrics in evaluated(Scorer(tables)).items()}
    assert ranked == {d: metrics["sources"] for d, metrics in evaluated(model).items()}


@pytest.mark.parametrize("started", [False, True])
def test_folder_without_a_model(spark: SparkSession, tmp_path: Path, started: bool) -> None:
    path = str(tmp_path / "x")
    if started:
        new_run(OutputTables(spark, path), {}).write(STARTED, 0, {})
    with pytest.raises(DataError, match=r"no published model in .*/x"):
        CDIMFModel.load(path, spark)


def test_a_model_of_another_format_says_so(
    spark: SparkSession, model: CDIMFModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "STATE_FORMAT", resuming.STATE_FORMAT + 1)
    words = r"cannot open the model of run .*: its tables have format \d .*, or train again"
    with pytest.raises(ConfigurationError, match=words):
        CDIMFModel.load(model.path, spark)


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
            model.evaluate(tests, negatives=5)


def test_errors_of_recommend(spark: SparkSession, model: CDIMFModel) -> None:
    with pytest.raises(ConfigurationError, match="no domain 'clot': did you mean 'cloth'"):
        model.recommend("clot")
    with pytest.raises(DataError, match="list of users is empty"):
        model.recommend("cloth", users=[])
    with pytest.raises(DataError, match="no column 'user_id'; present: id"):
        model.recommend("cloth", users=spark.range(1))


def test_only_unknown_users_get_a_warning_that_says_so(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    planted = Planted({"shop": {"1": [1.0, 0.0]}}, {"shop": {"a": [1.0, 0.0]}}, {"shop": []})
    planted.train["shop"].append(("1", "a"))
    scorer = Scorer(planted_tables(spark, planted))
    with caplog.at_level(logging.WARNING):
        rows = scorer.recommend("shop", users=["y", "x"], k=1).orderBy("user_id").collect()
    assert "2 users of 2 whom no domain knows" in caplog.text
    assert "the first is 'x': are their ids those of the training?" in caplog.text
    assert [tuple(row) for row in rows] == [(u, 1, "a", 1.0, "popular") for u in "xy"]


def test_a_model_saved_without_spark_is_named_as_such(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(DataError, match=r"open it in Python with LocalCDIMFModel\.open"):
        CDIMFModel.load(tmp_path, spark)
