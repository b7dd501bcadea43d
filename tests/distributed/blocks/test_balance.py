"""Heavy keys are found in a sample, whatever the order and the partitions of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.configuration.sizing import NumBlocks
from cdimf_spark.distributed.blocks import balance
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.kernel.initialization import id_keys


def test_blocks_of_popular_items_are_even(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balance, "_FEWEST_INTERACTIONS", 1)
    monkeypatch.setattr(balance, "_SAMPLED", 2)
    rng = np.random.default_rng(0)
    popularity = np.arange(1, 301) ** -1.0
    items = rng.choice(300, 20_000, p=popularity / popularity.sum())
    frame = pd.DataFrame(
        {"domain": "a", "user_id": rng.integers(5000, size=20_000).astype(str), "weight": 1.0}
    ).assign(item_id=items.astype(str))
    keyed = with_keys(spark.createDataFrame(frame))
    layout = balance.balanced_layout(keyed, ("a",), NumBlocks(5, 5), len(frame))
    counts = np.bincount(items)
    keys = id_keys([str(n) for n in range(len(counts))])

    def unevenness(of: Layout) -> float:
        totals = np.bincount(of.items.placement.block_of(keys), counts, 5)
        return float(totals.max() / totals.mean())

    assert unevenness(Layout.of(("a",), 5, 5)) > 1.2
    assert unevenness(layout) < 1.05
    shuffled = keyed.repartition(3, "item_id").orderBy("user_key")
    assert balance.balanced_layout(shuffled, ("a",), NumBlocks(5, 5), len(frame)) == layout


def test_small_data_and_two_blocks_are_even_enough(spark: SparkSession) -> None:
    for blocks, n in ((5, 999_999), (2, 2_000_000)):
        # The data are not looked at.
        layout = balance.balanced_layout(spark.range(1), ("a",), NumBlocks(blocks, blocks), n)
        assert layout == Layout.of(("a",), blocks, blocks)
