"""Ids to 64-bit keys, and back: which ids live in which block, and which users are shared.

A key is the xxhash64 of the id. It stands for the id everywhere inside a training: it places the
row, orders it and names it, so neither side ever looks up an id in a dictionary. The ids
themselves are kept once, block by block, in the order of their keys, for the published tables.
Two ids with the same key (1 chance in 4 million at a million ids of one kind) are found here and
refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_rows import encode, to_table
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.workers import GroupFunction, apply_to_groups
from cdimf_spark.errors import DataError
from cdimf_spark.schemas import BLOCK_ROW, DOMAIN, ITEM_ID, USER_ID, WEIGHT

USER_KEY = "user_key"
ITEM_KEY = "item_key"
USER_BLOCK = "user_block"
ITEM_BLOCK = "item_block"
# In a federation: the key of a user's pseudonym, and the number of the set of parties that have
# them (null: no other party has).
PSEUDONYM = "pseudonym"
AUDIENCE = "audience"
NO_AUDIENCE = -1


def with_keys(interactions: DataFrame) -> DataFrame:
    """Interactions with the keys of their ids.

    Parameters
    ----------
    interactions
        domain, user_id, item_id (strings), weight (double).
    """
    return interactions.select(
        DOMAIN,
        USER_ID,
        ITEM_ID,
        F.col(WEIGHT).cast("double").alias(WEIGHT),
        F.xxhash64(USER_ID).alias(USER_KEY),
        F.xxhash64(ITEM_ID).alias(ITEM_KEY),
    )


def place(frame: DataFrame, key: str, side: Side, block: str = "block") -> DataFrame:
    """Add the block number of a key column; equals `Placement.block_of`."""
    number = F.pmod(F.col(key), F.lit(side.num_blocks).cast("long")).cast("int")
    if not side.heavy:
        return frame.withColumn(block, number)
    heavy = frame.sparkSession.createDataFrame(list(side.heavy.items()), f"{key} long, _heavy int")
    placed = frame.join(F.broadcast(heavy), key, "left")
    return placed.withColumn(block, F.coalesce("_heavy", number)).drop("_heavy")


def with_blocks(keyed: DataFrame, layout: Layout) -> DataFrame:
    """Interactions with their blocks: `user_block` and `item_block`."""
    users = place(keyed, USER_KEY, layout.users, USER_BLOCK)
    return place(users, ITEM_KEY, layout.items, ITEM_BLOCK)


def group_key_column(side: Side, block: Column) -> Column:
    """Group key of a (domain, block) pair of columns."""
    domain_index = F.array_position(F.lit(list(side.domains)), F.col(DOMAIN)) - 1
    position = (domain_index * side.num_blocks + block).cast("int")
    return F.get(F.lit(side.flat_keys), position).cast("int")


def user_index(placed: DataFrame, layout: Layout, coupled: frozenset[str]) -> DataFrame:
    """Per domain and user block: the ids, and which rows are shared users (``BLOCK_ROW``).

    Parameters
    ----------
    placed
        See `with_blocks`.
    coupled
        Domains that take part in the consensus (rho > 0). A user is shared in a domain if it is
        coupled and they have interactions in another coupled one too, or if another party has them
        (column `AUDIENCE`).
    """
    return _index(placed, USER_KEY, USER_ID, layout.users, coupled)


def item_index(placed: DataFrame, layout: Layout) -> DataFrame:
    """Per domain and item block: the ids of its items (``BLOCK_ROW``)."""
    return _index(placed, ITEM_KEY, ITEM_ID, layout.items, None)


def _index(
    placed: DataFrame, key: str, id_column: str, side: Side, coupled: frozenset[str] | None
) -> DataFrame:
    block = USER_BLOCK if key == USER_KEY else ITEM_BLOCK
    named = coupled is not None and PSEUDONYM in placed.columns
    ids = placed.select(
        F.col(block).alias("block"),
        DOMAIN,
        F.col(key).alias("key"),
        F.col(id_column).alias("id"),
        *((PSEUDONYM, AUDIENCE) if named else ()),
    ).distinct()
    return apply_to_groups(ids.groupBy("block"), make_indexer(side, coupled), BLOCK_ROW)


def make_indexer(side: Side, coupled: frozenset[str] | None) -> GroupFunction:
    """Function of one block number of all domains: (block, domain, key, id) to packed rows."""

    def index(table: pa.Table) -> pa.Table:
        return to_table(_index_block(table, side, coupled))

    return index


def _index_block(
    table: pa.Table, side: Side, coupled: frozenset[str] | None
) -> Iterator[pa.RecordBatch]:
    table = table.sort_by([("key", "ascending"), ("id", "ascending")])
    keys = table.column("key").to_numpy()
    domains = table.column(DOMAIN).to_numpy(zero_copy_only=False)
    _refuse_collisions(keys, table.column("id"))
    block = table.column("block")[0].as_py()
    shared_keys = _shared_keys(keys, domains, coupled or ())
    for domain in sorted(set(domains)):
        rows = np.flatnonzero(domains == domain)
        arrays = {"ids": pack_ids(table.column("id").take(rows))}
        if coupled is not None:
            shared = np.isin(keys[rows], shared_keys)
            if PSEUDONYM in table.column_names:
                audiences = table.column(AUDIENCE).fill_null(NO_AUDIENCE).to_numpy()[rows]
                shared |= audiences != NO_AUDIENCE
                arrays["pseudonyms"] = table.column(PSEUDONYM).to_numpy()[rows]
            shared &= domain in coupled
            arrays["shared"] = np.flatnonzero(shared).astype(np.int32)
            if "pseudonyms" in arrays:
                arrays["audiences"] = audiences[shared]
        yield from encode(side.address(domain, block), arrays)


def _shared_keys(
    keys: NDArray[np.int64], domains: NDArray[Any], coupled: Iterable[str]
) -> NDArray[np.int64]:
    """Keys that more than one coupled domain has."""
    distinct, counts = np.unique(keys[np.isin(domains, list(coupled))], return_counts=True)
    return distinct[counts > 1]


def _refuse_collisions(keys: NDArray[np.int64], ids: pa.ChunkedArray) -> None:
    """Neighbours with one key but two ids (rows are sorted by key, then id)."""
    same_key = np.flatnonzero(keys[1:] == keys[:-1])
    values = ids.take(same_key).to_pylist(), ids.take(same_key + 1).to_pylist()
    for first, second in zip(*values, strict=True):
        if first != second:
            raise DataError(
                f"ids {first!r} and {second!r} have the same 64-bit key; "
                "rename one of them (a prefix is enough)"
            )


def pack_ids(ids: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Ids as the bytes of an Arrow stream."""
    sink = pa.BufferOutputStream()
    table = pa.table({"id": ids})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def unpack_ids(packed: NDArray[np.uint8]) -> pa.ChunkedArray:
    """Ids from the bytes of `pack_ids`, in the order of their keys."""
    return pa.ipc.open_stream(pa.py_buffer(packed)).read_all().column("id")
