"""The rows of an export as frames: one schema for all of its tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_ops import address_of
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.packing import rows_of
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.training.publishing import factor_lists
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID

# Columns of all frames here; `domain` is '' where rows belong to none.
COLUMNS = (DOMAIN, "id", "key", FACTORS, "mark")
_COUNTS = "domain string, item_id string, mark long"
_EXCHANGED = "domain string, key long, factors array<float>"


def item_rows(model: PublishedModel) -> DataFrame:
    """Rows of the items, marked with their numbers of interactions."""
    static = rows_of(model.blocks(), "item", ("ids", "indptr"))
    counts = apply_to_groups(static.groupBy("pkey"), _count_interactions, _COUNTS)
    counted = model.item_factors.join(counts, [DOMAIN, ITEM_ID], "left")
    return _select(counted, ITEM_ID, F.coalesce("mark", F.lit(0)))


def user_rows(model: PublishedModel) -> DataFrame:
    """Rows that score the users, marked 1 for those that are shared in the domain."""
    shared = model.shared_factors.select(USER_ID, F.lit(1).alias("mark"))
    coupled = F.col(DOMAIN).isin(list(model.tables.sources.aligned))
    found = model.user_factors.join(shared, USER_ID, "left")
    return _select(found, USER_ID, F.when(coupled & F.col("mark").isNotNull(), 1).otherwise(0))


def exchanged_rows(model: PublishedModel) -> DataFrame:
    """Rows X + U of the shared users of each domain, as the published consensus was made of."""
    packed = model.exchanged_blocks()
    users = model.user_factors.select(DOMAIN, USER_ID, F.xxhash64(USER_ID).alias("key"))
    if packed is None:
        return _select(model.user_factors.where(F.lit(False)), USER_ID, F.lit(0))
    rank = model.rank

    def unpack(table: pa.Table) -> pa.Table:
        return _unpack_exchanged(table, rank)

    rows = apply_to_groups(packed.groupBy("pkey"), unpack, _EXCHANGED)
    return _select(rows.join(users, [DOMAIN, "key"], "inner"), USER_ID, F.lit(0))


def shared_rows(model: PublishedModel, domains: Sequence[str]) -> DataFrame:
    """Rows z of the shared users that some domain of the export has."""
    rows = model.shared_factors
    if set(domains) != set(model.domains):
        users = model.user_factors.where(F.col(DOMAIN).isin(list(domains))).select(USER_ID)
        rows = rows.join(users, USER_ID, "left_semi")
    return _select(rows.withColumn(DOMAIN, F.lit("")), USER_ID, F.lit(0))


def _select(rows: DataFrame, id_column: str, mark: object) -> DataFrame:
    return rows.select(
        DOMAIN,
        F.col(id_column).alias("id"),
        F.xxhash64(id_column).alias("key"),
        FACTORS,
        mark.cast("long").alias("mark"),  # type: ignore[attr-defined]
    )


def _count_interactions(static: pa.Table) -> pa.Table:
    """Number of interactions of each item of a block."""
    ids, counts = unpack_ids(decode(static, "ids")), np.diff(decode(static, "indptr"))
    domain = pa.array([address_of(static).domain] * len(ids), pa.string())
    return pa.table({DOMAIN: domain, ITEM_ID: ids, "mark": counts})


def _unpack_exchanged(table: pa.Table, rank: int) -> pa.Table:
    keys = decode(table, "exchange_keys")
    domain = pa.array([address_of(table).domain] * len(keys), pa.string())
    rows = decode_matrix(table, "exchange", rank)
    return pa.table({DOMAIN: domain, "key": keys, FACTORS: factor_lists(rows)})
