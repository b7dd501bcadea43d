"""Files to read, and what is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.reading import read_interactions

PAIRS = [("u1", "i1", 1.0), ("u2", "i2", 1.0)]
BIG = 2**53 + 1


def domain(path: object, **options: Any) -> DomainConfig:
    return DomainConfig("sport", str(path), **options)


def rows(df: DataFrame) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in df.collect())


def read(spark: SparkSession, path: object, **options: Any) -> list[tuple[object, ...]]:
    return rows(read_interactions(spark, domain(path, **options)))


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
