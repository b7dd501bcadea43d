"""The items of each domain in one order, cut into blocks.

The order is that of the items' keys (hashes of their ids), so an item's number does not depend on
how the catalogue is cut. A block is a range of keys; being hashes, they fill ranges evenly. The
driver knows one count for each of `NUM_SLICES` ranges: enough to number every item, whatever the
size of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from cdimf_spark.errors import DataError
from cdimf_spark.schemas import DOMAIN, ITEM_ID

NUM_SLICES = 4096
_SLICE_BITS = 12
# A block of items is held by one task, with a part of the users.
_ITEMS_PER_BLOCK = 1 << 16
_BYTES_PER_BLOCK = 64 << 20


@dataclass(frozen=True)
class Catalogue:
    """Number of items by domain and slice, int64 (NUM_SLICES,) each."""

    counts: Mapping[str, NDArray[np.int64]]

    def n_items(self, domain: str) -> int:
        """Size of a domain's catalogue."""
        return int(self.counts[domain].sum())

    def slice_starts(self, domain: str) -> NDArray[np.int64]:
        """Number of the first item of each slice, and that of all items: (NUM_SLICES + 1,)."""
        return np.concatenate(([0], np.cumsum(self.counts[domain])))

    def block_starts(self, domain: str, num_blocks: int) -> NDArray[np.int64]:
        """Number of the first item of each block, and that of all items: (num_blocks + 1,)."""
        first_slices = -(-np.arange(num_blocks + 1) * NUM_SLICES // num_blocks)
        return self.slice_starts(domain)[first_slices]

    def num_blocks(self, rank: int) -> int:
        """Blocks for the largest of the catalogues."""
        n_items = max(self.n_items(domain) for domain in self.counts)
        wanted = max(n_items / _ITEMS_PER_BLOCK, n_items * rank * 4 / _BYTES_PER_BLOCK)
        return int(min(max(np.ceil(wanted), 1), NUM_SLICES))


def slice_column(key: str) -> Column:
    """Slice of a key column, int: ascending with the key."""
    top_bits = F.shiftright(F.col(key), 64 - _SLICE_BITS)
    return (top_bits + F.lit(NUM_SLICES // 2)).cast("int")


def block_column(key: str, num_blocks: int) -> Column:
    """Item block of a key column, int."""
    return F.floor(slice_column(key) * num_blocks / NUM_SLICES).cast("int")


def count_items(items: DataFrame, domains: Iterable[str]) -> Catalogue:
    """Count the items of some domains (one small job).

    Parameters
    ----------
    items
        domain, item_id and anything else.

    Raises
    ------
    DataError
        If a domain has no items.
    """
    names = list(domains)
    keyed = items.where(F.col(DOMAIN).isin(names)).select(DOMAIN, F.xxhash64(ITEM_ID).alias("key"))
    counts = {name: np.zeros(NUM_SLICES, np.int64) for name in names}
    for domain, part, n in keyed.groupBy(DOMAIN, slice_column("key")).count().collect():
        counts[domain][part] = n
    for name in names:
        if not counts[name].any():
            raise DataError(f"domain {name!r} has no item factors: train the model again")
    return Catalogue(counts)


def numbered_items(items: DataFrame) -> DataFrame:
    """Add where each item is: `item_slice`, and `item_position` within the slice."""
    keyed = items.withColumn("item_key", F.xxhash64(ITEM_ID))
    placed = keyed.withColumn("item_slice", slice_column("item_key"))
    order = Window.partitionBy(DOMAIN, "item_slice").orderBy("item_key")
    return placed.withColumn("item_position", (F.row_number().over(order) - 1).cast("long"))
