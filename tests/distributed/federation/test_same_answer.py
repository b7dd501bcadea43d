"""Parties that exchange rows by way of tables get the factors of one application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.demonstration_data import demonstration_split
from tests.benchmarks.data import WARM_PAIR
from tests.support.amazon import needs_amazon
from tests.support.helpers import Domains, assert_factors_close, factors_by_id
from tests.support.parties import SMALL_MODEL, SMALL_TERMS, Federation
from tests.support.pseudonyms import pseudonym
from tests.support.trained_tables import read
from tests.support.training_in_memory import CLOSE, some_domains, train_on_one_machine


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


def assert_equals_one_application(federation: Federation, options: dict[str, Any]) -> None:
    expected = on_one_machine(federation.domains, ModelConfig(**options))
    for name in federation.domains:
        for kind in ("user", "item"):
            table = read(federation.spark, federation.output(name), f"{kind}_factors")
            mine = {key: row for key, row in expected[kind].items() if key[0] == name}
            assert_factors_close(factors_by_id(table), mine, **CLOSE)


SMALL: dict[str, Any] = {**SMALL_MODEL, "rank": 6, "init_scale": 1.0}


def test_factors_are_those_of_one_application(federation: Federation) -> None:
    assert_equals_one_application(federation, SMALL)


@pytest.mark.long
@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("books", "films", "games"), {}),
        (("books", "films", "games"), {"schedule": "paper", "aggregation_period": 2}),
        (("books", "films"), {"aggregation_period": 3, "proximal": "l2", "proximal_strength": 0.5}),
    ],
)
def test_so_are_those_of_any_federation(
    spark: SparkSession, tmp_path: Path, names: tuple[str, ...], options: dict[str, Any]
) -> None:
    domains = some_domains(seed=6, n_users=40, names=names)
    federation = Federation(spark, tmp_path, domains, {**SMALL_TERMS, **options})
    federation.train_all()
    assert_equals_one_application(federation, {**SMALL, **options})


@pytest.mark.long
@needs_amazon
@pytest.mark.parametrize("data", ["real pair", "demonstration"])
def test_so_are_those_of_real_shops(spark: SparkSession, tmp_path: Path, data: str) -> None:
    if data == "real pair":
        domains = {name: read_pairs_file(path) for name, path in WARM_PAIR.items()}
    else:
        domains = {n: frame.assign(weight=1.0) for n, frame in demonstration_split().train.items()}
    options = {"rank": 16, "max_iter": 3}
    federation = Federation(spark, tmp_path, domains, {"rank": 16, "round_timeout": "1h"}, options)
    federation.train_all()
    assert_equals_one_application(federation, options)


def read_pairs_file(path: Path) -> pd.DataFrame:
    """Pairs of one of the published files, each of weight 1."""
    names = ["user_id", "item_id"]
    frame = pd.read_csv(path, sep="\t", header=None, names=names, usecols=[0, 1], dtype=str)
    return frame.assign(weight=1.0)
