"""How large a training is, from the numbers of its data: without Spark, and without running it."""

from __future__ import annotations

# Interactions of one block, all domains together: about a second of work at rank 64.
_INTERACTIONS_PER_BLOCK = 5_000_000


def num_blocks(n_interactions: int) -> int:
    """Blocks a side: a function of the data alone, so that no result depends on the cluster."""
    return max(2, -(-n_interactions // _INTERACTIONS_PER_BLOCK))
