"""Quality on the real Sport/Cloth pairs, by the one-machine training and the paper's protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.configuration.config import load_config
from cdimf_spark.kernel.ranking.metrics import hit_rate, ndcg, rank_of_target
from cdimf_spark.kernel.ranking.sampling import sample_negatives_batch
from cdimf_spark.solver.local import LocalDomain, LocalModel, train_local
from tests.support.amazon import DATA, ROOT, needs_amazon

FOLDERS = {"sport": "sport_cloth", "cloth": "cloth_sport"}

pytestmark = [pytest.mark.slow, needs_amazon]


def read_pairs(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, sep="\t", header=None, dtype=str)
    return frame[[0, 1]].set_axis(["user", "item"], axis=1)


def to_domain(train: pd.DataFrame) -> LocalDomain:
    users, user_ids = pd.factorize(train["user"])
    items, item_ids = pd.factorize(train["item"])
    shape = (len(user_ids), len(item_ids))
    ones = np.ones(len(train), np.float32)
    return LocalDomain(list(user_ids), list(item_ids), csr_array((ones, (users, items)), shape))


def quality(
    name: str, test: pd.DataFrame, domains: dict[str, LocalDomain], model: LocalModel
) -> NDArray[np.float64]:
    """HR@10 and NDCG@10 in percent, mean of seeds 0, 1, 2."""
    domain = domains[name]
    (other,) = set(domains) - {name}
    own, elsewhere = (
        pd.Index(domains[d].user_ids).get_indexer(pd.Index(test["user"])) for d in (name, other)
    )
    targets = pd.Index(domain.item_ids).get_indexer(pd.Index(test["item"]))
    held_out = {user: rows.to_numpy() for user, rows in pd.Series(targets).groupby(test["user"])}
    excluded = [held_out[user] for user in test["user"]]
    # A cold user's factors come from the domain that knows them.
    here = (own >= 0)[:, None]
    factors = np.where(here, model.user_factors[name][own], model.user_factors[other][elsewhere])
    scores = factors @ model.item_factors[name].T
    seen = domain.interactions[own[own >= 0]].tocoo()
    scores[np.flatnonzero(own >= 0)[seen.row], seen.col] = -np.inf
    rows = np.arange(len(test))[:, None]
    found = []
    for seed in range(3):
        drawn = sample_negatives_batch(len(domain.item_ids), 999, excluded, range(len(test)), seed)
        drawn_scores = scores[rows, drawn]
        ranks = rank_of_target(scores[rows[:, 0], targets], drawn_scores, np.isinf(drawn_scores))
        found.append([hit_rate(ranks, 10).mean(), ndcg(ranks, 10).mean()])
    means: NDArray[np.float64] = 100 * np.mean(found, axis=0)
    return means


@pytest.mark.parametrize(
    ("config", "folder", "least"),
    [
        ("amazon_warm", "warm-start", {"sport": (33.3, 23.9), "cloth": (28.7, 21.0)}),
        pytest.param(
            *("amazon_cold", "cold-start-true-ids", {"sport": (23.2, 17.0), "cloth": (24.7, 18.7)}),
            marks=pytest.mark.long,
        ),
    ],
)
def test_quality_of_the_shipped_configuration_at_a_third_of_its_rank(
    config: str, folder: str, least: dict[str, tuple[float, float]]
) -> None:
    model = replace(load_config(str(ROOT / "conf" / f"{config}.yaml")).model, rank=192)
    paths = {name: DATA / folder / pair for name, pair in FOLDERS.items()}
    domains = {name: to_domain(read_pairs(path / "train.txt")) for name, path in paths.items()}
    trained = train_local(domains, model)
    for name, path in paths.items():
        reached = quality(name, read_pairs(path / "test.txt"), domains, trained)
        assert (reached >= least[name]).all(), f"{name}: {reached}"
