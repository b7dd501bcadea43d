"""A small export written by hand, and the row equation once more, dense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.serving.exported_domain import ITEM_MARK, USER_MARK, domain_folder
from cdimf_spark.serving.manifest import DomainManifest, Manifest
from cdimf_spark.serving.row_files import Rows, RowWriter
from cdimf_spark.solver.rules import DomainRules, DomainSize, domain_rules

Table = dict[str, NDArray[np.float32]]
RANK = 6


@dataclass
class Shop:
    """Rows of one domain by id; `shared` users have X + U in `exchanged`."""

    items: Table
    users: Table
    exchanged: Table
    rules: DomainRules
    shared_user_weight: float = 1.0

    def gram(self, side: str) -> NDArray[np.float64]:
        total = np.zeros((RANK, RANK))
        for one, row in getattr(self, side).items():
            weight = self.shared_user_weight if side == "users" and one in self.exchanged else 1.0
            total += weight * np.outer(row.astype(float), row.astype(float))
        return total

    def solve(
        self, side: str, cells: Mapping[str, float], rho: float = 0.0, target: object = 0.0
    ) -> NDArray[np.float64]:
        """Row of a user (or an item) from the interactions, as the formulas say."""
        rule, src = getattr(self.rules, side), "items" if side == "users" else "users"
        ridge = rule.reg_param * (len(cells) / rule.mean_count) ** rule.reg_exponent
        lhs = rule.unobserved_weight * self.gram(src) + (ridge + rho) * np.eye(RANK)
        rhs = rho * np.asarray(target, float) * np.ones(RANK)
        if side == "users":
            mean = np.mean([row.astype(float) for row in self.users.values()], axis=0)
            rhs += ridge * self.rules.user_prior * mean
        for one, weight in cells.items():
            row = getattr(self, src)[one].astype(float)
            if side == "items" and one in self.exchanged:
                weight *= self.shared_user_weight
            lhs += weight * np.outer(row, row)
            rhs = rhs + weight * row
        return np.linalg.solve(lhs, rhs)


@dataclass
class Shops:
    shops: dict[str, Shop]
    shared: Table


def random_shops(seed: int = 3, shared_user_weight: float = 2.5) -> Shops:
    """Sport and cloth are coupled and share half of their users, books is apart."""
    rng = np.random.default_rng(seed)

    def rows(ids: list[str], scale: float = 0.5) -> Table:
        return {one: rng.normal(0, scale, RANK).astype(np.float32) for one in ids}

    people = {
        "sport": [f"u{n}" for n in range(30)],
        "cloth": [f"u{n}" for n in range(15, 45)],
        "books": [f"u{n}" for n in range(60)],
    }
    both = people["sport"][15:]
    shared = rows(both)
    shops = {}
    for name, users in people.items():
        config = DomainConfig(name, "x", rho=0.0 if name == "books" else 1.5)
        prior = 0.6 if name == "cloth" else 0.0
        model = ModelConfig(rank=RANK, user_reg_exponent=0.3, user_prior=prior)
        size = DomainSize(len(users), 40, 15, 300)
        coupled = name != "books"
        own = rows(users) | (shared if coupled else {})
        shops[name] = Shop(
            items=rows([f"{name[0]}ä{n}" for n in range(40)]),
            users=own,
            exchanged=rows(both) if coupled else {},
            rules=domain_rules(model.for_domain(config), size),
            shared_user_weight=shared_user_weight,
        )
    return Shops(shops, shared)


def write_table(
    folder: Path, name: str, table: Table, mark: str | None = None, marks: list[int] | None = None,
    marked_weight: float = 1.0,
) -> None:  # fmt: skip
    ids = list(table)
    rows = Rows.of(ids, np.array(list(table.values())).reshape(-1, RANK), marks)
    n_bytes = sum(len(one.encode()) for one in ids)
    writer = RowWriter(folder, name, len(ids), n_bytes, RANK, mark, marked_weight)
    half = len(ids) // 2
    bytes_before = int(rows.id_lengths[:half].sum())
    for part, texts in (
        (slice(0, half), slice(0, bytes_before)),
        (slice(half, None), slice(bytes_before, None)),
    ):
        ids_of_part = rows.ids[texts], rows.id_lengths[part]
        writer.append(Rows(rows.keys[part], rows.factors[part], *ids_of_part, rows.marks[part]))
    writer.close()


def write_shops(shops: Shops, folder: Path) -> Path:
    for name, shop in shops.shops.items():
        at = domain_folder(folder, name)
        at.mkdir(parents=True)
        write_table(at, "items", shop.items, ITEM_MARK, list(range(len(shop.items))))
        is_shared = [int(user in shop.exchanged) for user in shop.users]
        write_table(at, "users", shop.users, USER_MARK, is_shared, shop.shared_user_weight)
        write_table(at, "exchanged", shop.exchanged)
    write_table(folder, "shared", shops.shared)
    domains = {n: DomainManifest(s.rules, s.shared_user_weight) for n, s in shops.shops.items()}
    Manifest(RANK, "run", domains).write(folder)
    return folder
