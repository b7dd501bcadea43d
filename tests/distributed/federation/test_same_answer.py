"""Parties that exchange rows by way of tables get the factors of one application."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.settings import ModelConfig
from tests.support.helpers import Domains, assert_factors_close, factors_by_id
from tests.support.parties import KEY, Federation
from tests.support.trained_tables import read
from tests.support.training_in_memory import CLOSE, some_domains, train_on_one_machine

SMALL: dict[str, Any] = {"max_iter": 3, "num_blocks": 2}
TERMS: dict[str, Any] = {"rank": 6, "init_scale": 1.0, "round_timeout": "5m"}


def pseudonym(user_id: str) -> str:
    return hmac.digest(KEY, user_id.encode(), hashlib.sha256).hex()


def on_one_machine(domains: Domains, model: ModelConfig) -> dict[str, dict[Any, Any]]:
    """Factors of one application on the pseudonyms, by the ids that they stand for."""
    named = {
        name: frame.assign(user_id=frame["user_id"].map(pseudonym))
        for name, frame in domains.items()
    }
    found, _ = train_on_one_machine(named, model)
    ids = {pseudonym(one): one for frame in domains.values() for one in frame["user_id"]}
    users = {(domain, ids[name]): row for (domain, name), row in found["user"].items()}
    return {"user": users, "item": dict(found["item"])}


@pytest.mark.parametrize(
    ("names", "terms"),
    [
        (("books", "films"), {}),
        (("books", "films", "games"), {"schedule": "paper", "aggregation_period": 2}),
    ],
)
def test_factors_are_those_of_one_application(
    spark: SparkSession, tmp_path: Path, names: tuple[str, ...], terms: dict[str, Any]
) -> None:
    domains = some_domains(seed=6, n_users=40, names=names)
    federation = Federation(spark, tmp_path / "parties", domains, {**TERMS, **terms}, SMALL)
    runs = federation.train_all()
    assert {run.iteration for run in runs.values()} == {3}
    values = {**SMALL, "rank": 6, "init_scale": 1.0, **terms}
    expected = on_one_machine(domains, ModelConfig(**values))
    for name in names:
        for kind in ("user", "item"):
            table = read(spark, federation.output(name), f"{kind}_factors")
            mine = {key: row for key, row in expected[kind].items() if key[0] == name}
            assert_factors_close(factors_by_id(table), mine, **CLOSE)
