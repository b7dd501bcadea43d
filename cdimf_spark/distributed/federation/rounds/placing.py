"""Received rows on their way to the own blocks that have their users."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_ops import by_domain, cogroup_blocks
from cdimf_spark.distributed.blocks.block_rows import Address, decode, encode, parts, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.workers import CogroupFunction, apply_to_groups
from cdimf_spark.federation.sent_rows import pack_rows, unpack_rows
from cdimf_spark.schemas import BLOCK_ROW


def directory_of(users: DataFrame, side: Side) -> DataFrame:
    """Where the own users with an audience live, packed by bucket of their pseudonyms.

    Parameters
    ----------
    users
        Static rows of the users, by `bkey`.
    """
    num_buckets = side.num_blocks

    def list_users(static: pa.Table) -> pa.Table:
        batches: list[pa.RecordBatch] = []
        for own in by_domain(static):
            names = decode(own, "pseudonyms")[decode(own, "shared")]
            names = names[decode(own, "audiences") >= 0]
            block = own.column("block")[0].as_py()
            for bucket in range(num_buckets):
                mine = np.sort(names[names % num_buckets == bucket])
                at = Address(0, own.column("domain")[0].as_py(), bucket)
                arrays = {"directory_keys": mine, "directory_blocks": np.full(len(mine), block)}
                batches += encode(at, arrays, source=block)
        return to_table(batches)

    listed = apply_to_groups(users.groupBy("bkey"), list_users, BLOCK_ROW)
    keyed = listed.selectExpr("*", f"{side.block_key_expression()} AS bkey")
    return keyed.repartition(num_buckets, "bkey").sortWithinPartitions("bkey").persist()


def place_rows(directory: DataFrame, received: DataFrame, side: Side, rank: int) -> DataFrame:
    """Send received rows to the own blocks that have their users (kind `foreign`)."""
    moving = received.selectExpr("*", f"{side.block_key_expression()} AS bkey")
    return cogroup_blocks(directory, moving, side, make_placing(rank), "bkey")


def make_placing(rank: int) -> CogroupFunction:
    """Step of one bucket: rows to the blocks of their users; unknown ones are left out."""

    def step(directory: pa.Table, received: pa.Table) -> pa.Table:
        keys = decode(directory, "directory_keys")
        order = np.argsort(keys, kind="stable")
        keys, blocks = keys[order], decode(directory, "directory_blocks")[order]
        batches: list[pa.RecordBatch] = []
        for own in by_domain(received):
            domain = own.column("domain")[0].as_py()
            names, rows = decode_users(own, rank)
            place = np.minimum(np.searchsorted(keys, names), max(len(keys) - 1, 0))
            known = np.flatnonzero(keys[place] == names) if len(keys) else np.empty(0, np.int64)
            to = blocks[place[known]]
            for block in np.unique(to):
                mine = known[to == block]
                for payload in pack_rows(names[mine], rows[mine]):
                    batches += encode(Address(0, domain, int(block)), {"foreign": payload})
        return to_table(batches)

    return step


def decode_users(table: pa.Table, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys and X + U of the packed rows `foreign` of one domain, in the order of the keys."""
    step = 8 + 4 * rank
    found = [
        unpack_rows(part.tobytes(), part.nbytes // step, rank) for part in parts(table, "foreign")
    ]
    if not found:
        return np.empty(0, np.int64), np.empty((0, rank), np.float32)
    keys, rows = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order]
