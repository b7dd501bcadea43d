"""Which block a key belongs to, so that all blocks have like numbers of interactions."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Placement:
    """Block of every key: the key modulo the number of blocks, but for the heavy keys.

    Keys are 64-bit hashes, so the many light ones spread evenly. A popular item, or a user with a
    very long history, would make one block larger than the others; these few are placed by name.

    Attributes
    ----------
    num_blocks
        Blocks are numbered from 0.
    heavy
        Block by heavy key.
    """

    num_blocks: int
    heavy: Mapping[int, int] = field(default_factory=dict)

    def block_of(self, keys: Int64) -> Int64:
        """Block of each key, int64 (n,). Light keys: equals Spark's ``pmod(key, num_blocks)``."""
        blocks = np.mod(keys, np.int64(self.num_blocks))
        if self.heavy and len(keys):
            heavy = np.array(sorted(self.heavy), np.int64)
            position = np.minimum(np.searchsorted(heavy, keys), len(heavy) - 1)
            found = heavy[position] == keys
            placed = np.array([self.heavy[key] for key in heavy.tolist()], np.int64)
            blocks[found] = placed[position[found]]
        return blocks


def balance(counts: Mapping[int, float], loads: Sequence[float]) -> dict[int, int]:
    """Place heavy keys, the heaviest first, each into the block that is least loaded then.

    The greedy rule of longest processing time (Graham 1969); ties go to the smaller key and block.

    Parameters
    ----------
    counts
        Interactions by heavy key.
    loads
        Interactions of the light keys in each block.

    Returns
    -------
    dict
        Block by heavy key.
    """
    queue = [(load, block) for block, load in enumerate(loads)]
    heapq.heapify(queue)
    placed = {}
    for key, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        load, block = queue[0]
        placed[key] = block
        heapq.heapreplace(queue, (load + count, block))
    return placed
