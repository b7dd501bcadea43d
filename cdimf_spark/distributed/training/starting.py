"""The rows that a training starts from.

They come from a generator keyed by the seed and the key of the user or item. So all domains agree
on the start of a shared user without a message, and it depends neither on the number of blocks
nor on the order of the data.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import decode, encode, to_table
from cdimf_spark.distributed.training.half_step import (
    StepSettings,
    address_of,
    by_domain,
    send_rows,
    shared_mask,
)
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.kernel.initialization import domain_item_keys, initial_factors
from cdimf_spark.kernel.least_squares import gram
from cdimf_spark.kernel.objective import ridge_loss
from cdimf_spark.schemas import BLOCK_ROW


def start_users(users: DataFrame, rank: int, seed: int, init_scale: float, zero: bool) -> DataFrame:
    """Packed rows of iteration 0: `exchange`, `exchange_keys`, `z` and `x_own` of every block.

    With `zero` (schedule ``paper``) all are 0; else U = 0 and X0 = Z0 is random.
    """

    def start_block(static: pa.Table) -> Iterator[pa.RecordBatch]:
        keys, shared = decode(static, "keys"), shared_mask(static)
        if zero:
            rows = np.zeros((len(keys), rank), np.float32)
        else:
            rows = initial_factors(keys, seed, rank, init_scale)
        arrays = {
            "exchange": rows[shared],
            "exchange_keys": keys[shared],
            "z": rows[shared],
            "x_own": rows[~shared],
        }
        return encode(address_of(static), arrays)

    def start(static: pa.Table) -> pa.Table:
        return to_table(batch for own in by_domain(static) for batch in start_block(own))

    return apply_to_groups(users.groupBy("bkey"), start, BLOCK_ROW)


def start_items(
    items: DataFrame, settings: StepSettings, seed: int, init_scale: float
) -> DataFrame:
    """Random item rows as the first user half-step of schedule ``paper`` wants them.

    Emits messages to the user blocks, the Gram parts of the blocks and their regularization
    losses.
    """

    def start(static: pa.Table) -> pa.Table:
        at = address_of(static)
        keys = domain_item_keys(at.domain, decode(static, "keys"))
        rows = initial_factors(keys, seed, settings.rank, init_scale)
        messages = send_rows(static, rows, settings.layout.users, at)
        ridge = settings.rules[at.domain].items.ridge(np.diff(decode(static, "indptr")))
        sums = {"gram": gram(rows), "item_sums": np.array([ridge_loss(rows, ridge)])}
        return to_table([*messages, *encode(at, sums)])

    return apply_to_groups(items.groupBy("pkey"), start, BLOCK_ROW)
