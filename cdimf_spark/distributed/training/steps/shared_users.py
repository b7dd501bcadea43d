"""Consensus over the shared users: the only place that sees more than one domain.

It gets of every domain the keys of its shared users and their X + U, and nothing else; averages
each user over the domains that sent them, and gives each domain back z of its own shared users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.consensus import shared_factors

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class ConsensusSettings:
    """Scalars of the consensus."""

    rho: Mapping[str, float]
    proximal: str
    proximal_strength: float


class Exchange(NamedTuple):
    """What a domain sends: `keys` int64 (n_shared,), ascending; `rows` float32 (n_shared, rank)."""

    keys: NDArray[np.int64]
    rows: Matrix


def update_consensus(
    exchanges: Mapping[str, Exchange], settings: ConsensusSettings
) -> dict[str, Matrix]:
    """Average the rows that the domains sent, and apply the proximal operator.

    Returns
    -------
    dict
        By domain: z of the users that it sent, float32 (n_shared, rank), in their order.
    """
    keys, z = consensus_of(exchanges, settings)
    return {name: z[np.searchsorted(keys, sent.keys)] for name, sent in exchanges.items()}


def consensus_of(
    exchanges: Mapping[str, Exchange], settings: ConsensusSettings
) -> tuple[NDArray[np.int64], Matrix]:
    """Keys of all users that some domain sent, ascending, and their z."""
    # By name, so that sums have one order wherever the rows came from.
    return shared_factors(
        [(*exchanges[name], settings.rho[name]) for name in sorted(exchanges)],
        settings.proximal,
        settings.proximal_strength,
    )
