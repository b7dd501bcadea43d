"""Data and metrics of the quality benchmark: the real pairs, validation splits, ranks.

A validation split is made from the train sets alone, in the way the test sets were made: warm, one
interaction of each user whose item stays known; cold, the complete history of some shared users in
one of the two domains.

Ranks are counted in the whole catalogue. With h of the n candidates above the target, the number
among m drawn ones is hypergeometric, so that the *expectation* of the sampled metrics over all
draws follows from h: a comparison of configurations has no noise from the draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import gammaln

from cdimf_spark.kernel.ranking.metrics import hit_rate, ndcg, rank_of_target
from cdimf_spark.kernel.ranking.sampling import sample_negatives_batch
from cdimf_spark.solver.local import LocalDomain, LocalModel
from tests.support.amazon import DATA

FOLDERS = {"sport": "sport_cloth", "cloth": "cloth_sport"}
TASKS = {"warm": "warm-start", "cold": "cold-start-true-ids"}
K, NEGATIVES = 10, 999
# As many as are held out of each domain in the published cold test.
_COLD_USERS = 900
_CHUNK = 256

Pairs = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Split:
    """Train and held-out pairs (columns user, item) of each domain."""

    train: Pairs
    held_out: Pairs


def read_task(task: str) -> Split:
    """The published train and test sets."""
    folder = DATA / TASKS[task]
    train, test = (
        {name: _read_pairs(folder / pair / f"{part}.txt") for name, pair in FOLDERS.items()}
        for part in ("train", "test")
    )
    return Split(train, test)


def _read_pairs(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, sep="\t", header=None, dtype=str)
    return frame[[0, 1]].set_axis(["user", "item"], axis=1)


def validation_split(task: str, train: Pairs, seed: int) -> Split:
    """Hold out some of the train pairs, as the test of the task did."""
    rng = np.random.default_rng(seed)
    # In the order of names, so that a split depends on the seed alone.
    train = dict(sorted(train.items()))
    masks = _warm_masks(train, rng) if task == "warm" else _cold_masks(train, rng)
    kept = {name: pairs[~masks[name]] for name, pairs in train.items()}
    taken = {name: pairs[masks[name]] for name, pairs in train.items()}
    known = {name: pairs[pairs["item"].isin(kept[name]["item"])] for name, pairs in taken.items()}
    return Split(kept, known)


def _warm_masks(train: Pairs, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    """A random pair of each user, unless it is the only one of its item."""
    masks = {}
    for name, pairs in train.items():
        shuffled = pairs.iloc[rng.permutation(len(pairs))]
        taken = shuffled.drop_duplicates("user")
        taken = taken[taken["item"].map(pairs["item"].value_counts()) > 1]
        masks[name] = pairs.index.isin(taken.index)
    return masks


def _cold_masks(train: Pairs, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    """All pairs of some shared users, other users in each domain."""
    shared = sorted(set.intersection(*(set(pairs["user"]) for pairs in train.values())))
    people = rng.permutation(shared)
    chosen = {n: people[i * _COLD_USERS : (i + 1) * _COLD_USERS] for i, n in enumerate(train)}
    return {name: pairs["user"].isin(chosen[name]).to_numpy() for name, pairs in train.items()}


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


def rank_all(
    model: LocalModel, data: dict[str, LocalDomain], split: Split, seeds: tuple[int, ...] = ()
) -> dict[str, NDArray[np.float64]]:
    """HR and NDCG at 10 in percent by domain: expected, then the means over draws with seeds."""
    return {
        name: np.mean(list(_metrics(name, model, data, split, seeds)), axis=0)
        for name in split.held_out
    }


def _metrics(
    name: str, model: LocalModel, data: dict[str, LocalDomain], split: Split, seeds: tuple[int, ...]
) -> Iterator[NDArray[np.float64]]:
    """100 (HR, NDCG) of each test row: expected; with seeds, also means over their draws."""
    pairs = split.held_out[name]
    items, prefix = (name, "") if name in data else ("pooled", name + "/")
    catalogue = pd.Index(split.train[name]["item"].unique())
    factors = pd.Series(range(len(data[items].item_ids)), data[items].item_ids)
    y = model.item_factors[items][factors.loc[prefix + catalogue].to_numpy()]
    numbers = pd.Series(range(len(catalogue)), catalogue)
    target = numbers[pairs["item"]].to_numpy()
    own = _by_user(pairs["user"], target)
    seen = _by_user(split.train[name]["user"], numbers[split.train[name]["item"]].to_numpy())
    hr, gain = expected_metrics(len(catalogue) - 1)
    x = _user_rows(model, data, items, pairs["user"])
    for start in range(0, len(pairs), _CHUNK):
        users = pairs["user"].to_numpy()[start : start + _CHUNK]
        targets = target[start : start + _CHUNK]
        scores = x[start : start + _CHUNK] @ y.T
        rows = np.arange(len(users))
        wanted = scores[rows, targets]
        for row, user in enumerate(users):
            scores[row, seen.get(user, [])] = -np.inf
        sampled = [
            _sampled(scores, wanted, [own[u] for u in users], rows + start, seed) for seed in seeds
        ]
        for row, user in enumerate(users):
            scores[row, own[user]] = -np.inf
        above = (scores > wanted[:, None]).sum(axis=1)
        found = [np.stack([hr[above], gain[above]], axis=1)]
        if sampled:
            found.append(np.mean(sampled, axis=0))
        yield from 100 * np.concatenate(found, axis=1)


def _by_user(users: pd.Series[str], items: NDArray[np.integer]) -> dict[str, NDArray[np.int64]]:
    return {str(user): part.to_numpy() for user, part in pd.Series(items).groupby(users.to_numpy())}


def _user_rows(
    model: LocalModel, data: dict[str, LocalDomain], home: str, users: Iterable[str]
) -> NDArray[np.float32]:
    """Rows of users: of the domain itself, or else of one that knows them."""
    order = [home, *(name for name in data if name != home)]
    rows: dict[str, NDArray[np.float32]] = {}
    for name in reversed(order):
        rows |= dict(zip(data[name].user_ids, model.user_factors[name], strict=True))
    return np.stack([rows[user] for user in users])


def _sampled(
    scores: NDArray[np.float32],
    wanted: NDArray[np.float32],
    excluded: list[NDArray[np.int64]],
    keys: NDArray[np.int64],
    seed: int,
) -> NDArray[np.float64]:
    """HR and NDCG of each row over one draw."""
    drawn = sample_negatives_batch(scores.shape[1], NEGATIVES, excluded, keys, seed)
    negative = np.take_along_axis(scores, drawn, axis=1)
    ranks = rank_of_target(wanted, negative, np.isinf(negative))
    return np.stack([hit_rate(ranks, K), ndcg(ranks, K)], axis=1)


@cache
def expected_metrics(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected HR and NDCG at 10 of a target with h of n candidates above it, h = 0 .. n."""
    h, j = np.arange(n + 1)[:, None], np.arange(K)[None, :]

    def log_choose(total: NDArray[np.int64], part: NDArray[np.int64] | int) -> NDArray[np.float64]:
        inside = np.clip(part, 0, total)
        logs: NDArray[np.float64] = (
            gammaln(total + 1) - gammaln(inside + 1) - gammaln(total - inside + 1)
        )
        return logs

    possible = (j <= h) & (NEGATIVES - j <= n - h)
    logs = log_choose(h, j) + log_choose(n - h, NEGATIVES - j) - log_choose(np.array(n), NEGATIVES)
    chance = np.where(possible, np.exp(np.where(possible, logs, 0)), 0)
    return chance.sum(axis=1), chance @ (1 / np.log2(j[0] + 2))
