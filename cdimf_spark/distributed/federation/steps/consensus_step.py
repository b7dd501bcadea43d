"""The second half of the users' step of a party: consensus with others' rows, and messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_ops import address_of, by_domain, shared_mask
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.federation.rounds.placing import decode_users
from cdimf_spark.distributed.training.steps.half_step import StepSettings
from cdimf_spark.distributed.training.steps.routing import scoring_rows, send_users
from cdimf_spark.distributed.training.steps.shared_users import (
    ConsensusSettings,
    Exchange,
    consensus_of,
    update_consensus,
)
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.consensus import consensus_sums, squared_distance

Matrix = NDArray[np.float32]


def make_consensus_step(
    settings: StepSettings, use_z: bool, consensus: ConsensusSettings | None
) -> CogroupFunction:
    """Consensus of the users of one block number, and their rows to the item blocks.

    The moving rows are what the solve step emitted, z of before, and `foreign` rows. With a
    `consensus` (None between two aggregations) z becomes the mean over all parties that sent.
    Emits what `make_user_step` does, but for x and X + U, which are there already.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        blocks = list(by_domain(static))
        before = {_name(own): _rows(own, moving, "z", settings.rank) for own in blocks}
        z = before
        if consensus is not None:
            z = _consensus(blocks, moving, settings.rank, consensus)
        batches: list[pa.RecordBatch] = []
        for own in blocks:
            at, shared = address_of(own), shared_mask(own)
            new_z = z[at.domain]
            x_own, x_shared = (_rows(own, moving, k, settings.rank) for k in ("x_own", "x_shared"))
            batches += encode(at, _sums(x_shared, new_z, before[at.domain], at.domain, consensus))
            if consensus is not None:
                batches += encode(at, {"z": new_z})
            rows = scoring_rows(shared, x_own, new_z if use_z else x_shared)
            batches += send_users(own, rows, settings)
        return to_table(batches)

    return step


def _name(own: pa.Table) -> str:
    return address_of(own).domain


def _rows(own: pa.Table, moving: pa.Table, kind: str, rank: int) -> Matrix:
    return decode_matrix(moving, kind, rank, domain=_name(own))


def _consensus(
    blocks: list[pa.Table], moving: pa.Table, rank: int, consensus: ConsensusSettings
) -> dict[str, Matrix]:
    """Z of the own domains' shared users, in the order of their rows."""
    exchanges, orders = {}, {}
    for own in blocks:
        names = decode(own, "pseudonyms")[shared_mask(own)]
        order = np.argsort(names)
        rows = _rows(own, moving, "exchange", rank)
        orders[_name(own)] = order
        exchanges[_name(own)] = Exchange(names[order], rows[order])
    found = update_consensus(exchanges | _foreign(moving, rank), consensus)
    z = {}
    for name, order in orders.items():
        rows = np.empty_like(found[name])
        rows[order] = found[name]
        z[name] = rows
    return z


def _foreign(moving: pa.Table, rank: int) -> dict[str, Exchange]:
    """What the domains of other parties sent."""
    rows = moving.filter(pc.equal(moving.column("kind"), "foreign"))
    return {
        sent.column("domain")[0].as_py(): Exchange(*decode_users(sent, rank))
        for sent in by_domain(rows)
    }


def make_late_start(settings: StepSettings, consensus: ConsensusSettings) -> CogroupFunction:
    """Start of a party to which the others have gone ahead: from their consensus, with U = 0.

    The moving rows are the usual start of the shared users, and `foreign` rows. Emits
    `exchange`, `exchange_keys` and `z`; users that nobody else sent start as usual.
    """

    def step(static: pa.Table, moving: pa.Table) -> pa.Table:
        sent = _foreign(moving, settings.rank)
        keys, z = consensus_of(sent, consensus) if sent else (np.empty(0, np.int64), None)
        batches: list[pa.RecordBatch] = []
        for own in by_domain(static):
            rows = _rows(own, moving, "z", settings.rank).copy()
            names = decode(own, "pseudonyms")[shared_mask(own)]
            if z is not None:
                place = np.minimum(np.searchsorted(keys, names), len(keys) - 1)
                known = keys[place] == names
                rows[known] = z[place[known]]
            own_keys = decode(own, "keys")[shared_mask(own)]
            arrays = {"exchange": rows, "exchange_keys": own_keys, "z": rows}
            batches += encode(address_of(own), arrays)
        return to_table(batches)

    return step


def _sums(
    x_shared: Matrix,
    z: Matrix,
    before: Matrix,
    domain: str,
    consensus: ConsensusSettings | None,
) -> Mapping[str, NDArray[Any]]:
    sums = {"primal_sums": np.array([squared_distance(x_shared, z)])}
    if consensus is not None:
        sums["consensus_sums"] = consensus_sums(z, before, consensus.rho[domain])
    return sums
