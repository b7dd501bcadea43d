"""Baselines for a trained model, from the same interactions and evaluated on the same rows.

Both are factor models, so that the same code evaluates them. They know exactly the users that the
model knows: where a baseline has nothing to say about a user, he has a zero row, all items tie,
and his test rows count as they deserve.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.config import TrainConfig
from cdimf_spark.distributed.blocks.block_rows import decode
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.distributed.blocks.packing import domain_sizes, persist_blocks, rows_of
from cdimf_spark.distributed.scoring.arrow_lists import Lists, offsets_of, write_lists
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.distributed.scoring.scorer import Scorer
from cdimf_spark.distributed.training.half_step import address_of
from cdimf_spark.distributed.training.iteration import Steps, UserState
from cdimf_spark.distributed.training.publishing import item_factors, user_factors
from cdimf_spark.distributed.training.run_training import make_steps
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_FACTORS, ITEM_ID, USER_ID


def popularity(model: CDIMFModel) -> Scorer:
    """Every item scores with its number of interactions, for everybody: a model of rank 1."""
    rows = rows_of(model.blocks(), "item", ("ids", "indptr"))

    items = rows.repartition(model.layout.items.num_blocks, "pkey").groupBy("pkey")
    tables = replace(
        model.tables,
        users=_constant(model.user_factors, 1.0, 1),
        shared=_constant(model.shared_factors, 1.0, 1),
        items=apply_to_groups(items, count_interactions, ITEM_FACTORS),
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


def separate_als(model: CDIMFModel) -> Scorer:
    """Each domain for itself (rho = 0): same interactions, options and number of iterations.

    It is trained here, in the memory of the executors; nothing is written.
    """
    config, layout = _uncoupled(model.config), model.layout
    no_shared = F.when(F.col("kind") == "shared", F.lit(b"")).otherwise(F.col("payload"))
    blocks = model.blocks().withColumn("payload", no_shared)
    static = persist_blocks(blocks, layout)
    try:
        steps = make_steps(config, layout, static, domain_sizes(static))
        items, users = _iterate(steps, config, len(model.run.iterations))
        item_rows = item_factors(blocks, items, layout, model.rank).localCheckpoint()
        user_rows = user_factors(blocks, users, layout, model.rank).localCheckpoint()
    finally:
        static.unpersist()
    everybody = model.user_factors.select(USER_ID).distinct()
    nothing = _constant(everybody, 0.0, model.rank)
    return Scorer(replace(model.tables, users=user_rows, items=item_rows, shared=nothing))


def _uncoupled(config: TrainConfig) -> TrainConfig:
    return replace(
        config,
        model=replace(config.model, rho=0.0, schedule="consensus"),
        domains=tuple(replace(domain, rho=0.0) for domain in config.domains),
    )


def _iterate(steps: Steps, config: TrainConfig, n_iterations: int) -> tuple[DataFrame, UserState]:
    """Item factors (packed) and the users' state after some iterations without a consensus."""
    state = steps.start(config.model)
    messages = steps.route_users(state)
    for _ in range(n_iterations):
        items = steps.update_items(messages)
        state, messages = steps.update_users(items, state, use_z=True, aggregate=False)
    return steps.item_factors(messages), state


def _constant(frame: DataFrame, value: float, rank: int) -> DataFrame:
    """The same rows with constant factors."""
    return frame.withColumn(FACTORS, F.array_repeat(F.lit(value).cast("float"), rank))
