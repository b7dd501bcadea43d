"""What a training writes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output.runs import Run, last_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training import beginning, trainer
from cdimf_spark.distributed.training.checked_output import check_output
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.distributed.training.steps.sums import Sums
from cdimf_spark.errors import ConfigurationError, DataError, NumericalError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.schemas import HISTORY, ITEM_FACTORS, SHARED_FACTORS, USER_FACTORS
from cdimf_spark.solver.iteration_metrics import iteration_metrics
from tests.support.helpers import Domains, assert_factors_close, factors_by_id, to_spark
from tests.support.trained_tables import (
    LONG,
    config_of,
    iterations_in,
    log_version,
    published,
    read,
)
from tests.support.training_in_memory import CLOSE, assert_same_training, train_on_one_machine


def test_published_factors(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    output, run = at_once
    found = {
        kind: factors_by_id(read(spark, output, f"{kind}_factors"))
        for kind in ("user", "item", "shared")
    }
    assert_same_training(found, run, *train_on_one_machine(domains, LONG))
    assert run.published == run.iteration == 4


def test_published_schemas(spark: SparkSession, at_once: tuple[Path, Run]) -> None:
    expected = {
        "user_factors": USER_FACTORS,
        "item_factors": ITEM_FACTORS,
        "shared_factors": SHARED_FACTORS,
        "history": HISTORY,
    }
    for table, ddl in expected.items():
        schema = read(spark, at_once[0], table).schema
        assert schema.simpleString() == spark.createDataFrame([], ddl).schema.simpleString()


def test_history(spark: SparkSession, at_once: tuple[Path, Run]) -> None:
    output, run = at_once
    rows = read(spark, output, "history").orderBy("iteration").collect()
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4]
    for row, metrics in zip(rows, run.iterations, strict=True):
        values = row.asDict(recursive=True)
        domain_rows = values.pop("domains")
        assert values == {name: metrics[name] for name in values}
        assert domain_rows == metrics["domains"]
        assert 0 < row["seconds"] < 600
        assert row["explained"] < 1
    # A consensus only every other iteration.
    assert [row["shared_norm"] > 0 for row in rows] == [False, True, False, True]


def test_only_shared_users_are_exchanged(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    table = read(spark, at_once[0], "exchange").toArrow()
    assert set(table.column("kind").to_pylist()) == {"exchange", "exchange_keys"}
    users = {name: set(frame["user_id"]) for name, frame in domains.items()}
    for name in domains:
        others = set().union(*(users[other] for other in domains if other != name))
        sent = set(decode(table, "exchange_keys", domain=name, iteration=4).tolist())
        assert sent == set(id_keys(sorted(users[name] & others)).tolist())
    own = read(spark, at_once[0], "state").where("kind = 'x_own' AND iteration = 4").toArrow()
    for name in domains:
        others = set().union(*(users[other] for other in domains if other != name))
        assert len(decode(own, "x_own", domain=name)) == 8 * len(users[name] - others)


def test_an_output_folder_with_something_else_is_left_alone(
    spark: SparkSession, domains: Domains, tmp_path: Path
) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(ConfigurationError, match="has files but is not the output of a training"):
        train(spark, to_spark(spark, domains), config_of(domains, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    assert (tmp_path / "thesis.doc").read_text() == "years of work"


def test_what_a_first_commit_left_is_not_something_else(
    spark: SparkSession, domains: Domains, tmp_path: Path
) -> None:
    config = config_of(domains, tmp_path)
    check_output(spark, config).claim()
    (tmp_path / "blocks" / "side=user" / "domain=a").mkdir(parents=True)
    (tmp_path / "blocks" / "side=user" / "domain=a" / "part-00000.parquet").write_text("cut off")
    check_output(spark, config)
    (tmp_path / "blocks" / "notes.txt").write_text("not ours")
    with pytest.raises(ConfigurationError, match=r"has 'blocks/notes\.txt' where a table"):
        check_output(spark, config)
    shutil.rmtree(tmp_path / "_cdimf_spark")
    with pytest.raises(ConfigurationError, match="has files but is not the output of a training"):
        check_output(spark, config)


def test_bad_data_leave_the_output_alone(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    output, _ = at_once
    before, version = published(spark, output), log_version(spark, output, "runs")
    frame = domains["books"].copy()
    frame.loc[3, "weight"] = -1.0
    data = to_spark(spark, {**domains, "books": frame})
    with pytest.raises(DataError, match="books"):
        train(spark, data, config_of(domains, output))
    assert published(spark, output) == before
    assert log_version(spark, output, "runs") == version


@pytest.mark.slow
def test_a_second_training_replaces_the_first(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # A Delta table can be copied as a folder, and the first training is for other tests too.
    output, first = tmp_path / "model", at_once[1]
    shutil.copytree(at_once[0], output)
    fewer = {name: domains[name] for name in ("books", "films")}
    config = config_of(fewer, output, rank=4, max_iter=1, aggregation_period=1)
    second = train(spark, to_spark(spark, fewer), config)
    assert second.run_id != first.run_id
    # It was replaced without a word, though it had another domain.
    assert f"the model of run {first.run_id} (domains books, films, games)" in caplog.text
    found = {
        kind: factors_by_id(read(spark, output, f"{kind}_factors"))
        for kind in ("user", "item", "shared")
    }
    assert_same_training(found, second, *train_on_one_machine(fewer, config.model))
    assert read(spark, output, "history").count() == 1
    for table in ("blocks", "exchange", "consensus", "state"):
        runs = read(spark, output, table).select("run_id").distinct().collect()
        assert [row[0].partition(".")[0] for row in runs] == [second.run_id]
    assert iterations_in(spark, output, "exchange") == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [{"loss": float("nan")}, pytest.param({"explained": -1e4}, marks=pytest.mark.long)]
)
def test_a_breakdown_publishes_the_last_good_iteration(
    spark: SparkSession,
    domains: Domains,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, float],
) -> None:
    config = config_of(domains, tmp_path / "model")

    def break_down(sums: Sums) -> dict[str, Any]:
        calls.append(1)
        return iteration_metrics(sums) | (wrong if len(calls) == 3 else {})

    calls: list[int] = []
    monkeypatch.setattr(trainer, "iteration_metrics", break_down)
    words = r"iteration 3: the loss is (nan,|.* -10000\.).*The model of iteration 2 is published"
    with pytest.raises(NumericalError, match=words):
        train(spark, to_spark(spark, domains), config)
    model = CDIMFModel.load(config.output, spark)
    published = last_run(OutputTables(spark, config.output))
    assert published is not None
    assert published.published == len(model.history["iterations"]) == 2
    expected, _ = train_on_one_machine(domains, replace(LONG, max_iter=2))
    assert_factors_close(model.user_factors, expected["user"], **CLOSE)
    assert_factors_close(model.item_factors, expected["item"], **CLOSE)


def test_a_model_of_another_version_can_be_replaced(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of the earlier model must not need options that this version may not know."""
    tables: Any = None
    details = {"config": {"an_option_of_old": 1}, "data": {"books": [1, 2, 3]}}
    monkeypatch.setattr(beginning, "last_run", lambda *_, **__: Run(tables, "old", details))
    beginning._tell_what_is_replaced(tables, TrainConfig())
    assert "the model of run old (domains books) is replaced" in caplog.text
