"""Consensus over the shared users: the only step that sees more than one domain.

It reads the `exchange` rows of all domains (user keys and X + U, nothing else), averages each
user over the domains that sent him, and gives each domain back z of its own shared users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix, encode, to_table
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.workers import apply_to_groups
from cdimf_spark.kernel.consensus import shared_factors, squared_distance
from cdimf_spark.schemas import BLOCK_ROW, DOMAIN


@dataclass(frozen=True)
class ConsensusSettings:
    """Scalars of the consensus step, and where its blocks lie."""

    users: Side
    rank: int
    rho: Mapping[str, float]
    proximal: str
    proximal_strength: float


def update_consensus(
    exchange: DataFrame, previous: DataFrame, settings: ConsensusSettings
) -> DataFrame:
    """Join the exchange rows of equal block numbers, average, apply the proximal operator.

    Parameters
    ----------
    exchange
        Packed rows of kinds `exchange` and `exchange_keys` of all domains.
    previous
        Packed `z` rows of the previous consensus (for the dual residual).

    Returns
    -------
    DataFrame
        Packed rows: `z` per domain and block, and `consensus_sums` (see `_sums`).
    """
    users = settings.users
    rows = exchange.union(previous)
    placed = rows.selectExpr("*", f"{users.block_key_expression()} AS bkey")
    grouped = placed.repartition(users.num_blocks, "bkey").groupBy("bkey")

    def step(table: pa.Table) -> pa.Table:
        return to_table(_consensus_block(table, settings))

    return apply_to_groups(grouped, step, BLOCK_ROW)


def _consensus_block(table: pa.Table, settings: ConsensusSettings) -> Iterator[pa.RecordBatch]:
    block = table.column("block")[0].as_py()
    # By name, so that sums have one order wherever the rows came from.
    domains = sorted(pc.unique(table.column(DOMAIN)).to_pylist())
    exchanged = []
    for domain in domains:
        keys = decode(table, "exchange_keys", domain=domain)
        rows = decode_matrix(table, "exchange", settings.rank, domain=domain)
        exchanged.append((keys, rows, settings.rho[domain]))
    keys, z = shared_factors(exchanged, settings.proximal, settings.proximal_strength)
    for domain, (own_keys, _, rho) in zip(domains, exchanged, strict=True):
        own = z[np.searchsorted(keys, own_keys)]
        before = decode_matrix(table, "z", settings.rank, domain=domain)
        arrays: dict[str, NDArray[Any]] = {"z": own, "consensus_sums": _sums(own, before, rho)}
        yield from encode(settings.users.address(domain, block), arrays)


def _sums(z: NDArray[np.float32], before: NDArray[np.float32], rho: float) -> NDArray[np.float64]:
    """float64 (3,): |z - z_old|^2, the same times rho^2 (dual residual), |z|^2."""
    change = squared_distance(z, before)
    return np.array([change, rho**2 * change, squared_distance(z, np.zeros_like(z))])
