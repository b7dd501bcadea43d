"""A lease holds an output folder where a lock cannot; which of the two a folder gets."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.output import lease as lease_module
from cdimf_spark.distributed.output.holding import local_folder
from cdimf_spark.distributed.output.lease import LEASE_SECONDS, lease
from cdimf_spark.distributed.output.runs import (
    ALIVE,
    CLAIMED,
    RELEASED,
    RESUMED,
    Run,
    last_run,
    read_events,
)
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.errors import OutputInUseError
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, log_version, published


def test_local_folders_are_known(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert local_folder(OutputTables(spark, f"{tmp_path}/a b/ü/")) == tmp_path / "a b" / "ü"
    assert local_folder(OutputTables(spark, f"file:{tmp_path}")) == tmp_path
    assert local_folder(OutputTables(spark, "some/model")) == Path.cwd() / "some" / "model"
    monkeypatch.setattr(OutputTables, "location", lambda _: "hdfs://name:8020/models")
    assert local_folder(OutputTables(spark, "/models")) is None


class LaterClock(datetime):
    """The clock of another machine, which says that all this is long ago."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=LEASE_SECONDS + 1)


def test_a_lease_excludes_until_it_is_released_or_silent(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = OutputTables(spark, str(tmp_path))
    with lease(tables) as first:
        assert first.claim == 1
        first.name("run-7")
        first.write(ALIVE)
        with (
            pytest.raises(OutputInUseError, match=r"run run-7, process .*place is free at 20.*UTC"),
            lease(tables),
        ):
            pass
        first.check()
    assert [e.event for e in read_events(tables)] == [CLAIMED, ALIVE, RELEASED]
    with lease(tables) as second:
        assert second.claim == 2
        monkeypatch.setattr(lease_module, "datetime", LaterClock)
        with lease(tables) as third:
            assert third.claim == 3
            with pytest.raises(OutputInUseError, match="took this training for dead"):
                second.check()
            third.check()
    # The one that was overtaken does not release the other's place.
    assert [e.claim for e in read_events(tables, RELEASED)] == [1, 3]


def test_the_number_of_a_claim_is_given_once(spark: SparkSession, tmp_path: Path) -> None:
    tables = OutputTables(spark, str(tmp_path))
    with lease(tables) as held:
        late = type(held)(tables, held.claim)
        late.write(CLAIMED, exclusive=True)
        assert len(read_events(tables, CLAIMED)) == 1


def test_a_long_iteration_gives_signs_of_life(spark: SparkSession, tmp_path: Path) -> None:
    tables = OutputTables(spark, str(tmp_path))
    with lease(tables, seconds=2.0):
        time.sleep(3.0)
    beats = read_events(tables, ALIVE)
    assert len(beats) >= 1
    assert beats[0].at - read_events(tables, CLAIMED)[0].at > timedelta(seconds=0.5)
    assert beats[0].at <= datetime.now(UTC)


@pytest.mark.long
def test_an_overtaken_training_stops_and_does_no_harm(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first driver is paused before it marks iteration 2; another one does the rest."""
    output = tmp_path / "model"
    data, config = to_spark(spark, domains), config_of(domains, output)
    write, versions = Run.write, list[int]()

    def pause(self: Run, event: str, number: int, details: dict[str, Any]) -> None:
        if number == 2:
            # Only here: the other driver writes as usual.
            monkeypatch.setattr(Run, "write", write)
            monkeypatch.setattr(lease_module, "datetime", LaterClock)
            train(spark, data, config, resume=True, holding=lease)
            versions.append(log_version(spark, output, "user_factors"))
        write(self, event, number, details)

    monkeypatch.setattr(Run, "write", pause)
    with pytest.raises(OutputInUseError, match="took this training for dead"):
        train(spark, data, config, holding=lease)
    assert published(spark, output) == published(spark, at_once[0])
    assert [log_version(spark, output, "user_factors")] == versions
    tables = OutputTables(spark, str(output))
    assert [(e.iteration, e.claim) for e in read_events(tables, RESUMED)] == [(1, 2)]
    # Nor do the rows that it wrote without a mark, or even a mark that came too late.
    late = last_run(tables)
    assert late is not None
    assert late.writers == [1, 2, 2, 2]
    late.claim = 1
    write(late, "iteration", 3, {"loss": float("nan")})
    again = last_run(tables)
    assert again is not None
    assert (again.iterations, again.writers) == (late.iterations, late.writers)
