"""Trainings that leave no tables, and their comparison with the one-machine specification."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import block_sizes, build_blocks, persist_blocks
from cdimf_spark.distributed.input.validation import clean_rows
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training import publishing
from cdimf_spark.distributed.training.steps.iteration import Steps
from cdimf_spark.distributed.training.trainer import Trainer
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.solver.local import train_local
from tests.support.helpers import (
    Domains,
    assert_factors_close,
    factors_by_id,
    random_domains,
    to_local,
    to_spark,
)

# What float32 rounding leaves between two orders of the same operations.
CLOSE = {"rtol": 1e-5, "atol": 2e-6}
SMALL: dict[str, Any] = {"rank": 8, "max_iter": 2, "init_scale": 1.0}

Factors = dict[str, dict[Any, np.ndarray]]


class MemoryRun(Run):
    """A run whose events go nowhere."""

    def write(self, event: str, iteration: int, details: dict[str, Any]) -> None:
        pass


class NoTables(WorkingTables):
    """Working tables that forget everything."""

    def write(self, table: str, rows: DataFrame, iteration: int) -> None:
        pass


def configs_of(domains: Domains, *own: DomainConfig) -> tuple[DomainConfig, ...]:
    given = {config.name: config for config in own}
    return tuple(given.get(name, DomainConfig(name, "memory")) for name in domains)


def train_in_memory(
    spark: SparkSession,
    domains: Domains,
    model: ModelConfig,
    *own: DomainConfig,
    layout: Layout | None = None,
) -> tuple[Factors, Run]:
    """The loop and its results as `train` has them, but nothing is written."""
    config = TrainConfig(model, configs_of(domains, *own), "nowhere")
    num_blocks = model.num_blocks or 2
    layout = layout or Layout.of(tuple(sorted(domains)), num_blocks, num_blocks)
    coupled = frozenset(c.name for c in config.domains if model.for_domain(c).rho > 0)
    keyed = with_keys(clean_rows(to_spark(spark, domains)))
    blocks = build_blocks(keyed, layout, coupled, model.duplicates).localCheckpoint()
    static = persist_blocks(blocks, layout, model.shared_user_weight)
    sizes = block_sizes(static.users, static.items, layout).domains
    steps = Steps.of(config, layout, static, sizes)
    run = MemoryRun(None, "memory", {})  # type: ignore[arg-type]
    working = NoTables(
        None,  # type: ignore[arg-type]
        "memory",
        coupled=any(size.n_shared for size in sizes.values()),
        own=any(size.n_shared < size.n_users for size in sizes.values()),
    )
    state, messages, breakdown = Trainer(model, steps, run, working).train()
    assert breakdown is None
    item_rows = steps.item_factors(messages)
    users = publishing.packed_users(blocks, state, layout, model.rank)
    factors = {
        "user": publishing.user_factors(blocks, users, layout, model.rank),
        "item": publishing.item_factors(blocks, item_rows, layout, model.rank),
        "shared": publishing.shared_factors(blocks, users, layout, model.rank),
    }
    found = {kind: factors_by_id(frame) for kind, frame in factors.items()}
    static.unpersist()
    return found, run


def train_on_one_machine(
    domains: Domains, model: ModelConfig, *own: DomainConfig
) -> tuple[Factors, np.ndarray]:
    data = to_local(domains, own)
    result = train_local(data, model)
    factors: Factors = {"user": {}, "item": {}, "shared": dict(result.shared_factors)}
    for name, one in data.items():
        pairs = zip(one.user_ids, result.user_factors[name], strict=True)
        factors["user"] |= {(name, user): row for user, row in pairs}
        pairs = zip(one.item_ids, result.item_factors[name], strict=True)
        factors["item"] |= {(name, item): row for item, row in pairs}
    return factors, result.losses


def assert_same_training(found: Factors, run: Run, expected: Factors, losses: np.ndarray) -> None:
    for kind in ("user", "item"):
        assert_factors_close(found[kind], expected[kind], **CLOSE)
    assert set(found["shared"]) == set(expected["shared"])
    if expected["shared"]:
        assert_factors_close(found["shared"], expected["shared"], **CLOSE)
    names = ("observed_loss", "unobserved_loss", "regularization_loss", "coupling_loss")
    recorded = [[iteration[name] for name in names] for iteration in run.iterations]
    np.testing.assert_allclose(recorded, losses, rtol=1e-5, atol=1e-6)
    for iteration in run.iterations:
        assert iteration["loss"] == pytest.approx(sum(iteration[name] for name in names))
        assert sum(d["loss"] for d in iteration["domains"]) == pytest.approx(iteration["loss"])


def some_domains(seed: int = 5, **options: Any) -> Domains:
    return random_domains(np.random.default_rng(seed), **{"weighted": True, **options})


def one_small_domain() -> pd.DataFrame:
    """Two users, so that most blocks of this domain are empty."""
    rows = [("u1", "i1", 1.0), ("u2", "i1", 1.0), ("u2", "i2", 2.0)]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "weight"])


def repeat_some(domains: Domains) -> Domains:
    """The domains with repetitions of some pairs, of smaller weights."""
    rng, repeated = np.random.default_rng(0), {}
    for name, frame in domains.items():
        again = frame.sample(frac=0.4, random_state=2)
        again["weight"] *= rng.uniform(0.2, 0.9, len(again))
        repeated[name] = pd.concat([frame, again]).sample(frac=1.0, random_state=3)
    return repeated
