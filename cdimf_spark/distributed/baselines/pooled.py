"""The baseline that shares everything: one ALS on the pooled interactions of all domains.

One domain has the users and the items of all; items of different domains are different. That is
what the consensus is measured against: it needs all interactions in one place. The interactions
come from the packed blocks of the model, and the factors go back to blocks like those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.baselines.baselines import iterate, with_factors
from cdimf_spark.distributed.blocks.block_ops import address_of, by_block
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import (
    block_sizes,
    build_blocks,
    persist_blocks,
    rows_of,
)
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, restrict
from cdimf_spark.distributed.training.publishing import packed_users
from cdimf_spark.distributed.training.steps.iteration import Steps
from cdimf_spark.distributed.workers import apply_to_cogroups, apply_to_groups
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.schemas import BLOCK_ROW

POOLED = "pooled"
_PAIRS = "domain string, item_key long, user_key long, weight double"


@dataclass(frozen=True)
class Pool:
    """The interactions of all domains as those of one.

    Attributes
    ----------
    interactions
        Keyed interactions (`with_keys`).
    layout, blocks
        The same packed.
    """

    interactions: DataFrame
    layout: Layout
    blocks: DataFrame

    @classmethod
    def of(cls, model: PublishedModel) -> Self:
        """The interactions that a model was trained on."""
        users, items = model.layout.users, model.layout.items
        layout = Layout.of((POOLED,), users.num_blocks, items.num_blocks, users.heavy)
        keyed = _interactions(model)
        blocks = build_blocks(keyed, layout, frozenset(), "sum").localCheckpoint()
        return cls(keyed, layout, blocks)


def pooled_als(model: PublishedModel) -> ScoringTables:
    """Joined ALS: the model's options and number of iterations, on the data of all domains.

    Numbers that a domain has of its own (reg_param, unobserved_weight, rho) do not apply, nor does
    shared_user_weight. It is trained here, in the memory of the executors; nothing is written.
    """
    pool = Pool.of(model)
    config = _pooled_config(model.config)
    static = persist_blocks(pool.blocks, pool.layout)
    try:
        sizes = block_sizes(static.users, static.items, pool.layout).domains
        steps = Steps.of(config, pool.layout, static, sizes)
        items, state = iterate(steps, config, len(model.run.iterations))
        users = packed_users(pool.blocks, state, pool.layout, model.rank)
        return with_pooled_factors(model, pool, users, items)
    finally:
        static.unpersist()


def with_pooled_factors(
    model: PublishedModel, pool: Pool, users: DataFrame, items: DataFrame
) -> ScoringTables:
    """The model with the factors of a pool: packed rows in the blocks of the pool."""
    to_items = _items_of_domains(model, pool.layout, pool.blocks, items).localCheckpoint()
    to_users = _users_of_domains(model, pool.blocks, users).localCheckpoint()
    return with_factors(model, to_users, to_items, model.rank, transfers=True)


def _pooled_config(config: TrainConfig) -> TrainConfig:
    model = replace(config.model, rho=0.0, schedule="consensus")
    return replace(config, model=model, domains=(DomainConfig(POOLED, POOLED),))


def _interactions(model: PublishedModel) -> DataFrame:
    """Keyed interactions of all domains as those of one; an item's id is its key and its domain."""
    kinds = ("keys", "columns", "indptr", "indices", "weights")
    rows = rows_of(model.blocks(), "item", kinds)
    groups = by_block(rows, model.layout.items)
    pairs = apply_to_groups(groups, unpack_pairs, _PAIRS)
    named = pairs.selectExpr(
        f"'{POOLED}' AS domain",
        "CAST(user_key AS string) AS user_id",
        "concat(item_key, ' ', domain) AS item_id",
        "weight",
        "user_key",
    )
    return named.selectExpr("*", "xxhash64(item_id) AS item_key")


def unpack_pairs(static: pa.Table) -> pa.Table:
    """Interactions of an item block: domain, item_key, user_key, weight."""
    indptr, indices = decode(static, "indptr"), decode(static, "indices")
    weights = decode(static, "weights").astype(np.float64)
    return pa.table(
        {
            "domain": pa.array([address_of(static).domain] * len(indices), pa.string()),
            "item_key": np.repeat(decode(static, "keys"), np.diff(indptr)),
            "user_key": decode(static, "columns")[indices],
            "weight": weights if len(weights) else np.ones(len(indices)),
        }
    )


def _items_of_domains(
    model: PublishedModel, layout: Layout, blocks: DataFrame, factors: DataFrame
) -> DataFrame:
    """Packed factors in the item blocks of the model, from those of the pooled items."""
    side, rank = model.layout.items, model.rank

    def send(table: pa.Table) -> pa.Table:
        names = [str(name).split(" ", 1) for name in unpack_ids(decode(table, "ids")).to_pylist()]
        keys = np.array([int(key) for key, _ in names], np.int64)
        domains = np.array([domain for _, domain in names], object)
        rows, to = decode_matrix(table, "factors", rank), side.placement.block_of(keys)
        source = address_of(table).block
        batches: list[pa.RecordBatch] = []
        for domain in sorted(set(domains)):
            for block in np.unique(to[domains == domain]):
                mine = (domains == domain) & (to == block)
                arrays = {"keys": keys[mine], "factors": rows[mine]}
                batches += encode(side.address(domain, int(block)), arrays, source)
        return to_table(batches)

    def sort(table: pa.Table) -> pa.Table:
        order = np.argsort(decode(table, "keys"))
        rows = decode_matrix(table, "factors", rank)[order]
        return to_table(encode(address_of(table), {"factors": rows}))

    named = rows_of(blocks, "item", ("ids",)).union(factors)
    pooled = by_block(named, layout.items)
    sent = apply_to_groups(pooled, send, BLOCK_ROW)
    groups = by_block(sent, side)
    return apply_to_groups(groups, sort, BLOCK_ROW)


def _users_of_domains(model: PublishedModel, blocks: DataFrame, factors: DataFrame) -> DataFrame:
    """Packed factors in the user blocks of the model; users of all domains are cut alike."""
    side, rank, tables = model.layout.users, model.rank, model.tables

    def take(own: pa.Table, pooled: pa.Table) -> pa.Table:
        keys, rows = decode(pooled, "keys"), decode_matrix(pooled, "factors", rank)
        batches: list[pa.RecordBatch] = []
        for domain in sorted(set(own.column("domain").to_pylist())):
            position, _ = find_sorted(keys, decode(own, "keys", domain=domain))
            block = own.column("block")[0].as_py()
            batches += encode(side.address(domain, block), {"factors": rows[position]})
        return to_table(batches)

    by_number = f"{side.block_key_expression()} AS bkey"
    own = restrict(tables.users, tables.domains, ("keys",)).drop("side")
    pooled = rows_of(blocks, "user", ("keys",)).union(factors)
    left, right = (
        by_block(frame.selectExpr("*", by_number), side, "bkey") for frame in (own, pooled)
    )
    return apply_to_cogroups(left, right, take, BLOCK_ROW)
