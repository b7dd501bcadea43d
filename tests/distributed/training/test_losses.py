"""Lost tasks, workers and executors cost time, and no bit."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training import recovering
from cdimf_spark.distributed.training.recovering import survive_losses
from cdimf_spark.distributed.training.run_training import train
from tests.faults.losses import kill_executor, kill_worker, lose_once, raise_once
from tests.support.helpers import Domains, to_spark
from tests.support.other_processes import session_on, train_and_digest, train_on
from tests.support.trained_tables import config_of, published

LOST = "[CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND] Checkpoint block rdd_7_0 not found!"


@pytest.mark.slow
def test_tasks_and_workers_that_die_once_are_repeated(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for iteration, loss in enumerate((raise_once, kill_worker), start=2):
        lose_once(loss, iteration, tmp_path / loss.__name__, monkeypatch)
    train(spark, to_spark(spark, domains), config_of(domains, tmp_path / "model"))
    assert {"raise_once", "kill_worker"} <= {path.name for path in tmp_path.iterdir()}
    assert published(spark, tmp_path / "model") == published(spark, at_once[0])
    # Spark does it alone.
    assert not [record for record in caplog.records if "was lost" in record.message]


@pytest.mark.long
def test_the_training_survives_an_executor(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    found = train_on("local-cluster[2,1,1024]", tmp_path / "cluster", __name__)
    assert found.pop("warnings") == 1
    assert found == train_and_digest(spark, str(tmp_path / "here"))


class Stub:
    """A run of which one more iteration is recorded each time in a list."""

    run_id, iteration = "run-7", 0

    def __init__(self, recorded: list[int]) -> None:
        self.recorded = recorded

    def forget_unrecorded(self) -> None:
        self.iteration = self.recorded.pop(0)


def test_losses_without_progress_end_the_training(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def attempt() -> None:
        calls.append(1)
        raise RuntimeError("save failed") from ValueError(LOST)

    run = Stub([0, 0, 1, 1, 1, 1, 9])
    with pytest.raises(RuntimeError), caplog.at_level(logging.WARNING):
        survive_losses(run, attempt)  # type: ignore[arg-type]
    # Two without progress; one with it, and then three more.
    assert run.recorded == [9]
    assert len(calls) == 6
    assert len(caplog.records) == 5
    assert "run run-7 repeats what came after iteration 1" in caplog.text


def test_other_errors_are_not_repeated() -> None:
    def attempt() -> None:
        raise RuntimeError("No space left on device")

    with pytest.raises(RuntimeError, match="No space"):
        survive_losses(Stub([]), attempt)  # type: ignore[arg-type]
    assert not recovering.is_loss(None)


class Kept(logging.Handler):
    """All that was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def main(master: str, output: str, scratch: str) -> None:
    """A training on a local cluster, one of whose executors dies in the second iteration."""
    spark = session_on(master, scratch)
    kept = Kept()
    logging.getLogger("cdimf_spark").addHandler(kept)
    logging.basicConfig()
    with pytest.MonkeyPatch.context() as patches:
        lose_once(kill_executor, 2, Path(scratch) / "lost", patches)
        digests = train_and_digest(spark, output)
    print(json.dumps({**digests, "warnings": len(kept.records)}))  # noqa: T201 -- read by `train_on`


if __name__ == "__main__":
    main(*sys.argv[1:])
