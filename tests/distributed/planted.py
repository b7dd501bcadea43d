"""Small models written by hand, and the evaluation protocol once more in plain Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.config import DomainConfig, ModelConfig, TrainConfig
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import build_blocks
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, SeenItems
from cdimf_spark.distributed.tables import OutputTables
from cdimf_spark.distributed.training.runs import PACKED, PUBLISHED, STARTED, new_run
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.sampling import sample_negatives
from cdimf_spark.schemas import HISTORY, ITEM_FACTORS, SHARED_FACTORS, USER_FACTORS

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

    def score(self, row: Sequence[float], domain: str, item: str) -> float:
        return float(np.dot(row, self.items[domain][item]))


def frame(spark: SparkSession, rows: Mapping[str, Rows], schema: str) -> DataFrame:
    data = [(d, one, row) for d, by_id in rows.items() for one, row in by_id.items()]
    return spark.createDataFrame(data, schema)


def planted_blocks(spark: SparkSession, planted: Planted, layout: Layout) -> DataFrame:
    pairs = [(d, u, i, 1.0) for d, train in planted.train.items() for u, i in train]
    keyed = with_keys(
        spark.createDataFrame(pairs, "domain string, user_id string, item_id string, weight double")
    )
    return build_blocks(keyed, layout, frozenset(planted.domains), "sum")


def planted_tables(spark: SparkSession, planted: Planted, num_blocks: int = 2) -> ScoringTables:
    layout = Layout.of(planted.domains, num_blocks, num_blocks)
    blocks = planted_blocks(spark, planted, layout).where(F.col("side") == "user")
    shared = list(planted.shared.items())
    return ScoringTables(
        users=frame(spark, planted.users, USER_FACTORS),
        items=frame(spark, planted.items, ITEM_FACTORS),
        shared=spark.createDataFrame(shared, SHARED_FACTORS),
        seen=SeenItems(blocks.localCheckpoint(), layout.users),
        domains=planted.domains,
        aligned=frozenset(planted.domains) if planted.aligned is None else planted.aligned,
        rank=2,
    )


def write_model(spark: SparkSession, planted: Planted, path: str) -> None:
    """Write the tables of a finished training."""
    domains = tuple(DomainConfig(name, "x") for name in planted.domains)
    config = TrainConfig(ModelConfig(rank=2, max_iter=1), domains, path)
    tables = OutputTables(spark, path)
    layout = Layout.of(planted.domains, 2, 2)
    run = new_run(tables, {"config": config.to_dict(), "layout": layout.to_dict()})
    run.write(STARTED, 0, run.details)
    WorkingTables(tables, run.run_id).write_blocks(planted_blocks(spark, planted, layout))
    run.record(PACKED, 0)
    users = frame(spark, planted.users, USER_FACTORS)
    tables.overwrite(users, "user_factors", ("domain",))
    tables.overwrite(frame(spark, planted.items, ITEM_FACTORS), "item_factors", ("domain",))
    shared = spark.createDataFrame(list(planted.shared.items()), SHARED_FACTORS)
    tables.overwrite(shared, "shared_factors")
    tables.overwrite(spark.createDataFrame([], HISTORY), "history")
    run.record(PUBLISHED, 1)


def tests_frame(spark: SparkSession, tests: Mapping[str, Sequence[Pair]]) -> DataFrame:
    data = [(d, u, i) for d, pairs in tests.items() for u, i in pairs]
    return spark.createDataFrame(data, "domain string, user_id string, item_id string")


tests_frame.__test__ = False  # type: ignore[attr-defined]


def expected_metrics(
    planted: Planted, domain: str, tests: Sequence[Pair], k: int, negatives: int | str, seed: int
) -> dict[str, Any]:
    """The protocol, one test row at a time."""
    catalogue = sorted(planted.items[domain], key=lambda item: int(id_keys([item])[0]))
    ranks, covered, skipped = [], set(), {"unknown_user": 0, "unknown_item": 0}
    sources = {"own": 0, "shared": 0, "foreign": 0}
    n_in_train = 0
    for user, target in tests:
        found = planted.row_of(domain, user)
        if found is None or target not in catalogue:
            skipped["unknown_user" if found is None else "unknown_item"] += 1
            continue
        row, source = found
        sources[source] += 1
        n_in_train += (user, target) in planted.train[domain]
        own = {item for other, item in tests if other == user}
        drawn = _draw(catalogue, own, user, target, negatives, seed)
        scores = {
            item: -math.inf
            if (user, item) in planted.train[domain]
            else planted.score(row, domain, item)
            for item in (*drawn, target)
        }
        higher = sum(scores[item] > scores[target] for item in drawn)
        equal = sum(scores[item] == scores[target] for item in drawn)
        ranks.append(1 + higher + equal / 2)
        ordered = sorted(scores, key=lambda item: (-scores[item], catalogue.index(item)))
        covered.update(item for item in ordered[:k] if scores[item] > -math.inf)
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

    n_items = {"cloth": 17, "sport": 40}
    items = {d: rows([f"{d[0]}{n}" for n in range(n_items[d])]) for d in domains}
    # u20 and u21 know one domain each, u22 only a third way (shared), u23 nobody.
    users = {
        "cloth": rows([u for u in people[:20:2]] + ["u20"]),
        "sport": rows([u for u in people[:20:3]] + ["u21"]),
    }
    shared = {u: users["cloth"][u] for u in users["cloth"] if u in users["sport"]} | rows(["u22"])
    for user in set(shared) & set(users["sport"]):
        users["sport"][user] = shared[user]
    train = {
        d: [(u, str(i)) for u in users[d] for i in rng.choice(list(items[d]), 3, replace=False)]
        for d in domains
    }
    tests = {
        d: [(str(rng.choice(people)), str(rng.choice([*items[d], "nowhere"]))) for _ in range(50)]
        for d in domains
    }
    return Planted(users, items, train, shared), tests
