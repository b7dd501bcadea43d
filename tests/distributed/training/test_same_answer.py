"""The distributed training against the one-machine specification."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.errors import NumericalError
from cdimf_spark.kernel.initialization import id_keys
from tests.support.helpers import assert_factors_close
from tests.support.training_in_memory import (
    SMALL,
    assert_same_training,
    one_small_domain,
    repeat_some,
    some_domains,
    train_in_memory,
    train_on_one_machine,
)


@pytest.mark.parametrize(
    ("num_blocks", "options", "own"),
    [
        pytest.param(1, {}, (), marks=pytest.mark.long),
        pytest.param(7, {}, (), marks=pytest.mark.long),
        (
            2,
            {
                "max_iter": 3,
                "aggregation_period": 2,
                "proximal": "l2",
                "proximal_strength": 0.5,
                "shared_user_weight": 3.0,
                "over_relaxation": 1.3,
                "user_prior": 0.6,
            },
            (
                DomainConfig("books", "memory", reg_param=0.7, rho=0.3),
                DomainConfig("films", "memory", unobserved_weight=0.05),
                DomainConfig("radio", "memory", rho=0),
            ),
        ),
        pytest.param(1, {"schedule": "paper"}, (), marks=pytest.mark.long),
        pytest.param(
            2,
            {
                "schedule": "paper",
                "reg_scaling": "paper",
                "user_prior": 1.0,
                "duplicates": "once",
            },
            (),
            marks=pytest.mark.slow,
        ),
        pytest.param(7, {"schedule": "paper"}, (), marks=pytest.mark.long),
    ],
    ids=["1", "7", "2-options", "1-paper", "2-paper", "7-paper"],
)
def test_equals_one_machine(
    spark: SparkSession, num_blocks: int, options: dict[str, Any], own: tuple[DomainConfig, ...]
) -> None:
    domains = some_domains(names=("books", "films", "games", "radio")[: 4 if own else 3])
    domains["small"] = one_small_domain()
    model = ModelConfig(**{**SMALL, **options}, num_blocks=num_blocks)
    data = repeat_some(domains) if model.duplicates == "once" else domains
    found, run = train_in_memory(spark, data, model, *own)
    assert_same_training(found, run, *train_on_one_machine(domains, model, *own))


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [pytest.param((3, 3), marks=pytest.mark.long), (5, 2)])
def test_heavy_users_and_items_are_placed_by_name(
    spark: SparkSession, blocks: tuple[int, int]
) -> None:
    domains = some_domains(names=("a", "b"))
    users, items = (
        {int(key): n % 2 for n, key in enumerate(id_keys(sorted(set(ids))[:9]))}
        for ids in (domains["a"]["user_id"], domains["b"]["item_id"])
    )
    layout = Layout.from_dict(
        ("a", "b"), json.loads(json.dumps(Layout.of(("a", "b"), *blocks, users, items).to_dict()))
    )
    assert (layout.users.heavy, layout.items.heavy) == (users, items)
    model = ModelConfig(**SMALL)
    found, run = train_in_memory(spark, domains, model, layout=layout)
    assert_same_training(found, run, *train_on_one_machine(domains, model))


@pytest.mark.slow
def test_one_domain(spark: SparkSession) -> None:
    domains = {"books": some_domains(weighted=False)["books"]}
    model = ModelConfig(**SMALL, num_blocks=1)
    found, run = train_in_memory(spark, domains, model)
    assert found["shared"] == {}
    assert_same_training(found, run, *train_on_one_machine(domains, model))
    assert run.iterations[-1]["primal_residual"] == 0


@pytest.mark.slow
def test_everybody_is_shared(spark: SparkSession) -> None:
    frame = some_domains()["books"]
    domains = {"a": frame, "b": frame.sample(frac=1.0, random_state=1)}
    model = ModelConfig(**SMALL, num_blocks=1)
    found, run = train_in_memory(spark, domains, model)
    assert set(found["shared"]) == set(frame["user_id"])
    assert_same_training(found, run, *train_on_one_machine(domains, model))


@pytest.mark.long
def test_without_rho_domains_are_separate_to_the_bit(spark: SparkSession) -> None:
    domains = some_domains(names=("a", "b"))
    model = ModelConfig(**{**SMALL, "max_iter": 1}, num_blocks=1, rho=0.0)
    together, _ = train_in_memory(spark, domains, model)
    assert together["shared"] == {}
    for name, frame in domains.items():
        alone, _ = train_in_memory(spark, {name: frame}, model)
        for kind in ("user", "item"):
            mine = {key: row for key, row in together[kind].items() if key[0] == name}
            assert_factors_close(alone[kind], mine, rtol=0, atol=0)


def test_factors_that_are_not_finite_are_an_error(spark: SparkSession) -> None:
    frame = one_small_domain()
    frame["weight"] = 3e38
    domains = {"books": pd.concat([frame, frame])}
    with pytest.raises(NumericalError, match="Check the weights of the data"):
        train_in_memory(spark, domains, ModelConfig(**SMALL, num_blocks=1))
