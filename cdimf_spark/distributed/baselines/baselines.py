"""Baselines for a trained model, from the same interactions and evaluated on the same rows.

Both are factor models, so that the same code evaluates them. They know exactly the users that the
model knows: where a baseline has nothing to say about a user, they have a zero row, all items tie,
and their test rows count as they deserve.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.blocks.block_ops import address_of, by_block
from cdimf_spark.distributed.blocks.block_rows import decode, encode, to_table
from cdimf_spark.distributed.blocks.packing import block_sizes, persist_blocks
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scoring.scoring_tables import USER_KINDS, ScoringTables, restrict
from cdimf_spark.distributed.training.publishing import packed_users
from cdimf_spark.distributed.training.steps.iteration import Steps, UserState
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.schemas import BLOCK_ROW


def popularity(model: PublishedModel) -> ScoringTables:
    """Every item scores with its number of interactions, for everybody: a model of rank 1."""

    def ones(static: pa.Table) -> pa.Table:
        factors = np.ones(len(decode(static, "keys")), np.float32)
        return to_table(encode(address_of(static), {"factors": factors}))

    tables, layout = model.tables, model.layout
    keys = restrict(tables.users, tables.domains, ("keys",))
    indptr = restrict(tables.items, tables.domains, ("indptr",))
    users = by_block(keys, layout.users)
    items = by_block(indptr, layout.items)
    return with_factors(
        model,
        apply_to_groups(users, ones, BLOCK_ROW),
        apply_to_groups(items, count_interactions, BLOCK_ROW),
        rank=1,
        transfers=True,
    )


def count_interactions(static: pa.Table) -> pa.Table:
    """Packed factors of the items of a block: the numbers of their interactions."""
    counts = np.diff(decode(static, "indptr"))
    return to_table(encode(address_of(static), {"factors": counts}))


def separate_als(model: PublishedModel) -> ScoringTables:
    """Each domain for itself (rho = 0): same interactions, options and number of iterations.

    It is trained here, in the memory of the executors; nothing is written.
    """
    config, layout = _uncoupled(model.config), model.layout
    no_shared = F.when(F.col("kind") == "shared", F.lit(b"")).otherwise(F.col("payload"))
    blocks = model.blocks().withColumn("payload", no_shared)
    static = persist_blocks(blocks, layout)
    try:
        steps = Steps.of(
            config, layout, static, block_sizes(static.users, static.items, layout).domains
        )
        items, state = iterate(steps, config, len(model.run.iterations))
        item_rows = items.localCheckpoint()
        user_rows = packed_users(blocks, state, layout, model.rank).localCheckpoint()
    finally:
        static.unpersist()
    return with_factors(model, user_rows, item_rows, model.rank, transfers=False)


def with_factors(
    model: PublishedModel, users: DataFrame, items: DataFrame, rank: int, transfers: bool
) -> ScoringTables:
    """The model with other factors; `transfers`: a user's rows serve the other domains too."""
    tables = model.tables
    kinds = [kind for kind in USER_KINDS if kind not in ("factors", "z")]
    return replace(
        tables,
        users=restrict(tables.users, tables.domains, kinds).drop("side").union(users),
        items=restrict(tables.items, tables.domains, kinds).drop("side").union(items),
        sources=replace(tables.sources, transfers=transfers),
        rank=rank,
    )


def _uncoupled(config: TrainConfig) -> TrainConfig:
    return replace(
        config,
        model=replace(config.model, rho=0.0, schedule="consensus"),
        domains=tuple(replace(domain, rho=0.0) for domain in config.domains),
    )


def iterate(steps: Steps, config: TrainConfig, n_iterations: int) -> tuple[DataFrame, UserState]:
    """Item factors (packed) and the users' state after some iterations without a consensus."""
    state = steps.start(config.model)
    messages = steps.route_users(state)
    for _ in range(n_iterations):
        items = steps.update_items(messages)
        state, messages = steps.update_users(items, state, use_z=True, aggregate=False)
    return steps.item_factors(messages), state
