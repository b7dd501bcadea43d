"""What a long training leaves on the disk while it runs, and when it is finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.training import trainer
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.distributed.training.trainer import Trainer
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, iterations_in


def files_of(output: Path, table: str) -> set[int]:
    """Iterations of which there are data files, deleted or not."""
    return {int(p.parent.parent.name.split("=")[1]) for p in (output / table).rglob("*.parquet")}


@pytest.mark.slow
def test_the_disk_of_a_long_training_is_bounded(
    spark: SparkSession, domains: Domains, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "_FORGET_EVERY", 2)
    monkeypatch.setattr(trainer, "_FREE_DISK_EVERY", 4)
    seen, mark = {}, Trainer._mark

    def look(self: Trainer, iteration: int, metrics: dict[str, object]) -> None:
        mark(self, iteration, metrics)
        seen[iteration] = (
            iterations_in(spark, tmp_path, "consensus"),
            files_of(tmp_path, "consensus"),
        )

    monkeypatch.setattr(Trainer, "_mark", look)
    model = {"max_iter": 8, "aggregation_period": 1, "keep_iterations": 2}
    train(spark, to_spark(spark, domains), config_of(domains, tmp_path, **model))
    # Rows go every other iteration, files every fourth one.
    assert seen[3] == ({1, 2, 3}, {1, 2, 3})
    assert seen[4] == ({3, 4}, {3, 4})
    assert seen[6] == ({5, 6}, {3, 4, 5, 6})
    for table in ("exchange", "consensus", "state"):
        assert iterations_in(spark, tmp_path, table) == files_of(tmp_path, table) == {7, 8}
