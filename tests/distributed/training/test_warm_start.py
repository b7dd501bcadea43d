"""A training that starts from an earlier model equals the one-machine one that does."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.distributed.training.steps.warm_start import EarlierModel
from cdimf_spark.errors import CDIMFError, ConfigurationError, DataError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.solver.earlier import EarlierRows, KeyedRows
from cdimf_spark.solver.local import train_local
from tests.support.helpers import Domains, assert_factors_close, factors_by_id, to_local, to_spark
from tests.support.trained_tables import config_of, read
from tests.support.training_in_memory import CLOSE, configs_of


def next_day(domains: Domains) -> Domains:
    """Users, items and a whole domain come and go."""
    books, films = domains["books"], domains["films"]
    books = books[books["user_id"] != books["user_id"].iloc[0]]
    new = pd.DataFrame([("new", "i1", 1.0), ("new", "i77", 2.0)], columns=books.columns[:3])
    plays = films.sample(frac=0.5, random_state=1).assign(item_id=lambda f: "p" + f["item_id"])
    return {"books": pd.concat([books, new]), "films": films, "plays": plays}


def rows_of(spark: SparkSession, output: Path) -> EarlierRows:
    """What the published table says, read without the package."""
    table = factors_by_id(read(spark, output, "user_factors"))
    domains = {}
    for name in {name for name, _ in table}:
        rows = {user: row for (domain, user), row in table.items() if domain == name}
        keys = id_keys(list(rows))
        order = np.argsort(keys)
        domains[name] = KeyedRows(keys[order], np.array(list(rows.values()), np.float32)[order])
    return EarlierRows(domains, frozenset(domains))


@pytest.mark.slow
def test_equals_one_machine(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    data, earlier = next_day(domains), at_once[0]
    config = config_of(data, tmp_path / "model", aggregation_period=1, max_iter=2)
    train(spark, to_spark(spark, data), replace(config, warm_start=str(earlier)))
    local = to_local(data, configs_of(data))
    expected = train_local(local, config.model, rows_of(spark, earlier))
    without = train_local(local, config.model)
    found = factors_by_id(read(spark, tmp_path / "model", "user_factors"))
    for name, one in local.items():
        mine = {user: found[name, user] for user in one.user_ids}
        rows = dict(zip(one.user_ids, expected.user_factors[name], strict=True))
        assert_factors_close(mine, rows, **CLOSE)
        assert np.abs(expected.user_factors[name] - without.user_factors[name]).max() > 1e-2
    # All but the new user, who is in no domain of the earlier model.
    n_users = len(local["books"].user_ids)
    assert f"domain=books users={n_users} known={n_users - 1}" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rank": 9}, ConfigurationError, "that model has rank 8, this training 9"),
        ({"schedule": "paper"}, ConfigurationError, "schedule paper starts from random items"),
        ({"warm_start": "nowhere"}, DataError, "no published model in '.*nowhere'"),
        ({"domain": "toys"}, ConfigurationError, "has the domains books, films, games, and none"),
    ],
)
def test_models_that_do_not_fit(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    options: dict[str, Any],
    error: type[CDIMFError],
    words: str,
) -> None:
    named = {options.pop("domain", "books"): domains["books"]}
    start = str(at_once[0].parent / options.pop("warm_start", at_once[0].name))
    config = replace(config_of(named, tmp_path / "model", **options), warm_start=start)
    with pytest.raises(error, match=words):
        train(spark, to_spark(spark, named), config)
    assert OutputTables(spark, config.output).find("blocks") is None


def test_a_start_that_was_replaced_is_refused(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    config = replace(config_of(domains, Path("x")), warm_start=str(at_once[0]))
    found = EarlierModel.find(spark, config, None)
    assert found is not None
    stopped = Run(None, "run-7", {"earlier_run": found.run_id})  # type: ignore[arg-type]
    assert EarlierModel.find(spark, config, stopped) is not None
    stopped.details["earlier_run"] = "run-1"
    with pytest.raises(
        ConfigurationError, match="run run-7: it started from the model of run run-1"
    ):
        EarlierModel.find(spark, config, stopped)
    # After its first consensus the run has all that it needs.
    stopped.iterations = [{}] * config.model.aggregation_period
    assert EarlierModel.find(spark, config, stopped) is None
    assert EarlierModel.find(spark, TrainConfig(), None) is None
    assert found.run_id == at_once[1].run_id
