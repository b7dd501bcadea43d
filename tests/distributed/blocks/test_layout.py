"""Group keys: the hash is Spark's, and block b of every domain falls into partition b."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.layout import Layout, Side, partition_keys, spark_hash


def test_known_hashes() -> None:
    assert spark_hash(0) == 933211791
    assert spark_hash(1) == -559580957


@pytest.mark.parametrize("num_domains", [1, 3])
@pytest.mark.parametrize("num_blocks", [1, 2, 7, 64])
def test_every_partition_gets_its_block(num_domains: int, num_blocks: int) -> None:
    keys = partition_keys(num_domains, num_blocks)
    assert [len(row) for row in keys] == [num_blocks] * num_domains
    assert len({key for row in keys for key in row}) == num_domains * num_blocks
    for row in keys:
        assert [spark_hash(key) % num_blocks for key in row] == list(range(num_blocks))


def test_addresses() -> None:
    side = Side(("a", "b"), 3)
    keys = [at.pkey for name in ("a", "b") for at in side.addresses(name)]
    assert keys == side.flat_keys
    at = side.address("b", 2)
    assert (at.pkey, at.domain, at.block) == (side.keys[1][2], "b", 2)
    layout = Layout.of(("a", "b"), 3, 5)
    assert (layout.users.num_blocks, layout.items.num_blocks) == (3, 5)


def test_the_hash_and_the_partitions_are_those_of_spark(spark: SparkSession) -> None:
    values = [0, 1, 2, 42, -1, -5, 255, 65536, 123456789, 2**31 - 1, -(2**31)]
    frame = spark.createDataFrame([(value,) for value in values], "value int")
    rows = frame.select("value", F.hash("value").alias("hash")).collect()
    assert {row["value"]: row["hash"] for row in rows} == {v: spark_hash(v) for v in values}

    side = Side(("a", "b", "c"), 7)
    blocks = {at.pkey: at.block for name in side.domains for at in side.addresses(name)}
    frame = spark.createDataFrame([(key,) for key in blocks], "pkey int").repartition(7, "pkey")
    for row in frame.withColumn("partition", F.spark_partition_id()).collect():
        assert row["partition"] == blocks[row["pkey"]]
