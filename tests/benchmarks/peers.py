"""The peer of whole iterations: ALS of Spark's MLlib on the pooled data."""

from __future__ import annotations

import re
import time
from functools import reduce
from pathlib import Path

from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.session import build_session


def peer_session() -> SparkSession:
    """A session at its best for MLlib, whose loops in Java want the last level of compilation."""
    return build_session(
        "conf/local.conf",
        spark__master="local[2]",
        spark__driver__memory="8g",
        spark__driver__extraJavaOptions="-Duser.timezone=UTC",
        spark__sql__shuffle__partitions="2",
    )


def largest_resident_set(spark: SparkSession) -> int:
    """Most memory that the session's JVM has had, in bytes."""
    gateway = spark.sparkContext._gateway
    assert gateway is not None
    status = Path(f"/proc/{gateway.proc.pid}/status").read_text()
    return 1024 * int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0])


def pool(domains: dict[str, DataFrame]) -> DataFrame:
    """One frame (user, item, weight) with numbers as ids; items of domains stay apart.

    Parameters
    ----------
    domains
        user_id and item_id as whole numbers, by name.
    """
    frames = [
        frame.select(
            F.col("user_id").cast("int").alias("user"),
            (F.col("item_id") * len(domains) + number).cast("int").alias("item"),
            F.lit(1.0).cast("float").alias("weight"),
        )
        for number, frame in enumerate(domains.values())
    ]
    return reduce(DataFrame.union, frames).groupBy("user", "item").agg(F.sum("weight"))


def mllib_iteration_seconds(pooled: DataFrame, rank: int, runs: int, blocks: int) -> list[float]:
    """Seconds of one iteration: a training of two iterations less one of one, `runs` times."""
    frame = pooled.toDF("user", "item", "weight").persist()
    frame.count()
    seconds = []
    for run in range(runs + 1):
        both = [_seconds(frame, rank, n, blocks) for n in (1, 2)]
        if run:  # The first one warms up.
            seconds.append(both[1] - both[0])
    frame.unpersist()
    return seconds


def _seconds(frame: DataFrame, rank: int, max_iter: int, blocks: int) -> float:
    als = ALS(
        rank=rank,
        maxIter=max_iter,
        regParam=0.1,
        implicitPrefs=True,
        alpha=1.0,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
        userCol="user",
        itemCol="item",
        ratingCol="weight",
        checkpointInterval=-1,
        seed=0,
    )
    start = time.perf_counter()
    model = als.fit(frame)
    seconds = time.perf_counter() - start
    model.userFactors.unpersist()
    return seconds
