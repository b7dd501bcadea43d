"""Baselines for a trained model, from the same interactions and evaluated on the same rows.

Both are factor models, so that the same code evaluates them. They know exactly the users that the
model knows: where a baseline has nothing to say about a user, he has a zero row, all items tie,
and his test rows count as they deserve.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.arrow_lists import Lists, offsets_of, write_lists
from cdimf_spark.distributed.block_rows import decode
from cdimf_spark.distributed.half_step import address_of
from cdimf_spark.distributed.indexing import unpack_ids
from cdimf_spark.distributed.model import CDIMFModel, Scorer
from cdimf_spark.distributed.separate import train_separately
from cdimf_spark.schemas import BLOCK_COLUMNS, DOMAIN, FACTORS, ITEM_FACTORS, ITEM_ID, USER_ID

import numpy as np


def popularity(model: CDIMFModel) -> Scorer:
    """Every item scores with its number of interactions, for everybody: a model of rank 1."""
    wanted = (F.col("side") == "item") & F.col("kind").isin("ids", "indptr")
    rows = model.blocks().where(wanted).select(*BLOCK_COLUMNS)

    def count(table):  # type: ignore[no-untyped-def] # Spark 4.1.4 reads annotations of UDFs
        return count_interactions(table)

    items = rows.repartition(model.layout.items.num_blocks, "pkey").groupBy("pkey")
    tables = replace(
        model.tables,
        users=_constant(model.user_factors, 1.0, 1),
        shared=_constant(model.shared_factors, 1.0, 1),
        items=items.applyInArrow(count, ITEM_FACTORS),
        rank=1,
    )
    return Scorer(tables)


def count_interactions(static: pa.Table) -> pa.Table:
    """Item rows of a block with the number of their interactions as the only factor."""
    ids, counts = unpack_ids(decode(static, "ids")), np.diff(decode(static, "indptr"))
    offsets = offsets_of(np.ones(len(counts), np.int64))
    return pa.table(
        {
            DOMAIN: pa.array([address_of(static).domain] * len(ids), pa.string()),
            ITEM_ID: ids,
            FACTORS: write_lists(Lists(offsets, counts.astype(np.float32))),
        }
    )


def _constant(frame: DataFrame, value: float, rank: int) -> DataFrame:
    """The same rows with constant factors."""
    return frame.withColumn(FACTORS, F.array_repeat(F.lit(value).cast("float"), rank))
