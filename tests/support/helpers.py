"""Comparison of factors, and small random data for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.solver.local import LocalDomain

Domains = dict[str, pd.DataFrame]


def factors_by_id(factors: Any) -> dict[Any, NDArray[np.float64]]:
    """Rows by id, of a mapping or of a table whose last column holds the rows.

    The columns before the last one together are the id.
    """
    if isinstance(factors, Mapping):
        return dict(factors)
    table = factors if isinstance(factors, pd.DataFrame) else factors.toPandas()
    *ids, rows = (table[column] for column in table.columns)
    names = list(ids[0]) if len(ids) == 1 else list(zip(*ids, strict=True))
    assert len(set(names)) == len(names), "an id occurs twice"
    return dict(zip(names, rows, strict=True))


def assert_factors_close(
    actual: Any, expected: Any, rtol: float = 2e-4, atol: float = 1e-5
) -> None:
    """The same ids, finite numbers only, and the same rows up to the tolerance."""
    left, right = factors_by_id(actual), factors_by_id(expected)
    assert set(left) == set(right)
    assert left, "nothing to compare"
    stacks = [np.stack([np.asarray(side[name]) for name in sorted(left)]) for side in (left, right)]
    for stack in stacks:
        assert np.isfinite(stack).all()
    np.testing.assert_allclose(stacks[0], stacks[1], rtol=rtol, atol=atol)


def random_domains(
    rng: np.random.Generator,
    names: Sequence[str] = ("books", "films", "games"),
    n_users: int = 60,
    n_items: int = 25,
    mean_count: float = 4.0,
    weighted: bool = False,
) -> Domains:
    """Random interactions: each user is in some of the domains, items follow a power law.

    Columns user_id, item_id (the same names in every domain), weight; no pair occurs twice.
    """
    popularity = 1.0 / np.arange(1, n_items + 1)
    popularity /= popularity.sum()
    member = rng.random((n_users, len(names))) < 0.55
    member[np.arange(n_users), rng.integers(len(names), size=n_users)] = True
    domains = {}
    for column, name in enumerate(names):
        rows = []
        for user in np.flatnonzero(member[:, column]):
            count = min(1 + rng.poisson(mean_count - 1), n_items)
            chosen = rng.choice(n_items, size=count, replace=False, p=popularity)
            rows += [(f"u{user}", f"i{item}") for item in chosen]
        frame = pd.DataFrame(rows, columns=["user_id", "item_id"])
        frame["weight"] = rng.uniform(0.5, 3.0, len(frame)).round(3) if weighted else 1.0
        domains[name] = frame
    return domains


def to_local(domains: Domains, configs: Sequence[DomainConfig] = ()) -> dict[str, LocalDomain]:
    """The domains as `train_local` takes them; repeated pairs are added up."""
    own = {config.name: config for config in configs}
    return {name: _to_local(frame, own.get(name)) for name, frame in domains.items()}


def _to_local(frame: pd.DataFrame, config: DomainConfig | None) -> LocalDomain:
    rows, user_ids = pd.factorize(frame["user_id"])
    columns, item_ids = pd.factorize(frame["item_id"])
    shape = (len(user_ids), len(item_ids))
    matrix = csr_array(coo_array((frame["weight"].to_numpy(float), (rows, columns)), shape))
    return LocalDomain(list(user_ids), list(item_ids), matrix, config)


def to_spark(spark: Any, domains: Domains) -> Any:
    """The domains as `distributed.training.train` takes them."""
    from cdimf_spark.distributed.input.validation import annotate

    columns = ["user_id", "item_id", "weight"]
    frames = [
        annotate(spark.createDataFrame(frame[columns]), name, columns=columns)
        for name, frame in domains.items()
    ]
    return reduce(lambda one, other: one.unionByName(other), frames)
