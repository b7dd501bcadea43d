"""Small models written by hand, and the evaluation protocol once more in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.config import DomainConfig, ModelConfig, TrainConfig
from cdimf_spark.distributed.blocks.block_rows import encode, to_table
from cdimf_spark.distributed.blocks.indexing import pack_ids, with_keys
from cdimf_spark.distributed.blocks.layout import Layout, Side
from cdimf_spark.distributed.blocks.packing import build_blocks
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, Sizes, Sources
from cdimf_spark.distributed.tables import OutputTables
from cdimf_spark.distributed.training.publishing import item_factors, shared_factors, user_factors
from cdimf_spark.distributed.training.runs import PACKED, PUBLISHED, STARTED, new_run
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.sampling import sample_negatives
from cdimf_spark.schemas import HISTORY
from cdimf_spark.solver.packing import pack_block
from cdimf_spark.solver.placement import Placement

Rows = dict[str, list[float]]
Pair = tuple[str, str]
Arrays = dict[str, Any]


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


def planted_layout(planted: Planted) -> Layout:
    return Layout.of(planted.domains, planted.num_blocks, planted.num_blocks)


def user_arrays(planted: Planted, domain: str, block: int) -> Arrays | None:
    """Packed rows of the users of a block."""
    ids = ids_of_block(planted.users[domain], block, planted.num_blocks)
    pairs = [pair for pair in planted.train[domain] if pair[0] in ids]
    if not pairs:
        return None
    keys = (id_keys([pair[side] for pair in pairs]) for side in (0, 1))
    packed = vars(pack_block(*keys, np.ones(len(pairs)), Placement(planted.num_blocks)))
    shared = [n for n, one in enumerate(ids) if one in planted.shared]
    return {
        "ids": pack_ids(pa.chunked_array([ids])),
        "shared": np.array(shared, np.int32),
        "factors": np.array([planted.users[domain][one] for one in ids]),
        "z": np.array([planted.shared[ids[n]] for n in shared]),
        **{kind: packed[kind] for kind in ("keys", "columns", "indptr", "indices")},
    }


def item_arrays(planted: Planted, domain: str, block: int) -> Arrays | None:
    """Packed rows of the items of a block, also of those that nobody has in train."""
    ids = ids_of_block(planted.items[domain], block, planted.num_blocks)
    if not ids:
        return None
    buyers = [[u for u, item in planted.train[domain] if item == one] for one in ids]
    counts = [len(users) for users in buyers]
    return {
        "keys": id_keys(ids),
        "ids": pack_ids(pa.chunked_array([ids])),
        "indptr": np.cumsum([0, *counts]),
        "indices": np.arange(sum(counts)),
        "columns": id_keys([user for users in buyers for user in users]),
        "factors": np.array([planted.items[domain][one] for one in ids]),
    }


def ids_of_block(rows: Rows, block: int, num_blocks: int) -> list[str]:
    """Ids of a block in the order of their keys."""
    keys = {one: int(id_keys([one])[0]) for one in rows}
    return sorted((one for one in rows if keys[one] % num_blocks == block), key=keys.__getitem__)


def packed(planted: Planted, side: Side, arrays: Callable[..., Arrays | None]) -> pa.Table:
    batches = []
    for domain, block in product(planted.domains, range(side.num_blocks)):
        found = arrays(planted, domain, block)
        batches += [] if found is None else encode(side.address(domain, block), found)
    return to_table(batches)


def sizes_of(planted: Planted) -> dict[str, dict[str, list[int]]]:
    return {
        side: {
            domain: [
                len(ids_of_block(by_domain[domain], block, planted.num_blocks))
                for block in range(planted.num_blocks)
            ]
            for domain in planted.domains
        }
        for side, by_domain in (("users", planted.users), ("items", planted.items))
    }


def planted_tables(spark: SparkSession, planted: Planted) -> ScoringTables:
    layout = planted_layout(planted)
    aligned = frozenset(planted.domains) if planted.aligned is None else planted.aligned
    return ScoringTables(
        users=spark.createDataFrame(packed(planted, layout.users, user_arrays)),
        items=spark.createDataFrame(packed(planted, layout.items, item_arrays)),
        layout=layout,
        sizes=Sizes(**sizes_of(planted)),
        sources=Sources(aligned),
        rank=2,
    )


def write_model(spark: SparkSession, planted: Planted, path: str) -> None:
    """Write the tables of a finished training."""
    domains = tuple(DomainConfig(name, "x") for name in planted.domains)
    config = TrainConfig(ModelConfig(rank=2, max_iter=1), domains, path)
    tables = OutputTables(spark, path)
    layout = planted_layout(planted)
    run = new_run(tables, {"config": config.to_dict(), "layout": layout.to_dict()})
    run.write(STARTED, 0, run.details)
    working = WorkingTables(tables, run.run_id)
    pairs = [(d, u, i, 1.0) for d, train in planted.train.items() for u, i in train]
    keyed = with_keys(
        spark.createDataFrame(pairs, "domain string, user_id string, item_id string, weight double")
    )
    blocks = build_blocks(keyed, layout, frozenset(planted.domains), "sum")
    working.write_blocks(blocks)
    run.record(PACKED, 0)
    users, items = (
        spark.createDataFrame(packed(planted, side, arrays))
        for side, arrays in ((layout.users, user_arrays), (layout.items, item_arrays))
    )
    rows = users.withColumn("side", F.lit("user")).union(items.withColumn("side", F.lit("item")))
    working.write_factors(rows.where("kind IN ('factors', 'z')"))
    blocks = working.read_blocks()
    tables.overwrite(
        user_factors(blocks, users.where("kind = 'factors'"), layout, 2), "user_factors"
    )
    tables.overwrite(
        item_factors(blocks, items.where("kind = 'factors'"), layout, 2), "item_factors"
    )
    tables.overwrite(shared_factors(blocks, users.where("kind = 'z'"), layout, 2), "shared_factors")
    tables.overwrite(spark.createDataFrame([], HISTORY), "history")
    run.record(PUBLISHED, 1, sizes_of(planted))


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
    # u20 and u21 know one domain each, u22 two others (where he is shared), u23 nobody.
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
