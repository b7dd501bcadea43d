"""Numpy work in Spark's Python workers: the way from grouped rows to an Arrow function.

Spark 4.1.4 takes the annotations of a function for those of a UDF, and these functions come
without; so the wrapping is done here, once.
"""

from __future__ import annotations

import logging
import sys
import zipimport
from collections.abc import Callable, Iterator
from functools import cache
from threading import Thread

import pyarrow as pa
from pyspark.sql import DataFrame, GroupedData, SparkSession
from threadpoolctl import threadpool_limits

logger = logging.getLogger(__name__)

GroupFunction = Callable[[pa.Table], pa.Table]
CogroupFunction = Callable[[pa.Table, pa.Table], pa.Table]
PartitionFunction = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def apply_to_groups(groups: GroupedData, function: GroupFunction, schema: str) -> DataFrame:
    """Rows that a function makes of each group."""

    def call(table):  # type: ignore[no-untyped-def]
        prepare_worker()
        return function(table)

    return groups.applyInArrow(call, schema)


def apply_to_cogroups(
    left: GroupedData, right: GroupedData, function: CogroupFunction, schema: str
) -> DataFrame:
    """Rows that a function makes of each pair of groups with equal keys."""

    def call(first, second):  # type: ignore[no-untyped-def]
        prepare_worker()
        return function(first, second)

    return left.cogroup(right).applyInArrow(call, schema)


def apply_to_partitions(frame: DataFrame, function: PartitionFunction, schema: str) -> DataFrame:
    """Rows that a function makes of the batches of each partition, which come in their order."""

    def call(batches):  # type: ignore[no-untyped-def]
        prepare_worker()
        return function(batches)

    return frame.mapInArrow(call, schema)


def start_workers(spark: SparkSession) -> Thread:
    """Start, on one machine, what Python workers are forked from (`worker_daemon`), and wait not.

    It takes a second or two, in which the driver has other things to do. That nothing came of it
    is no error: then the first task that needs a worker starts it, or fails and says why.
    """

    def call_one() -> None:
        try:
            if str(spark.conf.get("spark.master")).startswith("local["):
                spark.range(0, 1, 1, 1).mapInArrow(lambda batches: batches, "id long").collect()
        except Exception:
            logger.debug("no Python worker was started ahead", exc_info=True)

    thread = Thread(target=call_one, daemon=True)
    thread.start()
    return thread


def prepare_worker() -> None:
    """What every call in a worker begins with."""
    _single_blas_thread()
    _forget_archives()


@cache
def _single_blas_thread() -> None:
    """Limit this process to one BLAS thread, once.

    Spark already runs one task a core, and results are equal to the bit only with one thread.
    Environment variables do the same where one may set them; here it holds everywhere.
    """
    threadpool_limits(limits=1)


def _forget_archives() -> None:
    """Spare the next task of this worker from reading the archives on Python's path again.

    Spark (up to 4.1, SPARK-54744) invalidates the import caches before each task, and Python
    (3.10 to 3.12, python/cpython#103200) then reads the directory of every archive that was
    searched for a module: 70 to 150 ms for pyspark.zip and Spark's core JAR. An archive that is
    not in this cache is left alone; should a module be wanted from it, it is opened again.
    """
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimport.zipimporter):
            del sys.path_importer_cache[path]
