"""Interactions of one block, packed into arrays: who interacted with what, and who needs which row.

Both sides of a domain are cut into blocks by the same kind of rule (`Placement`). A block of rows
holds its interactions as CSR. Its column indexes point into the *received rows*: the factor rows
that the blocks of the other side send it, source block after source block, and by ascending key
within each. Since both ends sort by key, a sender needs no word from the receiver: the block of
the other side finds in its own interactions which of its rows to send (``routes``).

Example with two blocks a side; users 3, 4 live in block b, items 10, 12 in block 0, 11 in block 1::

    user 3: items 10, 11      columns        10 12 | 11    received from item blocks 0 | 1
    user 4: items 11, 12      column_counts   2      1
                              indices        [0 2] [2 1] -> sorted [0 2] [1 2]
                              routes         0 1 | 0 1     rows sent to item blocks 0 | 1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.solver.placement import Placement

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class PackedBlock:
    """One block of rows of one side of one domain.

    Attributes
    ----------
    keys : int64 (n_rows,)
        Keys of the rows, ascending.
    indptr, indices, weights : int64 (n_rows + 1,), int32 (nnz,), float32 (nnz,)
        CSR over the received rows; `weights` has length 0 where every weight is 1.
    columns, column_counts : int64 (n_received,), int32 (num_src_blocks,)
        Keys of the received rows, and how many come from each source block.
    routes, route_counts : int32 (n_sent,), int32 (num_src_blocks,)
        Local rows that each block of the other side needs, and how many.
    """

    keys: Int64
    indptr: Int64
    indices: Int32
    weights: Vector
    columns: Int64
    column_counts: Int32
    routes: Int32
    route_counts: Int32


def pack_block(
    row_keys: Int64,
    column_keys: Int64,
    weights: NDArray[np.float64],
    source: Placement,
    duplicates: str = "sum",
) -> PackedBlock:
    """Pack the interactions of one block of rows; their order does not matter.

    Parameters
    ----------
    row_keys, column_keys : int64 (n,)
        Keys of this side (all of one block) and of the other side, a pair an interaction.
    weights : float64 (n,)
        Weights, positive.
    source
        Where the keys of the other side are.
    duplicates : {"sum", "once"}
        What repeated pairs weigh: the sum of their weights, or the largest.
    """
    keys, row = np.unique(row_keys, return_inverse=True)
    columns, blocks, column = _unique_columns(column_keys, source)
    cells = row.astype(np.int64) * len(columns) + column
    cells, cell_weights = merge_duplicates(cells, weights, duplicates)
    row, column = np.divmod(cells, max(len(columns), 1))
    routes, route_counts = _routes(row, blocks[column], len(keys), source.num_blocks)
    return PackedBlock(
        keys=keys,
        indptr=np.concatenate(([0], np.cumsum(np.bincount(row, minlength=len(keys))))),
        indices=column.astype(np.int32),
        weights=cell_weights,
        columns=columns,
        column_counts=np.bincount(blocks, minlength=source.num_blocks).astype(np.int32),
        routes=routes,
        route_counts=route_counts,
    )


def _unique_columns(column_keys: Int64, source: Placement) -> tuple[Int64, Int64, Int64]:
    """Distinct column keys by (source block, key), their blocks, and where each given key is."""
    columns, column = np.unique(column_keys, return_inverse=True)
    blocks = source.block_of(columns)
    order = np.argsort(blocks, kind="stable")
    position = np.empty(len(columns), np.int64)
    position[order] = np.arange(len(columns))
    return columns[order], blocks[order], position[column]


def merge_duplicates(
    cells: Int64, weights: NDArray[np.float64], duplicates: str
) -> tuple[Int64, Vector]:
    """Distinct cells in ascending order with their merged weights (empty when all are 1).

    Equal cells are ordered by weight before they are summed, so that the sum does not depend on
    the order in which a shuffle delivered them.
    """
    order = np.lexsort((weights, cells))
    cells, weights = cells[order], weights[order]
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    if len(first) < len(cells):
        last = np.append(first[1:], len(cells)) - 1
        weights = np.add.reduceat(weights, first) if duplicates == "sum" else weights[last]
        cells = cells[first]
    merged = weights.astype(np.float32)
    return cells, merged[:0] if np.all(merged == 1) else merged


def _routes(row: Int64, source: Int64, n_rows: int, num_blocks: int) -> tuple[Int32, Int32]:
    """Rows needed by each block of the other side, block after block, each ascending."""
    sent = np.unique(source * n_rows + row)
    blocks, rows = np.divmod(sent, max(n_rows, 1))
    counts = np.bincount(blocks, minlength=num_blocks)
    return rows.astype(np.int32), counts.astype(np.int32)
