"""Block solves of cogrouped rows: what half-steps have in common, and that of the items.

A task gets the static rows of one block and the factor rows that the blocks of the other side
sent it. It solves the block's rows and emits, instead of the factors as such, what the next step
needs of them. The numpy work is done in Arrow functions because Spark has no native operation for
it; besides these steps that is so in packing and scoring only.

Everything that depends on the iteration (the eigenbasis of each domain's Gram matrix) travels in
the function's closure: it is rank^2 numbers a domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cdimf_spark.distributed.blocks.block_ops import (
    address_of,
    interactions_of,
    received_rows,
    send_rows,
)
from cdimf_spark.distributed.blocks.block_rows import (
    encode,
    to_table,
)
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.rows.least_squares import GramBasis, gram
from cdimf_spark.solver.block import update_items
from cdimf_spark.solver.rules import DomainRules


@dataclass(frozen=True)
class StepSettings:
    """What both half-steps of all hosted domains need, besides the Gram matrices."""

    layout: Layout
    rank: int
    over_relaxation: float
    shared_user_weight: float
    rules: Mapping[str, DomainRules]


def make_item_step(
    settings: StepSettings, bases: Mapping[str, GramBasis], publish: bool = False
) -> CogroupFunction:
    """Item half-step of a block.

    Emits messages to the user blocks, the block's part of the item Gram matrix and its
    regularization loss; with `publish` the item factors instead of the messages.
    """

    def step(static: pa.Table, messages: pa.Table) -> pa.Table:
        at = address_of(static)
        src = received_rows(static, messages, settings.rank)
        rule = settings.rules[at.domain].items
        factors, regularization = update_items(interactions_of(static), src, bases[at.domain], rule)
        if publish:
            return to_table(encode(at, {"factors": factors}))
        parts = {"gram": gram(factors), "item_sums": np.array([regularization])}
        messages_out = send_rows(static, factors, settings.layout.users, at)
        return to_table([*messages_out, *encode(at, parts)])

    return step
