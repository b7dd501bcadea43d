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
    # By name, so that sums have one order wherever the rows came from.
    domains = sorted(exchanges)
    keys, z = shared_factors(
        [(*exchanges[domain], settings.rho[domain]) for domain in domains],
        settings.proximal,
        settings.proximal_strength,
    )
    return {domain: z[np.searchsorted(keys, exchanges[domain].keys)] for domain in domains}
