"""Measures of users and groups once more, in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from tests.support.planted import Pair, Planted, rank_of


def groups_of(planted: Planted, domain: str, pair: Pair) -> dict[str, str]:
    """What group of each grouping a test row is in."""
    user, item = pair
    found = planted.row_of(domain, user)
    assert found
    history = sum(one == user for one, _ in planted.train[domain])
    n_domains = sum(user in users for users in planted.users.values())
    return {
        "all": "",
        "shared": "shared" if n_domains > 1 else "single-domain",
        "history": label_of(history),
        "popularity": label_of(planted.count(domain, item)),
        "source": found[1],
    }


def label_of(n: int) -> str:
    return "0" if n == 0 else "1-4" if n < 5 else "5-9" if n < 10 else "10-19"


def values_of(ranks: Sequence[float], k: int) -> dict[str, float]:
    """Metrics of one user."""
    places = [rank + n for n, rank in enumerate(sorted(ranks))]
    hits = sum(place <= k for place in places)
    gains = [(n + 1) / place for n, place in enumerate(places) if place <= k]
    return {
        "mrr": fmean(1 / rank for rank in ranks),
        "hr": fmean(rank <= k for rank in ranks),
        "ndcg": fmean(1 / math.log2(rank + 1) if rank <= k else 0.0 for rank in ranks),
        "map": sum(gains) / min(k, len(ranks)),
        "precision": hits / k,
        "recall": hits / len(ranks),
    }


Users = Mapping[str, Sequence[float]]


def ranks_of_users(
    planted: Planted, domain: str, tests: Sequence[Pair], negatives: int | str, seed: int
) -> Any:
    """Ranks of the users of each group of each grouping."""
    ranks: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for user, item in tests:
        if planted.row_of(domain, user) and item in planted.items[domain]:
            rank, _ = rank_of(planted, domain, tests, (user, item), negatives, seed)
            for by, group in groups_of(planted, domain, (user, item)).items():
                ranks[by][group][user].append(rank)
    return ranks
