"""Planted models as packed rows, and as the tables of a finished training."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.blocks.block_rows import encode, to_table
from cdimf_spark.distributed.blocks.indexing import pack_ids, with_keys
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.blocks.packing import build_blocks
from cdimf_spark.distributed.output.runs import PACKED, PUBLISHED, STARTED, new_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, Sizes
from cdimf_spark.distributed.training.publishing import item_factors, shared_factors, user_factors
from cdimf_spark.distributed.training.resuming import start_details
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.schemas import HISTORY
from cdimf_spark.scoring.sources import Sources
from cdimf_spark.solver.packing import pack_block
from cdimf_spark.solver.placement import Placement
from tests.support.planted import Planted, Rows

Arrays = dict[str, Any]


def planted_layout(planted: Planted) -> Layout:
    return Layout.of(planted.domains, planted.num_blocks, planted.num_blocks)


def user_arrays(planted: Planted, domain: str, block: int) -> Arrays | None:
    """Packed rows of the users of a block."""
    ids = ids_of_block(planted.users[domain], block, planted.num_blocks)
    pairs = [pair for pair in planted.train[domain] if pair[0] in ids]
    if not pairs:
        return None
    user_keys, item_keys = (id_keys([pair[side] for pair in pairs]) for side in (0, 1))
    ones, placement = np.ones(len(pairs)), Placement(planted.num_blocks)
    packed = vars(pack_block(user_keys, item_keys, ones, placement))
    shared = [n for n, one in enumerate(ids) if one in planted.shared]
    return {
        "ids": pack_ids(pa.chunked_array([ids])),
        "shared": np.array(shared, np.int32),
        "factors": np.array([planted.users[domain][one] for one in ids]),
        "z": np.array([planted.shared[ids[n]] for n in shared]),
        **{kind: packed[kind] for kind in ("keys", "columns", "indptr", "indices")},
    }


def item_arrays(planted: Planted, domain: str, block: int) -> Arrays | None:
    """Packed rows of the items of a block, also of those that nobody has in train."""
    ids = ids_of_block(planted.items[domain], block, planted.num_blocks)
    if not ids:
        return None
    buyers = [[u for u, item in planted.train[domain] if item == one] for one in ids]
    counts = [len(users) for users in buyers]
    return {
        "keys": id_keys(ids),
        "ids": pack_ids(pa.chunked_array([ids])),
        "indptr": np.cumsum([0, *counts]),
        "indices": np.arange(sum(counts)),
        "columns": id_keys([user for users in buyers for user in users]),
        "factors": np.array([planted.items[domain][one] for one in ids]),
    }


def ids_of_block(rows: Rows, block: int, num_blocks: int) -> list[str]:
    """Ids of a block in the order of their keys."""
    keys = {one: int(id_keys([one])[0]) for one in rows}
    return sorted((one for one in rows if keys[one] % num_blocks == block), key=keys.__getitem__)


def packed(planted: Planted, side: Side, arrays: Callable[..., Arrays | None]) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    for domain, block in product(planted.domains, range(side.num_blocks)):
        found = arrays(planted, domain, block)
        batches += [] if found is None else encode(side.address(domain, block), found)
    return to_table(batches)


def sizes_of(planted: Planted) -> dict[str, dict[str, list[int]]]:
    return {
        side: {
            domain: [
                len(ids_of_block(by_domain[domain], block, planted.num_blocks))
                for block in range(planted.num_blocks)
            ]
            for domain in planted.domains
        }
        for side, by_domain in (("users", planted.users), ("items", planted.items))
    }


def planted_tables(spark: SparkSession, planted: Planted) -> ScoringTables:
    layout = planted_layout(planted)
    aligned = frozenset(planted.domains) if planted.aligned is None else planted.aligned
    return ScoringTables(
        users=spark.createDataFrame(packed(planted, layout.users, user_arrays)),
        items=spark.createDataFrame(packed(planted, layout.items, item_arrays)),
        layout=layout,
        sizes=Sizes(**sizes_of(planted)),
        sources=Sources(aligned),
        rank=2,
    )


def write_model(spark: SparkSession, planted: Planted, path: str) -> None:
    """Write the tables of a finished training."""
    domains = tuple(DomainConfig(name, "x") for name in planted.domains)
    config = TrainConfig(ModelConfig(rank=2, max_iter=1), domains, path)
    tables = OutputTables(spark, path)
    layout = planted_layout(planted)
    run = new_run(tables, start_details(config, layout, {}))
    run.write(STARTED, 0, run.details)
    working = WorkingTables(tables, run.run_id)
    pairs = [(d, u, i, 1.0) for d, train in planted.train.items() for u, i in train]
    keyed = with_keys(
        spark.createDataFrame(pairs, "domain string, user_id string, item_id string, weight double")
    )
    blocks = build_blocks(keyed, layout, frozenset(planted.domains), "sum")
    working.write_blocks(blocks)
    run.record(PACKED, 0)
    users, items = (
        spark.createDataFrame(packed(planted, side, arrays))
        for side, arrays in ((layout.users, user_arrays), (layout.items, item_arrays))
    )
    rows = users.withColumn("side", F.lit("user")).union(items.withColumn("side", F.lit("item")))
    working.write_factors(rows.where("kind IN ('factors', 'z')"))
    blocks = working.read_blocks()
    tables.overwrite(
        user_factors(blocks, users.where("kind = 'factors'"), layout, 2), "user_factors"
    )
    tables.overwrite(
        item_factors(blocks, items.where("kind = 'factors'"), layout, 2), "item_factors"
    )
    tables.overwrite(shared_factors(blocks, users.where("kind = 'z'"), layout, 2), "shared_factors")
    tables.overwrite(spark.createDataFrame([], HISTORY), "history")
    run.record(PUBLISHED, 1, sizes_of(planted))
