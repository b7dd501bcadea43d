"""The baseline of Spark itself: MLlib's implicit ALS on the pooled interactions of all domains.

It knows neither a weight of unobserved cells nor several domains, takes numbers for ids, and solves
each row by a dense Cholesky: an iteration costs about rank^3 a row.
"""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.baselines.pooled import POOLED, Pool, with_pooled_factors
from cdimf_spark.distributed.blocks.block_ops import address_of, by_block
from cdimf_spark.distributed.blocks.block_rows import decode, encode, to_table
from cdimf_spark.distributed.blocks.indexing import group_key_column
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.blocks.list_columns import read_matrix
from cdimf_spark.distributed.blocks.packing import rows_of
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.distributed.workers import apply_to_cogroups, apply_to_groups
from cdimf_spark.schemas import BLOCK_ROW, DOMAIN, FACTORS

logger = logging.getLogger(__name__)

# MLlib's own default, and the confidence of Hu, Koren and Volinsky (2008).
REG_PARAM, ALPHA = 0.1, 40.0


def mllib_als(model: PublishedModel) -> ScoringTables:
    """MLlib's ALS with the model's rank and number of iterations, on the data of all domains."""
    # Half a second of imports that nobody else needs.
    from pyspark.ml.recommendation import ALS

    pool = Pool.of(model)
    users, items = pool.layout.users, pool.layout.items
    ratings = (
        pool.interactions.join(_numbers(pool.blocks, "user", users, "user"), "user_key")
        .join(_numbers(pool.blocks, "item", items, "item"), "item_key")
        .select("user", "item", F.col("weight").cast("float"))
    )
    als = ALS(
        rank=model.rank,
        maxIter=len(model.run.iterations),
        regParam=REG_PARAM,
        alpha=ALPHA,
        implicitPrefs=True,
        ratingCol="weight",
        seed=model.config.model.seed,
    )
    logger.info("MLlib ALS: rank %d, %d iterations", als.getRank(), als.getMaxIter())
    fitted = als.fit(ratings)
    return with_pooled_factors(
        model,
        pool,
        _packed(pool.blocks, "user", users, fitted.userFactors, model.rank),
        _packed(pool.blocks, "item", items, fitted.itemFactors, model.rank),
    )


def _numbers(blocks: DataFrame, side_name: str, side: Side, name: str) -> DataFrame:
    """A number for each key: its row in its block, times the number of blocks, plus the block."""
    num_blocks = side.num_blocks

    def number(static: pa.Table) -> pa.Table:
        keys, block = decode(static, "keys"), address_of(static).block
        numbers = np.arange(len(keys)) * num_blocks + block
        return pa.table({"key": keys, "number": numbers.astype(np.int32)})

    groups = rows_of(blocks, side_name, ("keys",)).groupBy("pkey")
    numbers = apply_to_groups(groups, number, "key long, number int")
    return numbers.select(F.col("key").alias(f"{side_name}_key"), F.col("number").alias(name))


def _packed(
    blocks: DataFrame, side_name: str, side: Side, found: DataFrame, rank: int
) -> DataFrame:
    """Packed factors of each block from rows (id, features); 0 for whom MLlib has none."""
    num_blocks = side.num_blocks

    def pack(static: pa.Table, rows: pa.Table) -> pa.Table:
        factors = np.zeros((len(decode(static, "keys")), rank), np.float32)
        if rows.num_rows:
            factors[rows.column("row").to_numpy()] = read_matrix(rows.column(FACTORS))
        return to_table(encode(address_of(static), {"factors": factors}))

    placed = found.select(
        F.lit(POOLED).alias(DOMAIN),
        (F.col("id") % num_blocks).alias("block"),
        F.floor(F.col("id") / num_blocks).cast("int").alias("row"),
        F.col("features").alias(FACTORS),
    ).withColumn("pkey", group_key_column(side, F.col("block")))
    keys = rows_of(blocks, side_name, ("keys",))
    left, right = (by_block(frame, side) for frame in (keys, placed))
    return apply_to_cogroups(left, right, pack, BLOCK_ROW)
