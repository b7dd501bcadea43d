"""Data and metrics of the quality benchmark: the real pairs, validation splits, expected metrics.

A validation split is made from the train sets alone, in the way the test sets were made: warm, one
interaction of each user whose item stays known; cold, the complete history of some shared users in
one of the two domains. Metrics on it are the *expectation* of the sampled protocol over all draws
of the negatives: with h of the n candidates above the target, the number among m drawn ones is
hypergeometric. So a comparison of configurations has no noise from the draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import hypergeom

from cdimf_spark.solver.local import LocalDomain, LocalModel
from tests.benchmarks.data import DATA

FOLDERS = {"cloth": "cloth_sport", "sport": "sport_cloth"}
TASKS = {"warm": "warm-start", "cold": "cold-start-true-ids"}
K, NEGATIVES = 10, 999
# As many as are held out of each domain in the published cold test.
COLD_USERS = 900
_CHUNK = 256

Pairs = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Split:
    """Train and held-out pairs (columns user, item) of each domain."""

    train: Pairs
    held_out: Pairs


def read_pairs(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, sep="\t", header=None, dtype=str)
    return frame[[0, 1]].set_axis(["user", "item"], axis=1)


def read_task(task: str) -> Split:
    """The published train and test sets."""
    folder = DATA / TASKS[task]
    parts = ({d: read_pairs(folder / f / f"{s}.txt") for d, f in FOLDERS.items()} for s in _SETS)
    return Split(*parts)


_SETS = ("train", "test")


def validation_split(task: str, train: Pairs, seed: int) -> Split:
    """Hold out some of the train pairs, as the test of the task did."""
    rng = np.random.default_rng(seed)
    masks = _warm_masks(train, rng) if task == "warm" else _cold_masks(train, rng)
    kept, held_out = {}, {}
    for name, pairs in train.items():
        kept[name], taken = pairs[~masks[name]], pairs[masks[name]]
        held_out[name] = taken[taken["item"].isin(kept[name]["item"])].reset_index(drop=True)
    return Split(kept, held_out)


def _warm_masks(train: Pairs, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    """One random pair of each user; users whose pair is the item's last one give none."""
    masks = {}
    for name, pairs in train.items():
        shuffled = pairs.iloc[rng.permutation(len(pairs))]
        taken = shuffled.drop_duplicates("user")
        taken = taken[taken["item"].map(pairs["item"].value_counts()) > 1]
        masks[name] = pairs.index.isin(taken.index)
    return masks


def _cold_masks(train: Pairs, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    """All pairs of some shared users, other users in each domain."""
    both = sorted(set.intersection(*(set(pairs["user"]) for pairs in train.values())))
    people = rng.permutation(both)
    return {
        name: pairs["user"].isin(people[n * COLD_USERS : (n + 1) * COLD_USERS]).to_numpy()
        for n, (name, pairs) in enumerate(train.items())
    }


def to_domains(train: Pairs) -> dict[str, LocalDomain]:
    """Interactions of weight 1."""
    return {name: _to_domain(pairs) for name, pairs in train.items()}


def to_pooled(train: Pairs) -> dict[str, LocalDomain]:
    """All domains as one, with the domain's name before an item's."""
    named = [pairs.assign(item=name + "/" + pairs["item"]) for name, pairs in train.items()]
    return {"pooled": _to_domain(pd.concat(named))}


def _to_domain(train: pd.DataFrame) -> LocalDomain:
    users, user_ids = pd.factorize(train["user"])
    items, item_ids = pd.factorize(train["item"])
    cells = csr_array((np.ones(len(train), np.float32), (users, items)))
    return LocalDomain(list(user_ids), list(item_ids), cells)


@dataclass(frozen=True)
class Scored:
    """Factor rows of the held-out pairs of a domain, and what is left out of their rankings.

    `users` float32 (n, rank) rows of the pairs; `items` float32 (n_items, rank); `targets` int64
    (n,); `left_out` the items of each pair's user in train and test, by pair.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    targets: NDArray[np.int64]
    seen: list[NDArray[np.int64]]
    own: list[NDArray[np.int64]]
