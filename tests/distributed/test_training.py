"""The distributed training against the one-machine specification, and its life in tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.config import TrainConfig
from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import build_blocks, domain_sizes, persist_blocks
from cdimf_spark.distributed.input.validation import clean_rows
from cdimf_spark.distributed.training import publishing
from cdimf_spark.distributed.training.run_training import make_steps, train
from cdimf_spark.distributed.training.runs import ITERATION, Run
from cdimf_spark.distributed.training.trainer import Trainer, _converged
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.errors import ConfigurationError, DataError, NumericalError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.schemas import HISTORY, ITEM_FACTORS, SHARED_FACTORS, USER_FACTORS
from cdimf_spark.settings import DomainConfig, ModelConfig
from cdimf_spark.solver.local import train_local
from tests.helpers import (
    Domains,
    assert_factors_close,
    factors_by_id,
    random_domains,
    to_local,
    to_spark,
)
from tests.solver.dense_reference import Reference

# What float32 rounding leaves between two orders of the same operations.
CLOSE = {"rtol": 1e-5, "atol": 2e-6}
SMALL = {"rank": 8, "max_iter": 2, "init_scale": 1.0}

Factors = dict[str, dict[Any, np.ndarray]]


class MemoryRun(Run):
    """A run whose events go nowhere."""

    def record(self, event: str, iteration: int, details: dict[str, Any] | None = None) -> None:
        self._apply(event, iteration, details or {})


class NoTables(WorkingTables):
    """Working tables that forget everything."""

    def write(self, table: str, rows: DataFrame, iteration: int) -> None:
        pass


def configs_of(domains: Domains, *own: DomainConfig) -> tuple[DomainConfig, ...]:
    given = {config.name: config for config in own}
    return tuple(given.get(name, DomainConfig(name, "memory")) for name in domains)


def train_in_memory(
    spark: SparkSession, domains: Domains, model: ModelConfig, *own: DomainConfig
) -> tuple[Factors, Run]:
    """The loop and its results as `train` has them, but nothing is written."""
    config = TrainConfig(model, configs_of(domains, *own), "nowhere")
    layout = Layout.of(tuple(sorted(domains)), model.num_blocks or 2, model.num_blocks or 2)
    coupled = frozenset(c.name for c in config.domains if model.for_domain(c).rho > 0)
    keyed = with_keys(clean_rows(to_spark(spark, domains)))
    blocks = build_blocks(keyed, layout, coupled, model.duplicates).localCheckpoint()
    static = persist_blocks(blocks, layout, model.shared_user_weight)
    sizes = domain_sizes(static)
    steps = make_steps(config, layout, static, sizes)
    run = MemoryRun(None, "memory", {})  # type: ignore[arg-type]
    working = NoTables(
        None,  # type: ignore[arg-type]
        "memory",
        coupled=any(size.n_shared for size in sizes.values()),
        own=any(size.n_shared < size.n_users for size in sizes.values()),
    )
    state, messages = Trainer(model, steps, run, working).train()
    item_rows = steps.item_factors(messages)
    factors = {
        "user": publishing.user_factors(blocks, state, layout, model.rank),
        "item": publishing.item_factors(blocks, item_rows, layout, model.rank),
        "shared": publishing.shared_factors(blocks, state.z, layout, model.rank),
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


# The same factors as on one machine


@pytest.mark.parametrize(
    ("num_blocks", "options", "own"),
    [
        (1, {}, ()),
        pytest.param(7, {}, (), marks=pytest.mark.slow),
        (
            2,
            {
                "max_iter": 3,
                "aggregation_period": 2,
                "proximal": "l2",
                "proximal_strength": 0.5,
                "shared_user_weight": 3.0,
                "over_relaxation": 1.3,
            },
            (
                DomainConfig("books", "memory", reg_param=0.7, rho=0.3),
                DomainConfig("films", "memory", unobserved_weight=0.05),
                DomainConfig("radio", "memory", rho=0),
            ),
        ),
        (1, {"schedule": "paper"}, ()),
        (2, {"schedule": "paper", "reg_scaling": "paper"}, ()),
        pytest.param(7, {"schedule": "paper"}, (), marks=pytest.mark.slow),
    ],
    ids=["1", "7", "2-options", "1-paper", "2-paper", "7-paper"],
)
def test_equals_one_machine(
    spark: SparkSession, num_blocks: int, options: dict[str, Any], own: tuple[DomainConfig, ...]
) -> None:
    domains = some_domains(names=("books", "films", "games", "radio")[: 4 if own else 3])
    domains["small"] = one_small_domain()
    model = ModelConfig(**{**SMALL, **options}, num_blocks=num_blocks)
    found, run = train_in_memory(spark, domains, model, *own)
    assert_same_training(found, run, *train_on_one_machine(domains, model, *own))


def test_one_domain(spark: SparkSession) -> None:
    domains = {"books": some_domains(weighted=False)["books"]}
    model = ModelConfig(**SMALL, num_blocks=1)
    found, run = train_in_memory(spark, domains, model)
    assert found["shared"] == {}
    assert_same_training(found, run, *train_on_one_machine(domains, model))
    assert run.iterations[-1]["primal_residual"] == 0


def test_everybody_is_shared(spark: SparkSession) -> None:
    frame = some_domains()["books"]
    domains = {"a": frame, "b": frame.sample(frac=1.0, random_state=1)}
    model = ModelConfig(**SMALL, num_blocks=1)
    found, run = train_in_memory(spark, domains, model)
    assert set(found["shared"]) == set(frame["user_id"])
    assert_same_training(found, run, *train_on_one_machine(domains, model))


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


def repeat_some(domains: Domains) -> Domains:
    """The domains with repetitions of some pairs, of smaller weights."""
    rng, repeated = np.random.default_rng(0), {}
    for name, frame in domains.items():
        again = frame.sample(frac=0.4, random_state=2)
        again["weight"] *= rng.uniform(0.2, 0.9, len(again))
        repeated[name] = pd.concat([frame, again]).sample(frac=1.0, random_state=3)
    return repeated


def test_repeated_interactions_that_count_once(spark: SparkSession) -> None:
    domains = some_domains(names=("a", "b"))
    model = ModelConfig(**{**SMALL, "max_iter": 1}, num_blocks=1, duplicates="once")
    found, run = train_in_memory(spark, repeat_some(domains), model)
    assert_same_training(found, run, *train_on_one_machine(domains, model))


# Residuals and early stops


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
def test_tolerances(tolerance: dict[str, float], stops: bool) -> None:
    last = {"loss": 90.0, "shared_norm": 4.0, "primal_residual": 0.5, "shared_change": 1.0}
    model = ModelConfig(**tolerance)
    assert bool(_converged([{**last, "loss": 100.0}, last], model)) is stops
    assert _converged([], model) == ""


def test_no_residual_without_a_consensus() -> None:
    last = {"loss": 90.0, "shared_norm": 0.0, "primal_residual": 0.0, "shared_change": 0.0}
    assert _converged([last], ModelConfig(residual_tol=0.1, loss_tol=0.1)) == ""


# A training and its tables

# Three domains, two blocks, a consensus every other iteration, one iteration of state kept.
LONG = ModelConfig(
    rank=8, max_iter=4, init_scale=1.0, num_blocks=2, aggregation_period=2, keep_iterations=1
)


def config_of(domains: Domains, output: Path, **options: Any) -> TrainConfig:
    values = {**TrainConfig(model=LONG).to_dict(), **options}
    model = TrainConfig.from_dict(values).model
    return TrainConfig(model, configs_of(domains), str(output))


def read(spark: SparkSession, output: Path, table: str) -> DataFrame:
    return spark.read.format("delta").load(str(output / table))


def published(spark: SparkSession, output: Path) -> dict[str, str]:
    """The bits of the published factors."""
    digests = {}
    for table in ("user_factors", "item_factors", "shared_factors"):
        digest = hashlib.sha256()
        for key, row in sorted(factors_by_id(read(spark, output, table)).items()):
            digest.update(repr(key).encode() + np.asarray(row, np.float32).tobytes())
        digests[table] = digest.hexdigest()
    return digests


def iterations_in(spark: SparkSession, output: Path, table: str) -> set[int]:
    return {row[0] for row in read(spark, output, table).select("iteration").distinct().collect()}


@pytest.fixture(scope="module")
def domains() -> Domains:
    return repeat_some(some_domains(seed=6, n_users=40))


@pytest.fixture(scope="module")
def at_once(
    spark: SparkSession, domains: Domains, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Run]:
    """Four iterations without interruption."""
    output = tmp_path_factory.mktemp("at_once") / "model"
    return output, train(spark, to_spark(spark, domains), config_of(domains, output))


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
    own = read(spark, at_once[0], "state").where(F.col("kind") == "x_own").toArrow()
    for name in domains:
        others = set().union(*(users[other] for other in domains if other != name))
        assert len(decode(own, "x_own", domain=name)) == 8 * len(users[name] - others)


class StoppedError(Exception):
    """What ends a training in the middle."""


@pytest.fixture
def stop_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a training die when all tables of an iteration are written, but not its event."""
    record = Run.record

    def arm(iteration: int) -> None:
        def die(self: Run, event: str, number: int, details: Any = None) -> None:
            if event == ITERATION and number == iteration:
                raise StoppedError
            record(self, event, number, details)

        monkeypatch.setattr(Run, "record", die)

    return arm


@pytest.mark.slow
def test_an_interrupted_training_ends_in_the_same_bits(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    stop_before: Callable[[int], None],
    tmp_path: Path,
) -> None:
    output = tmp_path / "model"
    data, config = to_spark(spark, domains), config_of(domains, output)
    stop_before(2)
    with pytest.raises(StoppedError):
        train(spark, data, config)
    # Goes on after iteration 1, when there was no consensus yet; dies again.
    stop_before(3)
    with pytest.raises(StoppedError):
        train(spark, data, config, resume=True)
    # Goes on after iteration 2, from the consensus, and ends between two of them.
    stop_before(9)
    first = train(spark, data, config_of(domains, output, max_iter=3), resume=True)
    assert [i["iteration"] for i in first.iterations] == [1, 2, 3]
    assert first.published == 3
    # What is kept suffices to go on; the input is not needed any more.
    run = train(spark, data.where("false"), config, resume=True)
    assert run.run_id == first.run_id
    assert published(spark, output) == published(spark, at_once[0])
    for one, other in zip(run.iterations, at_once[1].iterations, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}

    # Nothing is left to do: not even a commit.
    version = log_version(spark, output, "runs")
    assert train(spark, data, config, resume=True).run_id == run.run_id
    assert log_version(spark, output, "runs") == version


def log_version(spark: SparkSession, output: Path, table: str) -> int:
    rows = spark.sql(f"DESCRIBE HISTORY delta.`{output / table}`")
    return int(rows.agg(F.max("version")).collect()[0][0])


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"rank": 9}, "rank"),
        ({"seed": 1, "rho": 3.0}, "rho, seed"),
        ({"num_blocks": 3}, "num_blocks"),
    ],
    ids=str,
)
def test_resuming_with_other_options_is_refused(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    changed: dict[str, Any],
    named: str,
) -> None:
    output, run = at_once
    before = published(spark, output)
    with pytest.raises(ConfigurationError, match=rf"{run.run_id} with other options \({named}\)"):
        train(spark, to_spark(spark, domains), config_of(domains, output, **changed), resume=True)
    assert published(spark, output) == before


def test_resuming_without_a_domain_is_refused(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    fewer = {name: frame for name, frame in domains.items() if name != "games"}
    with pytest.raises(ConfigurationError, match=r"other options \(domains\.games\)"):
        train(spark, to_spark(spark, fewer), config_of(fewer, at_once[0]), resume=True)


def test_an_output_folder_with_something_else_is_left_alone(
    spark: SparkSession, domains: Domains, tmp_path: Path
) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(ConfigurationError, match="has files but is not the output of a training"):
        train(spark, to_spark(spark, domains), config_of(domains, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    assert (tmp_path / "thesis.doc").read_text() == "years of work"


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


def test_factors_that_are_not_finite_are_an_error(spark: SparkSession) -> None:
    frame = one_small_domain()
    frame["weight"] = 3e38
    domains = {"books": pd.concat([frame, frame])}
    with pytest.raises(NumericalError, match="Check the weights of the data"):
        train_in_memory(spark, domains, ModelConfig(**SMALL, num_blocks=1))


@pytest.mark.slow
def test_a_second_training_replaces_the_first(
    spark: SparkSession, domains: Domains, at_once: tuple[Path, Run]
) -> None:
    """The last test of this file that needs the first training: it is gone afterwards."""
    output, first = at_once
    fewer = {name: domains[name] for name in ("books", "films")}
    config = config_of(fewer, output, rank=4, max_iter=1, aggregation_period=1)
    second = train(spark, to_spark(spark, fewer), config)
    assert second.run_id != first.run_id
    found = {
        kind: factors_by_id(read(spark, output, f"{kind}_factors"))
        for kind in ("user", "item", "shared")
    }
    assert_same_training(found, second, *train_on_one_machine(fewer, config.model))
    assert read(spark, output, "history").count() == 1
    for table in ("blocks", "exchange", "consensus", "state"):
        runs = read(spark, output, table).select("run_id").distinct().collect()
        assert [row[0] for row in runs] == [second.run_id]
    assert iterations_in(spark, output, "exchange") == {1}
