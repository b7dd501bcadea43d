"""One training at a time writes to an output folder, by a lock or by a lease."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.output import lease as lease_module
from cdimf_spark.distributed.output import local_lock as local_lock_module
from cdimf_spark.distributed.output.holding import local_folder
from cdimf_spark.distributed.output.lease import LEASE_SECONDS, lease
from cdimf_spark.distributed.output.local_lock import local_lock
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
from cdimf_spark.errors import ConfigurationError, OutputInUseError
from cdimf_spark.results.folders import LOCK_FILE
from tests.conftest import ROOT
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, log_version, published

HOLD_AND_START_A_CHILD = """
    import subprocess, sys, time
    from pathlib import Path
    from cdimf_spark.distributed.output.local_lock import local_lock
    with local_lock(Path(sys.argv[1])) as lock:
        lock.name("run-7")
        child = subprocess.Popen(["sleep", "30"], close_fds=False, stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        time.sleep(30)
"""


@contextmanager
def other_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds a folder, and has a child that outlives it."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD_AND_START_A_CHILD), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        yield process, child
    finally:
        process.kill()
        process.communicate()
        os.kill(child, signal.SIGKILL)


def test_a_locked_folder_is_refused_until_its_holder_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_lock_module, "_SETTLE_SECONDS", 0.0)
    with other_process(tmp_path) as (process, _):
        named = rf"holds .*: run run-7, process {process.pid} of user \w+ on host .*, since 20"
        with pytest.raises(OutputInUseError, match=named), local_lock(tmp_path):
            pass
        process.kill()
        process.wait()
        assert json.loads((tmp_path / LOCK_FILE).read_text())["process"] == process.pid
        with local_lock(tmp_path) as lock:
            lock.check()
            assert json.loads((tmp_path / LOCK_FILE).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK_FILE).exists()


def test_two_threads_are_two_trainings(tmp_path: Path) -> None:
    entered = []

    def hold(folder: Path) -> None:
        try:
            with local_lock(folder):
                entered.append(True)
                time.sleep(0.2)
        except OutputInUseError:
            entered.append(False)

    threads = [threading.Thread(target=hold, args=(tmp_path / "new",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entered) == [False] * 7 + [True]
    # Which of them made the folder is chance; that no file is left in it is not.
    assert not list(tmp_path.glob("new/*"))


def test_a_folder_in_which_nothing_was_written_is_removed(tmp_path: Path) -> None:
    with local_lock(tmp_path / "new"):
        assert (tmp_path / "new" / LOCK_FILE).exists()
    assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    with local_lock(tmp_path / "there"):
        pass
    assert (tmp_path / "there").exists()


def test_a_lock_whose_file_was_removed_is_lost(tmp_path: Path) -> None:
    with local_lock(tmp_path) as lock:
        (tmp_path / LOCK_FILE).unlink()
        with local_lock(tmp_path), pytest.raises(OutputInUseError, match="somebody removed"):
            lock.check()
        with pytest.raises(OutputInUseError, match="somebody removed"):
            lock.check()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="cannot write to the output folder"),
        local_lock(tmp_path / "file"),
    ):
        pass


def test_a_folder_that_never_appears_is_no_endless_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """As below /proc, where making a folder says that there is none."""

    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(ConfigurationError, match="cannot write to the output folder '/nowhere/m'"),
        local_lock(Path("/nowhere/m")),
    ):
        pass


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


@pytest.mark.slow
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
