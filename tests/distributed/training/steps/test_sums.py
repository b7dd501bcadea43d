"""Sums over blocks: directly, and in groups when there are many blocks."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.blocks.block_rows import Address, encode
from cdimf_spark.distributed.training.steps import sums
from cdimf_spark.schemas import BLOCK_ROW


@pytest.mark.parametrize("collected", [32, 5, 2])
def test_sums_of_blocks(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, collected: int
) -> None:
    """11 blocks at once, in 3 groups of up to 5, and in pairs of pairs of pairs of pairs."""
    monkeypatch.setattr(sums, "_COLLECTED_BLOCKS", collected)
    rng = np.random.default_rng(0)
    arrays = {
        (domain, block): {"gram": rng.normal(size=9), "user_sums": rng.normal(size=2) * 10.0**block}
        for domain in ("a", "b")
        for block in rng.permutation(11).tolist()
        if (domain, block) != ("b", 3)
    }
    rows = [
        tuple(row.values())
        for (domain, block), named in arrays.items()
        for batch in encode(Address(0, domain, block), {**named, "message": np.ones(3)})
        for row in batch.to_pylist()
    ]
    frame = spark.createDataFrame(rows, BLOCK_ROW)
    found = sums.collect_sums(frame, 11)
    assert set(found) == {"gram", "user_sums"}
    for kind in ("gram", "user_sums"):
        assert set(found[kind]) == {"a", "b"}
        for domain in ("a", "b"):
            blocks = [named[kind] for (name, _), named in arrays.items() if name == domain]
            np.testing.assert_allclose(found[kind][domain], np.sum(blocks, axis=0), rtol=1e-12)


def test_the_order_of_arrival_changes_no_bit(spark: SparkSession) -> None:
    values = np.random.default_rng(1).normal(size=(9, 4)) * 10.0 ** np.arange(9)[:, None]
    rows = [
        tuple(row.values())
        for block, value in enumerate(values)
        for batch in encode(Address(0, "a", block), {"user_sums": value})
        for row in batch.to_pylist()
    ]
    results = [
        sums.collect_sums(spark.createDataFrame(order, BLOCK_ROW), 9)["user_sums"]["a"].tobytes()
        for order in (rows, rows[::-1], rows[4:] + rows[:4])
    ]
    assert len(set(results)) == 1
