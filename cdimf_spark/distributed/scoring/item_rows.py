"""The items of one cell, from their packed rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.blocks.indexing import unpack_ids
from cdimf_spark.errors import DataError, NumericalError
from cdimf_spark.scoring.item_group import ItemGroup

Matrix = NDArray[np.float32]


def decode_group(rows: pa.Table, rank: int) -> ItemGroup:
    """Items of packed rows: block after block, by ascending key within each.

    Raises
    ------
    DataError
        If the factors are not those of these items.
    NumericalError
        If a factor is not a finite number.
    """
    blocks = blocks_of(rows)
    keys = [decode(rows, "keys", block=b) for b in blocks]
    factors = [decode_matrix(rows, "factors", rank, block=b) for b in blocks]
    counts = [np.diff(decode(rows, "indptr", block=b)) for b in blocks]
    group = ItemGroup(
        keys=_join(keys, np.empty(0, np.int64)),
        factors=_join(factors, np.empty((0, rank), np.float32)),
        counts=_join(counts, np.empty(0, np.int64)),
    )
    check_rows(group.factors, len(group.keys), "item")
    return group


def item_ids(rows: pa.Table) -> pa.ChunkedArray:
    """Ids of the items of packed rows, in the order of `ItemGroup`."""
    ids = [unpack_ids(decode(rows, "ids", block=b)) for b in blocks_of(rows)]
    return pa.chunked_array([chunk for one in ids for chunk in one.chunks], pa.string())


def blocks_of(rows: pa.Table) -> list[int]:
    """Numbers of the blocks that packed rows belong to, ascending."""
    return sorted(pc.unique(rows.column("block")).to_pylist())


def check_rows(factors: Matrix, n: int, noun: str) -> None:
    """Raise an error for factor rows that cannot be those of n users or items.

    Raises
    ------
    DataError
        If there are more or fewer.
    NumericalError
        If one is not finite.
    """
    if len(factors) != n:
        raise DataError(
            f"{n} {noun}s, but {len(factors)} rows of factors: another training is replacing the "
            "model, open it again when that is finished"
        )
    # The sum of all is finite only if each is; an array of the size of `factors` is not needed.
    if not np.isfinite(factors.sum(dtype=np.float64)):
        raise NumericalError(f"some {noun} factors are not finite numbers: train the model again")


def _join(arrays: list[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
    """One array of all; no copy of a single one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([empty, *arrays])
