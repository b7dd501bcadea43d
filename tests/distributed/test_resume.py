"""Stopped trainings go on, to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.distributed.training.runs import ITERATION, Run
from cdimf_spark.errors import ConfigurationError
from tests.distributed.trained_tables import config_of, log_version, published
from tests.helpers import Domains, to_spark


class StoppedError(Exception):
    """What ends a training in the middle."""


@pytest.fixture
def stop_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a training die when all tables of an iteration are written, but not its event."""
    write = Run.write

    def arm(iteration: int) -> None:
        def die(self: Run, event: str, number: int, details: Any = None) -> None:
            if event == ITERATION and number == iteration:
                raise StoppedError
            write(self, event, number, details)

        monkeypatch.setattr(Run, "write", die)

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
