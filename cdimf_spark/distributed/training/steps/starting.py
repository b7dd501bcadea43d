"""The rows that a training starts from.

They come from a generator keyed by the seed and the key of the user or item. So all domains agree
on the start of a shared user without a message, and it depends neither on the number of blocks
nor on the order of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.blocks.block_ops import (
    address_of,
    by_domain,
    cogroup_blocks,
    send_rows,
    shared_mask,
)
from cdimf_spark.distributed.blocks.block_rows import decode, encode, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.training.steps.half_step import StepSettings
from cdimf_spark.distributed.training.steps.warm_start import EarlierModel, read_rows
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.kernel.initialization import domain_item_keys, initial_factors
from cdimf_spark.kernel.objective import ridge_loss
from cdimf_spark.kernel.rows.least_squares import gram
from cdimf_spark.schemas import BLOCK_ROW
from cdimf_spark.solver.earlier import EarlierRows, StartOf
from cdimf_spark.solver.rules import DomainRules


class UserStart(NamedTuple):
    """How users start.

    Attributes
    ----------
    rank, seed, init_scale
        Of the random rows.
    zero
        All rows are 0 (schedule ``paper``).
    coupled
        Domains that take part in the consensus.
    """

    rank: int
    seed: int
    init_scale: float
    zero: bool
    coupled: frozenset[str]

    @classmethod
    def of(cls, model: ModelConfig, rules: Mapping[str, DomainRules]) -> UserStart:
        """The start of a training."""
        coupled = frozenset(name for name in rules if rules[name].rho > 0)
        zero = model.schedule == "paper"
        return cls(model.rank, model.seed, model.init_scale, zero, coupled)


def start_users(
    users: DataFrame, side: Side, start: UserStart, earlier: EarlierModel | None
) -> DataFrame:
    """Packed rows of iteration 0: `exchange`, `exchange_keys`, `z` and `x_own` of every block.

    U = 0 and X0 = Z0, random or (see `solver.earlier`) from an earlier model; then also
    `start_sums`, float64 (2,): the users, and those of them that the model has.
    """
    if earlier is None:

        def at_random(static: pa.Table) -> pa.Table:
            return _start_number(static, start, None)

        return apply_to_groups(users.groupBy("bkey"), at_random, BLOCK_ROW)

    coupled = earlier.coupled

    def from_earlier(static: pa.Table, moving: pa.Table) -> pa.Table:
        return _start_number(static, start, read_rows(moving, coupled))

    return cogroup_blocks(users, earlier.placed(side), side, from_earlier, "bkey")


def _start_number(static: pa.Table, start: UserStart, earlier: EarlierRows | None) -> pa.Table:
    """The blocks of one number of all domains."""
    return to_table(b for own in by_domain(static) for b in _start_block(own, start, earlier))


def _start_block(
    static: pa.Table, start: UserStart, earlier: EarlierRows | None
) -> Iterator[pa.RecordBatch]:
    keys, shared, at = decode(static, "keys"), shared_mask(static), address_of(static)
    if start.zero:
        rows = np.zeros((len(keys), start.rank), np.float32)
    else:
        # In a federation all parties start a user alike, whatever they call them at home.
        names = decode(static, "pseudonyms")
        drawn = names if len(names) else keys
        rows = initial_factors(drawn, start.seed, start.rank, start.init_scale)
    arrays: dict[str, NDArray[Any]] = {}
    if earlier is not None:
        found = earlier.put(rows, keys, shared, StartOf(at.domain, at.domain in start.coupled))
        arrays["start_sums"] = np.array([len(keys), found], np.float64)
    arrays |= {
        "exchange": rows[shared],
        "exchange_keys": keys[shared],
        "z": rows[shared],
        "x_own": rows[~shared],
    }
    return encode(at, arrays)


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
