"""Consensus over the shared users: the only step that sees more than one domain.

It reads the `exchange` rows of all domains (user keys and X + U, nothing else), averages each
user over the domains that sent him, and gives each domain back z of its own shared users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.kernel.consensus import shared_factors, squared_distance
from cdimf_spark.schemas import DOMAIN


class Consensus(NamedTuple):
    """What a domain gets back: z of its own shared users in key order, and sums (see `_sums`)."""

    domain: str
    z: NDArray[np.float32]
    sums: NDArray[np.float64]


@dataclass(frozen=True)
class ConsensusSettings:
    """Scalars of the consensus step."""

    rank: int
    rho: Mapping[str, float]
    proximal: str
    proximal_strength: float


def update_consensus(moving: pa.Table, settings: ConsensusSettings) -> Iterator[Consensus]:
    """Average the exchange rows of one block number, and apply the proximal operator.

    Parameters
    ----------
    moving
        Packed rows of all domains; only the kinds `exchange` and `exchange_keys` are read, and
        `z` of the previous consensus (for the dual residual).
    """
    # By name, so that sums have one order wherever the rows came from.
    domains = sorted(pc.unique(moving.column(DOMAIN)).to_pylist())
    exchanged = []
    for domain in domains:
        keys = decode(moving, "exchange_keys", domain=domain)
        rows = decode_matrix(moving, "exchange", settings.rank, domain=domain)
        exchanged.append((keys, rows, settings.rho[domain]))
    keys, z = shared_factors(exchanged, settings.proximal, settings.proximal_strength)
    for domain, (own_keys, _, rho) in zip(domains, exchanged, strict=True):
        own = z[np.searchsorted(keys, own_keys)]
        before = decode_matrix(moving, "z", settings.rank, domain=domain)
        yield Consensus(domain, own, _sums(own, before, rho))


def _sums(z: NDArray[np.float32], before: NDArray[np.float32], rho: float) -> NDArray[np.float64]:
    """float64 (3,): |z - z_old|^2, the same times rho^2 (dual residual), |z|^2."""
    change = squared_distance(z, before)
    return np.array([change, rho**2 * change, squared_distance(z, np.zeros_like(z))])
