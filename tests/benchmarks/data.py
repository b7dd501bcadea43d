"""Interactions to measure with: the real warm pair, and synthetic ones of any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from cdimf_spark.solver.local import LocalDomain
from tests.support.amazon import DATA

WARM_PAIR = {
    "sport": DATA / "warm-start/sport_cloth/train.txt",
    "cloth": DATA / "warm-start/cloth_sport/train.txt",
}
_CHUNK = 5_000_000


def has_amazon() -> bool:
    return all(path.exists() for path in WARM_PAIR.values())


def warm_pair() -> dict[str, LocalDomain]:
    """Both domains of the real warm pair, every interaction of weight 1."""
    domains = {}
    for name, path in WARM_PAIR.items():
        table = np.loadtxt(path, dtype=np.int64, usecols=(0, 1))
        (user_ids, users), (item_ids, items) = (
            np.unique(column, return_inverse=True) for column in table.T
        )
        cells = sp.csr_array((np.ones(len(users), np.float32), (users, items)))
        domains[name] = LocalDomain([str(u) for u in user_ids], [str(i) for i in item_ids], cells)
    return domains


def clustered(n_users: int, n_items: int, nnz: int, clusters: int = 40) -> sp.csr_matrix:
    """Power-law interactions in which users prefer the items of their own cluster (3 in 4)."""
    rng = np.random.default_rng(0)
    activity = rng.lognormal(0, 1.1, n_users)
    popularity = (np.arange(n_items) + 10.0) ** -0.8
    own = [np.flatnonzero(np.arange(n_items) % clusters == c) for c in range(clusters)]
    cluster = rng.integers(clusters, size=n_users)
    cells = np.empty(0, np.int64)
    while len(cells) < nnz:
        users = rng.choice(n_users, size=nnz // 2, p=activity / activity.sum())
        items = rng.choice(n_items, size=nnz // 2, p=popularity / popularity.sum())
        inside = rng.random(nnz // 2) < 0.75
        for c in range(clusters):
            chosen = np.flatnonzero(inside & (cluster[users] == c))
            weight = popularity[own[c]] / popularity[own[c]].sum()
            items[chosen] = rng.choice(own[c], size=len(chosen), p=weight)
        cells = np.unique(np.concatenate([cells, users * n_items + items]))
    cells = rng.permutation(cells)[:nnz]
    ones = np.ones(nnz, np.float32)
    return sp.csr_matrix((ones, np.divmod(cells, n_items)), shape=(n_users, n_items))


def power_law(
    n_users: int, n_items: int, nnz: int, first_user: int, seed: int
) -> Iterator[pa.Table]:
    """Interactions of one domain in parts: lognormal activity, power-law popularity.

    Users are numbered from `first_user`, so that domains may share some; repeated pairs are left
    in.
    """
    rng = np.random.default_rng(seed)
    activity = np.cumsum(rng.lognormal(0, 1.1, n_users))
    popularity = np.cumsum((rng.permutation(n_items) + 10.0) ** -0.8)
    for start in range(0, nnz, _CHUNK):
        n = min(_CHUNK, nnz - start)
        users = np.searchsorted(activity, rng.random(n) * activity[-1])
        items = np.searchsorted(popularity, rng.random(n) * popularity[-1])
        yield pa.table({"user_id": users + first_user, "item_id": items})


def write_domains(folder: Path, nnz: int, n_domains: int = 3) -> dict[str, Path]:
    """Write overlapping domains of together `nnz` interactions as Parquet, if not there yet.

    A domain has a user for 30 interactions and an item for 300; each shares half of its users
    with the next one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = nnz // n_domains
    paths = {}
    for number in range(n_domains):
        path = folder / f"domain{number}-{nnz}.parquet"
        paths[f"domain{number}"] = path
        if path.exists():
            continue
        n_users = own // 30
        parts = power_law(n_users, own // 300, own, number * n_users // 2, number)
        first = next(parts)
        with pq.ParquetWriter(path.with_suffix(".tmp"), first.schema) as writer:
            writer.write_table(first)
            for part in parts:
                writer.write_table(part)
        path.with_suffix(".tmp").rename(path)
    return paths
