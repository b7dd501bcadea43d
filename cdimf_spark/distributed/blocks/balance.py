"""Heavy users and items, found in a sample of the interactions and spread over the blocks."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.configuration.sizing import NumBlocks
from cdimf_spark.distributed.blocks.indexing import ITEM_KEY, USER_KEY
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.solver.placement import balance

# A key is heavy above this share of a mean block: what is left to chance is well below 10 %.
_HEAVY_SHARE = 0.01
# One interaction in so many is looked at: a heavy key still has hundreds.
_SAMPLED = 16
# With less there is no work to balance.
_FEWEST_INTERACTIONS = 1_000_000
# Of each side: the driver and every task know them.
_MOST_HEAVY_KEYS = 10_000


def balanced_layout(
    keyed: DataFrame, domains: tuple[str, ...], num_blocks: NumBlocks, n_interactions: int
) -> Layout:
    """Layout whose blocks have like numbers of interactions.

    The sample is chosen by the keys of the interactions, so the layout is a function of the data
    alone. Two blocks are always even enough.
    """
    if max(num_blocks) <= 2 or n_interactions < _FEWEST_INTERACTIONS:
        return Layout.of(domains, *num_blocks)
    sample = keyed.where(F.pmod(F.xxhash64(USER_KEY, ITEM_KEY), F.lit(_SAMPLED)) == 0)
    sample = sample.select(USER_KEY, ITEM_KEY).persist()
    try:
        n = sample.count()
        heavy = [
            _heavy_keys(sample, key, blocks, _HEAVY_SHARE * n / blocks) if blocks > 2 else {}
            for key, blocks in zip((USER_KEY, ITEM_KEY), num_blocks, strict=True)
        ]
    finally:
        sample.unpersist()
    return Layout.of(domains, *num_blocks, *heavy)


def _heavy_keys(sample: DataFrame, key: str, num_blocks: int, few: float) -> dict[int, int]:
    """Blocks of the keys of one side that have more than `few` interactions (one job)."""
    counts = sample.groupBy(F.col(key).alias("key")).agg(F.count(F.lit(1)).alias("n"))
    marked = counts.select("*", F.when(F.col("n") > few, F.col("key")).alias("heavy"))
    block = F.pmod(F.col("key"), F.lit(num_blocks).cast("long")).cast("int").alias("block")
    found = marked.groupBy("heavy", F.when(F.isnull("heavy"), block).alias("block")).agg(F.sum("n"))
    loads, heavy = [0.0] * num_blocks, {}
    for heavy_key, number, n in found.collect():
        if heavy_key is None:
            loads[number] = float(n)
        else:
            heavy[heavy_key] = float(n)
    heaviest = sorted(heavy, key=lambda one: (-heavy[one], one))[:_MOST_HEAVY_KEYS]
    return balance({one: heavy[one] for one in heaviest}, loads)
