"""Reading the tables of a small training."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import ModelConfig
from tests.support.helpers import Domains, factors_by_id
from tests.support.training_in_memory import configs_of

# Three domains, two blocks, a consensus every other iteration, one iteration of state kept.
LONG = ModelConfig(
    rank=8,
    max_iter=4,
    init_scale=1.0,
    num_blocks=2,
    aggregation_period=2,
    keep_iterations=1,
    user_prior=0.5,
)


def config_of(domains: Domains, output: Path, **options: Any) -> TrainConfig:
    values = {**TrainConfig(model=LONG).to_dict(), **options}
    model = TrainConfig.from_dict(values).model
    return TrainConfig(model, configs_of(domains), str(output))


def read(spark: SparkSession, output: Path, table: str) -> DataFrame:
    return spark.read.format("delta").load(str(output / table))


def published(spark: SparkSession, output: Path) -> dict[str, str]:
    """The bits of the published factors."""
    digests = {}
    for table in ("user_factors", "item_factors", "shared_factors"):
        digest = hashlib.sha256()
        for key, row in sorted(factors_by_id(read(spark, output, table)).items()):
            digest.update(repr(key).encode() + np.asarray(row, np.float32).tobytes())
        digests[table] = digest.hexdigest()
    return digests


def iterations_in(spark: SparkSession, output: Path, table: str) -> set[int]:
    return {row[0] for row in read(spark, output, table).select("iteration").distinct().collect()}


def log_version(spark: SparkSession, output: Path, table: str) -> int:
    rows = spark.sql(f"DESCRIBE HISTORY delta.`{output / table}`")
    return int(rows.agg(F.max("version")).collect()[0][0])
