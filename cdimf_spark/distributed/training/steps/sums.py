"""Small arrays of every block, added up on the driver in block order.

The order makes the sums equal to the bit on any cluster; float64 makes them good. Above
`_COLLECTED_BLOCKS` blocks the workers add up groups of blocks first, so that the driver's memory
does not grow with the number of blocks.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import Address, decode, encode, kind_is, to_table
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.schemas import BLOCK_ROW

_COLLECTED_BLOCKS = 32

# kind -> domain -> array
Sums = dict[str, dict[str, NDArray[np.float64]]]

SUM_KINDS = (
    *("gram", "row_sums", "user_sums", "item_sums", "consensus_sums", "primal_sums"),
    *("start_sums", "exchange_sums"),
)


def collect_sums(frame: DataFrame, num_blocks: int) -> Sums:
    """Sums over the blocks of the arrays that are made to be summed.

    Parameters
    ----------
    frame
        Packed rows; each array must be a single part (a Gram matrix of rank 1,400 still is).
    """
    rows = frame.where(kind_is(*SUM_KINDS))
    while num_blocks > _COLLECTED_BLOCKS:
        rows = _sum_groups(rows)
        num_blocks = -(-num_blocks // _COLLECTED_BLOCKS)
    collected = rows.select("kind", "domain", "block", "payload").collect()
    result: Sums = defaultdict(dict)
    for kind, domain, _, payload in sorted(collected):
        values = np.frombuffer(payload, np.float64)
        total = result[kind].get(domain)
        result[kind][domain] = values if total is None else total + values
    return result


def _sum_groups(rows: DataFrame) -> DataFrame:
    """Sum each group of neighbouring blocks into one row."""
    group = f"block DIV {_COLLECTED_BLOCKS}"
    numbered = rows.selectExpr(
        "pkey", "domain", f"int({group}) AS block", "kind", "block AS part", "payload"
    )
    groups = numbered.groupBy("kind", "domain", "block")
    return apply_to_groups(groups, _add_blocks, BLOCK_ROW)


def _add_blocks(table: pa.Table) -> pa.Table:
    first = {name: table.column(name)[0].as_py() for name in ("pkey", "domain", "block", "kind")}
    kind = first.pop("kind")
    # `part` holds the block number, so the parts come in block order.
    values = decode(table, kind).reshape(table.num_rows, -1)
    return to_table(encode(Address(**first), {kind: np.add.reduce(values, axis=0)}))
