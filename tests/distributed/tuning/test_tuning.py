"""The validation set that a tuning makes, and a whole search on small data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import load_config
from cdimf_spark.distributed.tuning.tune import tune, tune_from_config
from cdimf_spark.distributed.tuning.validation_split import hold_out
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.tuning.search_space import search_space
from cdimf_spark.tuning.tuning_options import TuningOptions

SCHEMA = "user_id string, item_id string, weight double"


def frame(spark: SparkSession, pairs: set[tuple[int, int]]) -> DataFrame:
    rows = [(str(user), str(item), 1.0) for user, item in sorted(pairs)]
    return spark.createDataFrame(rows, SCHEMA)


def pairs_of(frame: DataFrame) -> set[tuple[str, str]]:
    return {(row["user_id"], row["item_id"]) for row in frame.collect()}


@pytest.fixture(scope="module")
def shops(spark: SparkSession) -> dict[str, DataFrame]:
    """Users who buy among the items of their parity; user 100 has one interaction."""
    sport = {(u, 2 * ((3 * u + n) % 9) + u % 2) for u in range(24) for n in range(4)}
    cloth = {(u, 2 * ((5 * u + n) % 8) + u % 2) for u in range(12, 36) for n in range(3)}
    return {
        "sport": frame(spark, sport | {(100, 0), (7, 555)}).persist(),
        "cloth": frame(spark, cloth).persist(),
    }


def test_one_interaction_of_each_user_is_held_out(shops: dict[str, DataFrame]) -> None:
    train, held_out = hold_out(shops, seed=1)
    for name in shops:
        kept, taken, all_pairs = (pairs_of(f[name]) for f in (train, held_out, shops))
        assert kept | taken == all_pairs
        assert not kept & taken
        users = [user for user, _ in taken]
        assert len(users) == len(set(users)) >= 20
        assert {item for _, item in kept} == {item for _, item in all_pairs}
        assert {user for user, _ in kept} == {user for user, _ in all_pairs}


def test_what_is_held_out_depends_on_the_seed_alone(shops: dict[str, DataFrame]) -> None:
    once = pairs_of(hold_out(shops, seed=1)[1]["sport"])
    moved = {name: f.repartition(3, "item_id") for name, f in shops.items()}
    assert pairs_of(hold_out(moved, seed=1)[1]["sport"]) == once
    assert pairs_of(hold_out(shops, seed=2)[1]["sport"]) != once


def test_repeated_interactions_leave_train_together(
    spark: SparkSession, shops: dict[str, DataFrame]
) -> None:
    twice = {name: f.unionByName(f) for name, f in shops.items()}
    train, held_out = hold_out(twice, seed=1)
    assert pairs_of(held_out["sport"]) == pairs_of(hold_out(shops, seed=1)[1]["sport"])
    assert train["sport"].count() == 2 * len(pairs_of(train["sport"]))


@pytest.mark.long
def test_search_stops_goes_on_and_is_read_by_training(
    shops: dict[str, DataFrame], tmp_path: Path
) -> None:
    output = str(tmp_path / "tuning")
    fixed = {"max_iter": 2, "num_blocks": 2, "rho": 1.0}
    search = {"rank": "2:6", "unobserved_ratio": "none", "item_reg_exponent": "none"}
    common: dict[str, Any] = {"step": 2, "negatives": 8, "k": 3, "output": output, "search": search}
    first = tune(shops, options=fixed, trials=1, **common)
    (trial,) = first.trials
    assert set(trial.options) == {"rank", "reg_param"}
    assert trial.options == {"rank": 6, "reg_param": 2.0}
    assert trial.checkpoints[0].iteration == 2
    assert 0 < trial.value <= 1
    both = tune(shops, options=fixed, trials=2, **common)
    assert both.trials[0] == trial
    assert len(both.trials) == 2
    assert {**fixed, **both.options}.keys() == {*fixed, "rank", "reg_param"}
    model = load_config(both.best_file).model
    assert model.rho == 1
    assert model.rank == both.options["rank"]
    assert "rank" in str(both)
    with pytest.raises(ConfigurationError, match="another search"):
        tune(shops, options={**fixed, "rho": 2.0}, trials=2, **common)


@pytest.mark.long
def test_search_on_files_with_a_validation_set(
    spark: SparkSession, shops: dict[str, DataFrame], tmp_path: Path
) -> None:
    train, held_out = hold_out(shops, seed=1)
    for name in shops:
        train[name].toPandas().to_csv(tmp_path / f"{name}.csv", index=False)
    held_out["sport"].toPandas().to_csv(tmp_path / "held.csv", index=False)
    domains = [f"{name}={tmp_path}/{name}.csv" for name in shops]
    options = ["max_iter=2", "rank=4", "num_blocks=2"]
    config = load_config(None, options, domains)
    space = search_space({}, ("max_iter", "rank"))
    tuning = TuningOptions(trials=1, step=1, negatives=None, k=3, metric="hr")
    tuned = tune_from_config(
        spark, config, {"sport": f"{tmp_path}/held.csv"}, str(tmp_path / "out"), space, tuning
    )
    assert list(tuned.trials[0].best.domains) == ["sport"]
    assert [one.iteration for one in tuned.trials[0].checkpoints] == [1, 2]
    assert load_config(tuned.best_file).domains == config.domains


def test_nothing_to_hold_out(spark: SparkSession, tmp_path: Path) -> None:
    lonely = {"sport": frame(spark, {(1, 1), (2, 1), (3, 2)})}
    with pytest.raises(DataError, match="no interaction can be held out"):
        tune(lonely, output=str(tmp_path / "none"), trials=1)


@pytest.mark.long
@pytest.mark.parametrize("negatives", [999, "all"])
def test_small_catalogues_are_tuned_on_all_their_items(
    shops: dict[str, DataFrame], tmp_path: Path, negatives: int | str
) -> None:
    fixed = {"max_iter": 1, "num_blocks": 2, "rank": 4}
    tuned = tune(shops, output=str(tmp_path), trials=1, negatives=negatives, options=fixed)
    found = tuned.trials[0].best.domains
    assert {name: one["negatives"] for name, one in found.items()} == dict.fromkeys(shops, "all")
    assert Path(tuned.best_file).read_text().count("among all items") == 2
