"""The method once more, for tests only: dense float64 matrices, one row at a time, no speed.

Written from the formulas of docs/method/algorithm.md; of the package it uses only the random start,
which is an input of the method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cdimf_spark.kernel.initialization import domain_item_keys, id_keys, initial_factors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """All options as numbers; `a0` None is `ratio` times the density of the domain."""

    rank: int
    max_iter: int
    schedule: str = "consensus"
    over_relaxation: float = 1.6
    rho: float = 1.0
    reg_param: float = 2.0
    exponents: tuple[float, float] = (0.0, 0.5)
    scaling: str = "relative"
    a0: float | None = None
    ratio: float = 12.0
    period: int = 1
    shared_user_weight: float = 1.0
    shrinkage: float = 0.0
    prior: float = 0.0
    seed: int = 0
    init_scale: float = 0.1


def solve_row(
    src: Array,
    w: Array,
    a0_gram: Array,
    ridge: float,
    rho: float,
    target: Array,
    prior: Array | float = 0.0,
) -> Array:
    """Eq. 27 of one row; `w` has 0 for what the row did not observe."""
    lhs = a0_gram + (src.T * w) @ src + (ridge + rho) * np.eye(src.shape[1])
    return np.linalg.solve(lhs, src.T @ w + rho * target + ridge * prior).astype(np.float64)


class Shop:
    """One domain: dense weights (0 where nothing was observed) and its numbers."""

    x: Array
    y: Array
    z: Array
    u: Array
    pulled_to: Array

    def __init__(self, frame: pd.DataFrame, numbers: Numbers) -> None:
        table = frame.pivot_table("weight", "user_id", "item_id", aggfunc="sum", fill_value=0.0)
        self.w, self.numbers = table.to_numpy(), numbers
        self.users, self.items = list(table.index), list(table.columns)
        seen = self.w > 0
        self.a0 = numbers.ratio * seen.mean() if numbers.a0 is None else numbers.a0
        self.ridges = [self.ridge(seen, axis, numbers.exponents[1 - axis]) for axis in (1, 0)]
        self.coupled = np.zeros(len(self.users), bool)
        self.x = self.y = self.z = self.u = self.pulled_to = np.empty(0)

    def ridge(self, seen: NDArray[np.bool_], axis: int, exponent: float) -> Array:
        counts, other = seen.sum(axis), seen.shape[axis]
        paper = self.numbers.scaling == "paper"
        base: Array = counts / other + self.a0 if paper else counts / counts.mean()
        return self.numbers.reg_param * base**exponent

    def start(self, name: str) -> None:
        """Random items and z = u = 0 (paper), or random users with z = x and u = 0."""
        numbers = self.numbers
        random = (numbers.seed, numbers.rank, numbers.init_scale)
        self.x = initial_factors(id_keys(self.users), *random).astype(float)
        self.y = initial_factors(domain_item_keys(name, id_keys(self.items)), *random).astype(float)
        self.u = np.zeros_like(self.x)
        self.z = (self.u if numbers.schedule == "paper" else self.x).copy()
        self.prior = np.zeros(numbers.rank)

    def solve_items(self, use_z: bool) -> Array:
        """Solve the items; return the rows that they were solved from."""
        numbers, coupled = self.numbers, self.coupled
        rows = np.where(coupled[:, None] & use_z, self.z, self.x)
        self.prior = numbers.prior * rows.mean(0)
        v = np.where(coupled, numbers.shared_user_weight, 1.0)
        a0_gram = self.a0 * (rows.T * v) @ rows
        none = np.zeros(numbers.rank)
        self.y = np.array(
            [
                solve_row(rows, v * w, a0_gram, ridge, 0.0, none)
                for w, ridge in zip(self.w.T, self.ridges[1], strict=True)
            ]
        )
        return rows

    def solve_users(self) -> Array:
        """Solve the users; return the four parts of the loss, cell by cell."""
        rho = self.numbers.rho * self.coupled
        self.pulled_to = self.z - self.u
        a0_gram = self.a0 * self.y.T @ self.y
        rows = zip(self.w, self.ridges[0], rho, self.pulled_to, strict=True)
        self.x = np.array(
            [solve_row(self.y, w, a0_gram, c, r, t, self.prior) for w, c, r, t in rows]
        )
        return self.loss_parts()

    def loss_parts(self) -> Array:
        scores = self.x @ self.y.T
        observed, unobserved = self.w * (scores - 1) ** 2, self.a0 * scores**2
        from_prior = ((self.x - self.prior) ** 2).sum(1)
        ridge = self.ridges[0] @ from_prior + self.ridges[1] @ (self.y**2).sum(1)
        distance = ((self.x - self.pulled_to) ** 2).sum(1)
        pull = self.numbers.rho * self.coupled @ distance
        return np.array([observed.sum(), unobserved.sum(), ridge, pull])


class Reference:
    """A training: `users` and `items` by (domain, id), `shared` by user id, `losses`."""

    def __init__(
        self,
        domains: dict[str, pd.DataFrame],
        own: dict[str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        self.numbers, own = Numbers(**options), own or {}
        self.shops = {
            name: Shop(frame, replace(self.numbers, **own.get(name, {})))
            for name, frame in domains.items()
        }
        takes_part = [shop for shop in self.shops.values() if shop.numbers.rho > 0]
        self.members: dict[str, list[Shop]] = {}
        for user in {user for shop in takes_part for user in shop.users}:
            having = [shop for shop in takes_part if user in shop.users]
            if len(having) > 1:
                self.members[user] = having
                for shop in having:
                    shop.coupled[shop.users.index(user)] = True
        self.users: dict[Any, Array] = {}
        self.losses = self._train()
        self.items = {
            (name, item): row
            for name, shop in self.shops.items()
            for item, row in zip(shop.items, shop.y, strict=True)
        }
        self.shared = {
            user: shops[0].z[shops[0].users.index(user)] for user, shops in self.members.items()
        }

    def _train(self) -> Array:
        numbers, losses = self.numbers, []
        paper = numbers.schedule == "paper"
        for name, shop in self.shops.items():
            shop.start(name)
        if not paper:
            self._solve_items(use_z=True)
        for iteration in range(1, numbers.max_iter + 1):
            losses.append(sum(shop.solve_users() for shop in self.shops.values()))
            aggregate = iteration % numbers.period == 0
            if aggregate:
                self._average()
            self._solve_items(use_z=aggregate and not paper)
        return np.array(losses)

    def _solve_items(self, use_z: bool) -> None:
        for name, shop in self.shops.items():
            rows = shop.solve_items(use_z)
            self.users |= {(name, u): row for u, row in zip(shop.users, rows, strict=True)}

    def _average(self) -> None:
        c = self.numbers.over_relaxation
        for user, shops in self.members.items():
            places = [(shop, shop.users.index(user)) for shop in shops]
            sent = [c * s.x[i] + (1 - c) * s.z[i] + s.u[i] for s, i in places]
            rhos = [shop.numbers.rho for shop in shops]
            mean = np.average(sent, axis=0, weights=rhos)
            z = mean / (1 + self.numbers.shrinkage / sum(rhos))
            for (shop, i), one in zip(places, sent, strict=True):
                shop.u[i] = one - z
                shop.z[i] = z
