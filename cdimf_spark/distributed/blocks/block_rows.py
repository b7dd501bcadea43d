"""Arrays to packed rows and back (schema ``BLOCK_ROW``).

A row's payload is the raw bytes of one numpy array, or of one part of it: a binary column costs a
memory copy on its way between Spark and Python, an ``array<float>`` 10-20 ns a number. An array
above `PART_BYTES` becomes several rows, so that no row, and no Arrow batch, grows with the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.arrow_schemas import arrow_schema
from cdimf_spark.schemas import BLOCK_ROW

# Largest payload of one row: what one Arrow batch has in conf/local.conf.
PART_BYTES = 4 << 20
# Parts of one message are numbered from `source block << PART_BITS`.
PART_BITS = 12

_DTYPES: dict[str, type[np.generic]] = {
    "keys": np.int64,
    "indptr": np.int64,
    "indices": np.int32,
    "weights": np.float32,
    "columns": np.int64,
    "column_counts": np.int32,
    "routes": np.int32,
    "route_counts": np.int32,
    "shared": np.int32,
    "ids": np.uint8,
    # In a federation: what users are called there, and the audience of each shared one.
    "pseudonyms": np.int64,
    "audiences": np.int32,
    # What the loop moves: factor rows of a message, X + U of shared users with their keys, z of
    # shared users, x of shared and of other users, factors to publish; a Gram matrix and sums
    # for the driver.
    "message": np.float32,
    "exchange": np.float32,
    "exchange_keys": np.int64,
    "z": np.float32,
    "x_shared": np.float32,
    "x_own": np.float32,
    "factors": np.float32,
    "gram": np.float64,
    "row_sums": np.float64,
    "user_sums": np.float64,
    "item_sums": np.float64,
    "consensus_sums": np.float64,
    "primal_sums": np.float64,
    "start_sums": np.float64,
    # What a party sends to others and gets from them (keys and rows as bytes), and where its own
    # shared users live.
    "sent": np.uint8,
    "foreign": np.uint8,
    "refused": np.uint8,
    "directory_keys": np.int64,
    "directory_blocks": np.int32,
    "exchange_sums": np.float64,
    # What scoring moves: users with what they have seen, test rows, and what was found for them.
    "user_bytes": np.uint8,
    "user_lengths": np.int32,
    "sources": np.int64,
    "is_shared": np.int64,
    "seen_counts": np.int64,
    "seen": np.int64,
    "tests": np.int64,
    "test_counts": np.int64,
    "targets": np.float32,
    "higher": np.int64,
    "equal": np.int64,
    "top_keys": np.int64,
    "top_numbers": np.int64,
    "top_scores": np.float32,
    "item_bytes": np.uint8,
    "item_lengths": np.int32,
}

SCHEMA = arrow_schema(BLOCK_ROW)


@dataclass(frozen=True)
class Address:
    """Where packed rows belong: the group key, the domain and the block number."""

    pkey: int
    domain: str
    block: int


def kind_is(*kinds: str) -> str:
    """Condition on rows, as SQL: one call to the JVM, where a Column expression takes many."""
    return f"kind IN ({', '.join(map(repr, kinds))})"


def encode(
    address: Address, arrays: Mapping[str, NDArray[Any]], source: int = 0
) -> Iterator[pa.RecordBatch]:
    """Packed rows of named arrays, one record batch a part.

    Parameters
    ----------
    address
        Where the rows go.
    arrays : kind -> array
        Kinds and their dtypes are those of this module.
    source
        Source block of a message.
    """
    for kind, array in arrays.items():
        flat = np.ascontiguousarray(array, _DTYPES[kind]).reshape(-1)
        step = PART_BYTES // flat.itemsize
        for number, start in enumerate(range(0, max(len(flat), 1), step)):
            part = (source << PART_BITS) + number
            yield _batch(address, kind, part, flat[start : start + step])


def _batch(address: Address, kind: str, part: int, values: NDArray[Any]) -> pa.RecordBatch:
    offsets = pa.py_buffer(np.array([0, values.nbytes], np.int32))
    payload = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(values)])
    row = [[address.pkey], [address.domain], [address.block], [kind], [part]]
    columns = [pa.array(v, f.type) for v, f in zip(row, SCHEMA, strict=False)]
    return pa.RecordBatch.from_arrays([*columns, payload], schema=SCHEMA)


def to_table(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """One table of the batches, of the right schema also when there is none."""
    return pa.Table.from_batches(list(batches), schema=SCHEMA)


def parts(table: pa.Table, kind: str, **where: Any) -> list[NDArray[Any]]:
    """Arrays of one kind in the order of `part`, without copying; ``where`` filters columns."""
    chosen = pc.equal(table.column("kind"), kind)
    for name, value in where.items():
        chosen = pc.and_(chosen, pc.equal(table.column(name), value))
    rows = pc.indices_nonzero(chosen).to_numpy()
    order = np.argsort(table.column("part").take(pa.array(rows)).to_numpy(), kind="stable")
    payload = table.column("payload")
    return [np.frombuffer(payload[int(i)].as_buffer(), _DTYPES[kind]) for i in rows[order]]


def decode(table: pa.Table, kind: str, **where: Any) -> NDArray[Any]:
    """The array of one kind, its parts put together; empty if there is none."""
    found = parts(table, kind, **where)
    if len(found) == 1:
        return found[0]
    return np.concatenate(found) if found else np.empty(0, _DTYPES[kind])


def decode_matrix(table: pa.Table, kind: str, rank: int, **where: Any) -> NDArray[Any]:
    """The array of one kind as rows of `rank` numbers."""
    return decode(table, kind, **where).reshape(-1, rank)
