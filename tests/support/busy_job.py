"""A job that fails while its tasks run: ``busy_job.py (error|interrupt) FOLDER``.

Threads write, cache and shuffle without end, through Python workers with a large closure: the tasks
that complain most when their driver ends. When all of them are at it the job ends with an error of
its own, or says ``ready`` and waits for Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.cli.command_line import job_session, run
from cdimf_spark.errors import DataError

THREADS = 3
LARGE = bytes(3_000_000)


def slow_rows(spark: SparkSession, folder: Path, name: str) -> DataFrame:
    """Rows of tasks that take their time, and leave a mark when they have begun."""
    large = LARGE

    def call(batches):  # type: ignore[no-untyped-def]
        (folder / f"mark_{name}_{os.getpid()}_{len(large)}").touch()
        return slowly(batches)

    def slowly(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            time.sleep(0.02)
            yield batch

    return spark.range(0, 400_000, 1, 8).mapInArrow(call, "id long")


def work(spark: SparkSession, folder: Path, number: int) -> None:
    """Jobs one after the other, until the session is gone."""
    with contextlib.suppress(Exception):
        while True:
            rows = slow_rows(spark, folder, str(number))
            if number % 2:
                counts = rows.groupBy((F.col("id") % 7).alias("k")).count()
                counts.write.format("delta").mode("append").save(str(folder / f"table_{number}"))
            else:
                cached = rows.repartition(4).persist()
                cached.count()
                cached.unpersist()


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    spark = job_session("busy")
    for number in range(THREADS):
        Thread(target=work, args=(spark, folder, number), daemon=True).start()
    while len(list(folder.glob("mark_*"))) < THREADS:
        time.sleep(0.05)
    time.sleep(1)
    if kind == "error":
        raise DataError("the rows are bad")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    raise SystemExit(run(main, "go on with --resume"))
