"""The users' half-step of a party: the first half of what is one step in a single application.

It ends where the other parties' rows are needed; `consensus_step` goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_ops import address_of, by_domain
from cdimf_spark.distributed.blocks.block_rows import (
    decode,
    decode_matrix,
    encode,
    to_table,
)
from cdimf_spark.distributed.federation.rounds.publication import PAYLOAD_BITS
from cdimf_spark.distributed.training.steps.half_step import StepSettings
from cdimf_spark.distributed.training.steps.user_step import ItemSide, SolvedUsers, solve_users
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.federation.sent_rows import pack_rows


def make_solve_step(
    settings: StepSettings, items: ItemSide, send: bool, n_audiences: int
) -> CogroupFunction:
    """Half-step of the users of one block number, all own domains.

    The moving rows are the item messages, and X + U and z of the shared users. Emits by domain x,
    the new X + U with the own keys and, if they are to be sent, the same by audience under the
    pseudonyms (`sent`, its source is the number of the audience); and the losses.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        batches: list[pa.RecordBatch] = []
        for own in by_domain(static):
            domain = address_of(own).domain
            pair = [
                decode_matrix(moving, kind, settings.rank, domain=domain)
                for kind in ("exchange", "z")
            ]
            before = {domain: (pair[0], pair[1])}
            block = solve_users(own, moving, settings, items, before)
            batches += _state(block)
            if send:
                batches += _sent(block, range(n_audiences))
        return to_table(batches)

    return step


def _state(block: SolvedUsers) -> list[pa.RecordBatch]:
    keys, rows = block.exchange
    squares = np.square(rows, dtype=np.float64).sum()
    arrays: dict[str, NDArray[Any]] = {
        "x_own": block.x_own,
        "x_shared": block.x_shared,
        "exchange": rows,
        "exchange_keys": keys,
        "user_sums": block.update.sums,
        "exchange_sums": np.array([squares, len(rows)]),
    }
    return list(encode(block.at, arrays))


def _sent(block: SolvedUsers, numbers: Sequence[int]) -> list[pa.RecordBatch]:
    """What each audience gets of the block."""
    names = decode(block.static, "pseudonyms")[block.shared]
    audiences = decode(block.static, "audiences")
    batches: list[pa.RecordBatch] = []
    for number in numbers:
        # By pseudonym: the order of the own keys would be known to no other party.
        mine = np.flatnonzero(audiences == number)
        mine = mine[np.argsort(names[mine])]
        for place, payload in enumerate(pack_rows(names[mine], block.update.exchanged[mine])):
            source = (number << PAYLOAD_BITS) + place
            batches += encode(block.at, {"sent": payload}, source=source)
    return batches
