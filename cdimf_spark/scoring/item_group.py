"""Items that are scored together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import find_sorted

Indexes = NDArray[np.int64]


class ItemGroup(NamedTuple):
    """Items of a catalogue, all or a run of its blocks: block after block, by key within each.

    Attributes
    ----------
    keys : int64 (n_items,)
    factors : float32 (n_items, rank)
    counts : int64 (n_items,)
        Interactions of each; empty if they were not asked for.
    """

    keys: Indexes
    factors: NDArray[np.float32]
    counts: Indexes

    def find(self, keys: Lists) -> Lists:
        """Row numbers of the items of each list that are in this group."""
        order = np.argsort(self.keys)
        positions, found = find_sorted(self.keys[order], keys.values)
        if not len(order):
            return keys.where(found)
        return Lists(keys.offsets, order[positions]).where(found)
