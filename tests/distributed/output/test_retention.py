"""What a long training leaves on the disk while it runs, and when it is finished."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.training import trainer
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.distributed.training.trainer import Trainer
from tests.conftest import ROOT
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, iterations_in


def files_of(output: Path, table: str) -> set[int]:
    """Iterations of which there are data files, deleted or not."""
    return {int(p.parent.parent.name.split("=")[1]) for p in (output / table).rglob("*.parquet")}


@pytest.mark.long
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


_VACUUM = """
import sys
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.session import build_session
spark = build_session(sys.argv[1], spark__driver__memory="1g", spark__master="local[1]")
tables = OutputTables(spark, sys.argv[2])
tables.append(spark.range(1), "state")
tables.vacuum("state")
print("done")
"""


@pytest.mark.long
def test_removing_files_prints_nothing(tmp_path: Path) -> None:
    conf, output = str(ROOT / "conf" / "local.conf"), str(tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", _VACUUM, conf, output],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "done\n"
    assert "VACUUM failed" not in done.stderr
