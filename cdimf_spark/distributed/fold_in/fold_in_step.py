"""What runs in the workers of a fold-in: packing a block's interactions, solving its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.blocks.list_columns import read_lists, read_matrix
from cdimf_spark.distributed.training.publishing import factor_lists
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.errors import DataError
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.kernel.rows.least_squares import GramBasis
from cdimf_spark.schemas import FACTORS
from cdimf_spark.solver.block import Coupling, InteractionBlock, update_items, update_users
from cdimf_spark.solver.packing import pack_block
from cdimf_spark.solver.placement import Placement
from cdimf_spark.solver.rules import DomainRules

Matrix = NDArray[np.float32]
Int64 = NDArray[np.int64]

HISTORY_KINDS = ("keys", "indptr", "indices", "weights", "columns")
# Where a user may be pulled to, best first: the consensus; nowhere, if the domain alone knows them;
# the mean of their rows elsewhere; nowhere.
SHARED, OWN, FOREIGN, NO_PULL = range(4)
PULLS = np.array(["shared", "none", "foreign", "none"], object)


@dataclass(frozen=True)
class SolveSettings:
    """What solving the rows of one side of one domain needs, besides rows."""

    side: str
    rank: int
    rules: DomainRules
    basis: GramBasis
    prior: NDArray[np.float32] | None

    @property
    def schema(self) -> str:
        """Columns of the result."""
        pull = "pull string, " if self.side == "user" else ""
        return f"{self.side}_id string, factors array<float>, {pull}n_interactions int"


def make_packer(side: Side, domain: str, duplicates: str) -> CogroupFunction:
    """Function of one block: packed interactions of the training, and new ones, to packed rows."""

    def pack(history: pa.Table, given: pa.Table) -> pa.Table:
        if not given.num_rows:
            return to_table([])
        columns = ("row_key", "column_key", "weight")
        rows, cells, weights = (given.column(name).to_numpy() for name in columns)
        old_rows, old_cells, old_weights = history_of(history, np.unique(rows))
        packed = pack_block(
            np.concatenate((rows, old_rows)),
            np.concatenate((cells, old_cells)),
            np.concatenate((weights, old_weights)),
            Placement(1),
            duplicates,
        )
        arrays = {kind: getattr(packed, kind) for kind in HISTORY_KINDS}
        at = side.address(domain, given.column("block")[0].as_py())
        return to_table(encode(at, arrays))

    return pack


def history_of(static: pa.Table, keys: Int64) -> tuple[Int64, Int64, NDArray[np.float64]]:
    """Interactions of some rows in the training: their keys, those of the other side, weights."""
    row, found = find_sorted(decode(static, "keys"), keys)
    if not found.any():
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    indptr = decode(static, "indptr")
    cells = Lists(indptr, np.arange(indptr[-1])).take(row[found])
    weights = decode(static, "weights")
    return (
        keys[found][cells.owners],
        decode(static, "columns")[decode(static, "indices")[cells.values]],
        weights[cells.values].astype(np.float64) if len(weights) else np.ones(len(cells.values)),
    )


def make_solver(settings: SolveSettings) -> CogroupFunction:
    """Function of one block: packed interactions, and the rows that it needs, to solved rows.

    The moving rows have priority -1 for rows of the other side, else they say where to pull.
    """

    def solve(static: pa.Table, moving: pa.Table) -> pa.Table:
        if not moving.num_rows:
            return _result(settings, pa.array([], pa.string()), Solved.empty(settings.rank))
        moving = moving.sort_by([("key", "ascending"), ("priority", "ascending")])
        is_source = moving.column("priority").to_numpy() < 0
        source, pulls = (moving.filter(pa.array(mask)) for mask in (is_source, ~is_source))
        block = _block(static, source)
        src, keys = read_matrix(source.column(FACTORS)), decode(static, "keys")
        first = np.unique(pulls.column("key").to_numpy(), return_index=True)[1]
        if settings.side == "item":
            factors, _ = update_items(block, src, settings.basis, settings.rules.items)
            solved = Solved(factors, np.full(len(keys), NO_PULL), block.counts)
        else:
            chosen, z = choose_pulls(pulls, keys, settings.rank)
            coupling = _coupling(static, chosen, z, keys, settings)
            rule = settings.rules.users
            update = update_users(block, src, settings.basis, rule, coupling, settings.prior)
            solved = Solved(update.factors, chosen, block.counts)
        return _result(settings, pulls.column("id").take(first), solved)

    return solve


@dataclass(frozen=True)
class Solved:
    """Rows float32 (n, rank), their pulls int64 (n,) and numbers of interactions int64 (n,)."""

    factors: Matrix
    pulls: Int64
    counts: Int64

    @classmethod
    def empty(cls, rank: int) -> Solved:
        """No row."""
        none = np.empty(0, np.int64)
        return cls(np.empty((0, rank), np.float32), none, none)


def _result(settings: SolveSettings, ids: pa.Array, solved: Solved) -> pa.Table:
    columns = {f"{settings.side}_id": ids, FACTORS: factor_lists(solved.factors)}
    if settings.side == "user":
        columns["pull"] = pa.array(PULLS[solved.pulls], pa.string())
    return pa.table({**columns, "n_interactions": solved.counts.astype(np.int32)})


def _block(static: pa.Table, source: pa.Table) -> InteractionBlock:
    """Interactions of the block, weighted by what the other side's rows weigh."""
    if not np.array_equal(source.column("key").to_numpy(), decode(static, "columns")):
        raise DataError(
            "the published factors do not have all rows of the training: do not train into the "
            "folder of the model during a fold-in; start it again"
        )
    indptr, indices, weights = (decode(static, kind) for kind in ("indptr", "indices", "weights"))
    factors = source.column("source_weight").to_numpy()
    if np.any(factors != 1):
        weights = factors[indices] * (weights if len(weights) else np.float32(1))
    return InteractionBlock(indptr, indices, weights)


def choose_pulls(pulls: pa.Table, keys: Int64, rank: int) -> tuple[Int64, Matrix]:
    """Where each user is pulled to: their best priority, and the mean of their rows of that.

    Parameters
    ----------
    pulls
        Sorted by key and priority; every key is there.

    Returns
    -------
    chosen : int64 (n,)
    z : float32 (n, rank)
        0 where there is no pull.
    """
    user, _ = find_sorted(keys, pulls.column("key").to_numpy())
    priorities = pulls.column("priority").to_numpy()
    chosen = np.full(len(keys), NO_PULL, np.int64)
    np.minimum.at(chosen, user, priorities)
    best = np.flatnonzero((priorities == chosen[user]) & np.isin(priorities, (SHARED, FOREIGN)))
    sums = np.zeros((len(keys), rank))
    lists = read_lists(pulls.column(FACTORS)).take(best)
    np.add.at(sums, user[best], lists.values.reshape(len(best), rank))
    counts = np.bincount(user[best], minlength=len(keys))
    return chosen, (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)


def _coupling(
    static: pa.Table, chosen: Int64, z: Matrix, keys: Int64, settings: SolveSettings
) -> Coupling:
    """Coupling of the users of a block."""
    exchanged = exchanged_of(static, chosen, z, keys)
    pulled = np.isin(chosen, (SHARED, FOREIGN))
    return Coupling(pulled, settings.rules.rho, exchanged[pulled], z[pulled], 1.0)


def exchanged_of(static: pa.Table, chosen: Int64, z: Matrix, keys: Int64) -> Matrix:
    """X + U of the users, (n, rank): z, that is u = 0, for those whom the domain did not share."""
    exchanged = z.copy()
    place, found = find_sorted(decode(static, "exchange_keys"), keys)
    known = found & (chosen == SHARED)
    exchanged[known] = decode_matrix(static, "exchange", z.shape[1])[place[known]]
    return exchanged
