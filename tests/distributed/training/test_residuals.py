"""Residuals of a training, and its early stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.solver.stopping import converged
from tests.support.dense_reference import Reference
from tests.support.training_in_memory import (
    SMALL,
    some_domains,
    train_in_memory,
    train_on_one_machine,
)


def test_residuals(spark: SparkSession) -> None:
    domains = some_domains(names=("a", "b"))
    model = ModelConfig(**SMALL, num_blocks=1, rho=2.0, loss_tol=1e-9)
    found, run = train_in_memory(spark, domains, model)
    z = found["shared"]
    before = train_on_one_machine(domains, replace(model, max_iter=1))[0]["shared"]
    change = np.linalg.norm([z[user] - before[user] for user in z])
    length = np.linalg.norm(list(z.values()))
    last, both = run.iterations[-1], 2**0.5  # both domains have every shared user
    assert last["shared_change"] == pytest.approx(both * change, rel=1e-4)
    assert last["dual_residual"] == pytest.approx(2.0 * both * change, rel=1e-4)
    assert last["shared_norm"] == pytest.approx(both * length, rel=1e-5)
    reference = Reference(domains, rank=8, max_iter=2, init_scale=1.0, rho=2.0, over_relaxation=1.6)
    away = [shop.x - shop.z for shop in reference.shops.values()]
    coupled = [shop.coupled for shop in reference.shops.values()]
    distance = np.concatenate([rows[who] for rows, who in zip(away, coupled, strict=True)])
    assert last["primal_residual"] == pytest.approx(np.linalg.norm(distance), rel=1e-4)


@pytest.mark.slow
def test_an_early_stop(spark: SparkSession) -> None:
    model = ModelConfig(**SMALL, num_blocks=1, residual_tol=100.0)
    _, run = train_in_memory(spark, some_domains(names=("a", "b")), model)
    assert run.iteration == 1


@pytest.mark.parametrize(
    ("tolerance", "stops"),
    [
        ({}, False),
        ({"loss_tol": 0.12}, True),
        ({"loss_tol": 0.11}, False),
        ({"residual_tol": 0.25}, True),
        ({"residual_tol": 0.24}, False),
        ({"residual_tol": 0.25, "loss_tol": 0.01}, True),
    ],
    ids=str,
)
def test_tolerances(tolerance: dict[str, Any], stops: bool) -> None:
    last = {"loss": 90.0, "shared_norm": 4.0, "primal_residual": 0.5, "shared_change": 1.0}
    model = ModelConfig(**tolerance)
    assert bool(converged([{**last, "loss": 100.0}, last], model)) is stops
    assert converged([], model) == ""
    # Parties of a federation that have different z are not at their end.
    assert not converged([{**last, "loss": 100.0}, {**last, "agreed": False}], model)


def test_no_residual_without_a_consensus() -> None:
    last = {"loss": 90.0, "shared_norm": 0.0, "primal_residual": 0.0, "shared_change": 0.0}
    assert converged([last], ModelConfig(residual_tol=0.1, loss_tol=0.1)) == ""
