"""Small models written by hand, and the evaluation protocol once more in plain Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.ranking.sampling import sample_negatives

Rows = dict[str, list[float]]
Pair = tuple[str, str]


@dataclass
class Planted:
    """Factors by domain and id, and the pairs of train."""

    users: dict[str, Rows]
    items: dict[str, Rows]
    train: dict[str, list[Pair]]
    shared: Rows = field(default_factory=dict)
    aligned: frozenset[str] | None = None
    num_blocks: int = 2

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(sorted(self.items))

    def row_of(self, domain: str, user: str) -> tuple[list[float], str] | None:
        """The row that scores a user, and its source."""
        aligned = self.domains if self.aligned is None else self.aligned
        if user in self.users[domain]:
            return self.users[domain][user], "own"
        if domain not in aligned:
            return None
        if user in self.shared:
            return self.shared[user], "shared"
        others = [self.users[d][user] for d in sorted(aligned) if user in self.users[d]]
        return (np.mean(others, axis=0).tolist(), "foreign") if others else None

    def count(self, domain: str, item: str) -> int:
        """Interactions of an item."""
        return sum(one == item for _, one in self.train[domain])

    def trained_items(self) -> Planted:
        """The same with only the items that somebody has in train, as in a trained model."""
        items = {
            domain: {one: row for one, row in rows.items() if self.count(domain, one)}
            for domain, rows in self.items.items()
        }
        return replace(self, items=items)

    def score(self, row: Sequence[float], domain: str, item: str) -> float:
        return float(np.dot(row, self.items[domain][item]))


def tests_frame(spark: SparkSession, tests: Mapping[str, Sequence[Pair]]) -> DataFrame:
    data = [(d, u, i) for d, pairs in tests.items() for u, i in pairs]
    return spark.createDataFrame(data, "domain string, user_id string, item_id string")


tests_frame.__test__ = False  # type: ignore[attr-defined]


def expected_metrics(
    planted: Planted, domain: str, tests: Sequence[Pair], k: int, negatives: int | str, seed: int
) -> dict[str, Any]:
    """The protocol, one test row at a time."""
    catalogue = planted.items[domain]
    ranks, covered, skipped = [], set[str](), {"unknown_user": 0, "unknown_item": 0}
    sources = {"own": 0, "shared": 0, "foreign": 0}
    n_in_train = 0
    for user, target in tests:
        found = planted.row_of(domain, user)
        if found is None or target not in catalogue:
            skipped["unknown_user" if found is None else "unknown_item"] += 1
            continue
        _, source = found
        sources[source] += 1
        n_in_train += (user, target) in planted.train[domain]
        rank, ordered = rank_of(planted, domain, tests, (user, target), negatives, seed)
        ranks.append(rank)
        covered.update(ordered[:k])
    n = len(ranks)
    return {
        "hr": sum(rank <= k for rank in ranks) / n,
        "ndcg": sum(1 / math.log2(rank + 1) for rank in ranks if rank <= k) / n,
        "mrr": sum(1 / rank for rank in ranks) / n,
        "coverage": len(covered) / len(catalogue),
        "n_test": n,
        "n_skipped": sum(skipped.values()),
        **skipped,
        "n_in_train": n_in_train,
        "n_items": len(catalogue),
        "sources": sources,
    }


def rank_of(
    planted: Planted,
    domain: str,
    tests: Sequence[Pair],
    pair: Pair,
    negatives: int | str,
    seed: int,
) -> tuple[float, list[str]]:
    """Rank of one test item, and the list that it is in, without what the user has seen."""
    user, target = pair
    keys = {item: int(id_keys([item])[0]) for item in planted.items[domain]}
    catalogue = sorted(keys, key=lambda item: (keys[item] % planted.num_blocks, keys[item]))
    own = {item for other, item in tests if other == user}
    drawn = _draw(catalogue, own, user, target, negatives, seed)
    found = planted.row_of(domain, user)
    assert found
    scores = {
        item: -math.inf
        if (user, item) in planted.train[domain]
        else planted.score(found[0], domain, item)
        for item in (*drawn, target)
    }
    higher = sum(scores[item] > scores[target] for item in drawn)
    equal = sum(scores[item] == scores[target] for item in drawn)
    ordered = sorted(scores, key=lambda item: (-scores[item], keys[item]))
    return 1 + higher + equal / 2, [item for item in ordered if scores[item] > -math.inf]


def _draw(
    catalogue: list[str], own: set[str], user: str, target: str, negatives: int | str, seed: int
) -> list[str]:
    if negatives == "all":
        return [item for item in catalogue if item not in own]
    user_key, item_key = (int(id_keys([one])[0]) for one in (user, target))
    excluded = np.array([catalogue.index(item) for item in own if item in catalogue])
    key = (user_key * 0x9E3779B97F4A7C15 + item_key) % 2**64
    drawn = sample_negatives(len(catalogue), int(negatives), excluded, key, seed)
    return [catalogue[i] for i in drawn]


def random_model(rng: np.random.Generator) -> tuple[Planted, dict[str, list[Pair]]]:
    """Two domains with ties (small whole factors), seen, unknown and foreign users and items."""
    domains, people = ("cloth", "sport"), [f"u{n}" for n in range(24)]

    def rows(ids: Sequence[str]) -> Rows:
        return {one: rng.integers(-2, 3, 2).astype(float).tolist() for one in ids}

    n_items = {"cloth": 17, "sport": 40, "books": 2, "films": 2}
    items = {d: rows([f"{d[0]}{n}" for n in range(n_items[d])]) for d in n_items}
    # u20 and u21 know one domain each, u22 two others (where they are shared), u23 nobody.
    users = {
        "cloth": rows([u for u in people[:20:2]] + ["u20"]),
        "sport": rows([u for u in people[:20:3]] + ["u21"]),
        "books": rows(["u22"]),
        "films": rows(["u22"]),
    }
    shared = {u: users["cloth"][u] for u in users["cloth"] if u in users["sport"]} | rows(["u22"])
    for user in set(shared) & set(users["sport"]):
        users["sport"][user] = shared[user]
    train = {
        d: [
            (u, str(i))
            for u in users[d]
            for i in rng.choice(list(items[d]), min(3, n_items[d]), replace=False)
        ]
        for d in items
    }
    tests = {
        d: [(str(rng.choice(people)), str(rng.choice([*items[d], "nowhere"]))) for _ in range(50)]
        for d in domains
    }
    return Planted(users, items, train, shared), tests
