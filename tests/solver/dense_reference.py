"""The method once more, for tests only: dense float64 matrices, one row at a time, no speed.

Written from the formulas of the README; of the package it uses only the random start, which is
an input of the method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cdimf_spark.kernel.initialization import domain_item_keys, id_keys, initial_factors

Array = NDArray[np.float64]


@dataclass
class Shop:
    """One domain: dense weights, 0 where nothing was observed."""

    weights: pd.DataFrame
    a0: float
    user_ridge: Array
    item_ridge: Array
    rho: Array
    x: Array = field(default_factory=lambda: np.empty(0))
    y: Array = field(default_factory=lambda: np.empty(0))
    pulled_to: Array = field(default_factory=lambda: np.empty(0))


@dataclass
class Reference:
    """Users and items by (domain, id), z by user id, four loss parts an iteration."""

    users: dict[Any, Array]
    items: dict[Any, Array]
    shared: dict[str, Array]
    losses: Array
    shops: dict[str, Shop]


def solve_row(src: Array, w: Array, a0_gram: Array, ridge: float, rho: float, target: Array) -> Array:
    """Eq. 27 of one row; `w` has 0 for what the row did not observe."""
    lhs = a0_gram + (src.T * w) @ src + (ridge + rho) * np.eye(src.shape[1])
    return np.linalg.solve(lhs, src.T @ w + rho * target)


def loss_parts(shop: Shop) -> Array:
    """Observed, unobserved, regularization and coupling loss, cell by cell."""
    scores, w = shop.x @ shop.y.T, shop.weights.to_numpy()
    pull = shop.rho * ((shop.x - shop.pulled_to) ** 2).sum(1)
    ridge = shop.user_ridge @ (shop.x**2).sum(1) + shop.item_ridge @ (shop.y**2).sum(1)
    return np.array([(w * (scores - 1) ** 2).sum(), shop.a0 * (scores**2).sum(), ridge, pull.sum()])


def make_shop(
    frame: pd.DataFrame,
    reg_param: float,
    exponents: tuple[float, float],
    scaling: str,
    a0: float | None,
    ratio: float,
) -> Shop:
    weights = frame.pivot_table("weight", "user_id", "item_id", aggfunc="sum", fill_value=0.0)
    seen = weights.to_numpy() > 0
    n_users, n_items = seen.shape
    if a0 is None:
        a0 = ratio * seen.sum() / (n_users * n_items)
    ridges = []
    for counts, other, exponent in (
        (seen.sum(1), n_items, exponents[0]),
        (seen.sum(0), n_users, exponents[1]),
    ):
        base = counts / counts.mean() if scaling == "relative" else counts / other + a0
        ridges.append(reg_param * base**exponent)
    return Shop(weights, a0, *ridges, rho=np.zeros(n_users))


def reference_train(
    domains: dict[str, pd.DataFrame],
    *,
    rank: int,
    max_iter: int,
    schedule: str = "consensus",
    over_relaxation: float = 1.6,
    rho: float = 1.0,
    reg_param: float = 2.0,
    exponents: tuple[float, float] = (0.0, 0.5),
    scaling: str = "relative",
    a0: float | None = None,
    ratio: float = 12.0,
    period: int = 1,
    shared_user_weight: float = 1.0,
    shrinkage: float = 0.0,
    seed: int = 0,
    init_scale: float = 0.1,
    own: dict[str, dict[str, float]] | None = None,
) -> Reference:
    """Train on frames of user_id, item_id, weight; `own` has numbers of single domains."""
    own = own or {}
    shops, rhos = {}, {}
    for name, frame in domains.items():
        mine = own.get(name, {})
        shops[name] = make_shop(
            frame, mine.get("reg_param", reg_param), exponents, scaling, mine.get("a0", a0), ratio
        )
        rhos[name] = mine.get("rho", rho)
    members = {
        user: [n for n in shops if rhos[n] > 0 and user in shops[n].weights.index]
        for user in {u for shop in shops.values() for u in shop.weights.index}
    }
    members = {user: names for user, names in members.items() if len(names) > 1}

    def start(user: str) -> Array:
        return initial_factors(id_keys([user]), seed, rank, init_scale)[0].astype(float)

    zero = np.zeros(rank)
    paper = schedule == "paper"
    z = {user: zero if paper else start(user) for user in members}
    u = {(name, user): zero for user, names in members.items() for name in names}
    for name, shop in shops.items():
        shop.rho = np.array([rhos[name] if (name, i) in u else 0.0 for i in shop.weights.index])
        if paper:
            keys = domain_item_keys(name, id_keys(list(shop.weights.columns)))
            shop.y = initial_factors(keys, seed, rank, init_scale).astype(float)
        else:
            shop.x = np.array([start(user) for user in shop.weights.index])

    def item_step(name: str, use_z: bool) -> Array:
        shop = shops[name]
        rows = shop.x.copy()
        v = np.ones(len(rows))
        for i, user in enumerate(shop.weights.index):
            if (name, user) in u:
                v[i] = shared_user_weight
                rows[i] = z[user] if use_z else rows[i]
        a0_gram = shop.a0 * (rows.T * v) @ rows
        shop.y = np.array(
            [
                solve_row(rows, v * w, a0_gram, ridge, 0.0, zero)
                for w, ridge in zip(shop.weights.to_numpy().T, shop.item_ridge, strict=True)
            ]
        )
        return rows

    def user_step(name: str) -> None:
        shop = shops[name]
        shop.pulled_to = np.array(
            [z[i] - u[name, i] if (name, i) in u else zero for i in shop.weights.index]
        )
        a0_gram = shop.a0 * shop.y.T @ shop.y
        rows = zip(shop.weights.to_numpy(), shop.user_ridge, shop.rho, shop.pulled_to, strict=True)
        shop.x = np.array([solve_row(shop.y, w, a0_gram, c, r, t) for w, c, r, t in rows])

    rows, losses = {}, []
    for k in range(1, max_iter + 1):
        if not paper:
            # Items first: at the start from X0 = Z0, later from the rows of the iteration before.
            for name in shops:
                item_step(name, use_z=(k - 1) % period == 0)
        for name in shops:
            user_step(name)
        losses.append(sum(loss_parts(shop) for shop in shops.values()))
        if k % period == 0:
            sent = {}
            for name, user in u:
                x = shops[name].x[shops[name].weights.index.get_loc(user)]
                relaxed = over_relaxation * x + (1 - over_relaxation) * z[user]
                sent[name, user] = relaxed + u[name, user]
            for user, names in members.items():
                total = sum(rhos[name] for name in names)
                mean = sum(rhos[name] * sent[name, user] for name in names) / total
                z[user] = mean / (1 + shrinkage / total)
                for name in names:
                    u[name, user] = sent[name, user] - z[user]
        if paper:
            rows = {name: item_step(name, use_z=False) for name in shops}
    if not paper:
        rows = {name: item_step(name, use_z=max_iter % period == 0) for name in shops}
    users = {
        (name, i): row
        for name, shop in shops.items()
        for i, row in zip(shop.weights.index, rows[name], strict=True)
    }
    items = {
        (name, i): row
        for name, shop in shops.items()
        for i, row in zip(shop.weights.columns, shop.y, strict=True)
    }
    return Reference(users, items, z, np.array(losses), shops)
