"""One block of items, and the users that it is scored for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.scoring.arrow_lists import Lists, offsets_of, read_lists, read_matrix
from cdimf_spark.errors import NumericalError
from cdimf_spark.kernel.ranking import TopK
from cdimf_spark.kernel.scoring import find_sorted
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID

Indexes = NDArray[np.int64]

# Best items as an array of structs: in their natural order they are in the order of the tie rule.
BEST = "array<struct<loss: float, item_key: long, item_id: string>>"


@dataclass(frozen=True)
class ItemBlock:
    """Items of one block, by ascending key.

    Attributes
    ----------
    number
        Of the block, from 0.
    keys : int64 (n_items,)
    ids : string (n_items,)
    factors : float32 (n_items, rank)
    """

    number: int
    keys: Indexes
    ids: pa.ChunkedArray
    factors: NDArray[np.float32]

    @classmethod
    def of(cls, number: int, items: pa.Table, rank: int) -> ItemBlock:
        """Block of item rows in any order.

        Raises
        ------
        NumericalError
            If a factor is not a finite number.
        """
        items = items.sort_by("item_key")
        factors = read_matrix(items.column(FACTORS)).reshape(-1, rank)
        if not np.isfinite(factors).all():
            raise NumericalError("some item factors are not finite numbers: train the model again")
        return cls(number, items.column("item_key").to_numpy(), items.column(ITEM_ID), factors)

    def find(self, keys: Lists) -> Lists:
        """Row numbers of the items of each list that are in this block."""
        positions, found = find_sorted(self.keys, keys.values)
        return Lists(keys.offsets, positions).where(found)

    def best(self, top: TopK, named: bool = True) -> pa.ListArray:
        """Lists of row numbers and scores as a column ``BEST``; empty places are left out.

        Unless `named`, the ids are null: counting needs only the keys.
        """
        there = top.scores > -np.inf
        rows = top.items[there]
        ids = pa.nulls(len(rows), pa.string())
        if named and len(rows):
            ids = pa.concat_arrays(self.ids.take(pa.array(rows)).chunks)
        values = [pa.array(-top.scores[there]), pa.array(self.keys[rows]), ids]
        structs = pa.StructArray.from_arrays(values, names=["loss", "item_key", "item_id"])
        offsets = offsets_of(there.sum(axis=1)).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), structs)


@dataclass(frozen=True)
class KnownUsers:
    """Users of a table ``USER_ROW`` that can be scored.

    Attributes
    ----------
    rows : int64 (n,)
        Their row numbers in the table.
    factors : float32 (n, rank)
    seen
        Row numbers in the item block of their seen items.
    """

    rows: Indexes
    factors: NDArray[np.float32]
    seen: Lists

    @classmethod
    def of(cls, block: ItemBlock, users: pa.Table) -> KnownUsers:
        """Users of a table, with their seen items of a block."""
        known = read_lists(users.column(FACTORS)).lengths > 0
        rows = np.flatnonzero(known)
        taken = users.filter(pa.array(known))
        factors = read_matrix(taken.column(FACTORS))
        if not np.isfinite(factors).all():
            raise NumericalError("some user factors are not finite numbers: train the model again")
        return cls(rows, factors, block.find(read_lists(taken.column("seen"))))

    def seen_of(self, batch: slice) -> tuple[Indexes, Indexes]:
        """Seen items of some of the users, as `top_k` wants them."""
        stop = min(batch.stop, len(self.rows))
        offsets = self.seen.offsets[batch.start : stop + 1]
        return offsets - offsets[0], self.seen.values[offsets[0] : offsets[-1]]


def user_batches(n_users: int, cells_per_user: int) -> list[slice]:
    """Parts of the users whose arrays of `cells_per_user` numbers fit into some 16 MB."""
    size = max(1, (1 << 22) // max(cells_per_user, 1))
    return [slice(start, start + size) for start in range(0, n_users, size)]


def name_users(users: pa.Table, rows: Indexes) -> dict[str, pa.ChunkedArray]:
    """Columns that say who a row is about: domain, user_id, source."""
    taken = users.select([DOMAIN, USER_ID, "source"]).take(pa.array(rows))
    return dict(zip(taken.column_names, taken.columns, strict=True))


def join_tops(tops: list[TopK], k: int) -> TopK:
    """Lists of several batches one below the other."""
    empty = TopK(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return TopK(*(np.concatenate(parts) for parts in zip(empty, *tops, strict=True)))
