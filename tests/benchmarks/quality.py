"""Quality on the real Sport/Cloth pairs: the shipped configurations against pooled ALS.

Run as `python -m tests.benchmarks.quality [--task warm|cold] [--tune] [--starts N]`, with the
folder of the pairs in CDIMF_DATA; trains on one machine (`train_local`), single-threaded.

Without --tune it trains conf/amazon_warm.yaml and conf/amazon_cold.yaml, and ALS on the pooled data
of both domains with the options in `POOLED`, which the same search found on the same split, and
prints HR@10 and NDCG@10 with 999 drawn items:

    validation   on splits made from train (three: mean and standard deviation of the splits)
    test         trained on all of train: mean of the evaluation seeds 0, 1, 2, and the expectation
                 over all draws; for --starts N random starts, mean and standard deviation

With --search N [--model pooled|consensus] it looks for better options of one of them in N trials on
a validation split: random steps from the best ones so far, which it prints.

With --tune it shows where the options stand: from those configurations, one option at a time is
moved by the steps of `STEPS`, and the validation metrics of every move are printed; no test row is
ranked.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from cdimf_spark.configuration.config import load_config
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.solver.local import train_local
from tests.benchmarks.ranking_quality import (
    Split,
    rank_all,
    read_task,
    to_domains,
    to_pooled,
    validation_split,
)

CONF = Path(__file__).parents[2] / "conf"
POOLED: dict[str, dict[str, Any]] = {
    "warm": {
        "rank": 576,
        "max_iter": 12,
        "reg_param": 2.32,
        "item_reg_exponent": 0.4,
        "unobserved_ratio": 5.76,
        "user_prior": 0.06,
    },
    "cold": {
        "rank": 576,
        "max_iter": 10,
        "reg_param": 2.18,
        "item_reg_exponent": 1.0,
        "unobserved_ratio": 8.2,
        "user_prior": 0.82,
    },
}
STEPS: dict[str, tuple[float, ...]] = {
    "rank": (0.5, 0.67, 1.5),
    "reg_param": (0.85, 0.93, 1.08, 1.2),
    "unobserved_ratio": (0.67, 0.8, 1.25, 1.5),
    "item_reg_exponent": (0.6, 0.8, 1.25),
    "rho": (0.33, 3.0, 10.0),
    "max_iter": (0.7, 1.5),
    "user_prior": (0.0, 0.7, 1.2),
}
SCALED = {"reg_param": 0.2, "unobserved_ratio": 0.3, "rho": 0.4}
SHIFTED = {"item_reg_exponent": 0.15, "user_prior": 0.15}
SEEDS = (0, 1, 2)
_HEADER = f"{'':34}" + "".join(f"{c:>16}" for c in ("Sport HR", "NDCG", "Cloth HR", "NDCG"))


def models(task: str) -> dict[str, ModelConfig]:
    """The configurations that are compared."""
    consensus = load_config(str(CONF / f"amazon_{task}.yaml")).model
    return {"consensus": consensus, "pooled": ModelConfig(**POOLED[task])}


def score(name: str, model: ModelConfig, split: Split, seeds: tuple[int, ...] = ()) -> np.ndarray:
    """Train, and rank: HR and NDCG of Sport and Cloth, expected and (with seeds) drawn."""
    data = (to_pooled if name == "pooled" else to_domains)(split.train)
    found = rank_all(train_local(data, model), data, split, seeds)
    # (domain, HR and NDCG, expected or drawn) -> expected or drawn, four columns
    both = np.stack([found["sport"], found["cloth"]]).reshape(2, -1, 2)
    return both.transpose(1, 0, 2).reshape(-1, 4)


def line(title: str, runs: np.ndarray) -> str:
    """A row of the table: mean and, of several runs, standard deviation."""
    mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=1) if len(runs) > 1 else None
    cells = [f"{value:.2f}" for value in mean]
    if spread is not None:
        cells = [f"{cell} +- {sd:.2f}" for cell, sd in zip(cells, spread, strict=True)]
    return f"{title:34}" + "".join(f"{cell:>16}" for cell in cells)


def compare(task: str, starts: int) -> None:
    published = read_task(task)
    splits = [validation_split(task, published.train, seed) for seed in SEEDS]
    print(f"\n{task}\n{_HEADER}")
    for name, model in models(task).items():
        found = np.concatenate([score(name, model, split) for split in splits])
        print(line(f"{name}, validation", found), flush=True)
        runs = [
            score(name, replace(model, seed=seed), published, SEEDS)
            for seed in range(model.seed, model.seed + starts)
        ]
        expected, drawn = np.stack(runs, axis=1)
        print(line(f"{name}, test", drawn), flush=True)
        print(line(f"{name}, test, expected", expected), flush=True)


def moves(model: ModelConfig, pooled: bool) -> Iterator[tuple[str, ModelConfig]]:
    """The configuration and its neighbours."""
    yield "as it is", model
    for name, factors in STEPS.items():
        value = getattr(model, name)
        if not value or (pooled and name == "rho"):
            continue
        for factor in factors:
            moved = round(factor * value) if isinstance(value, int) else factor * value
            option: dict[str, Any] = {name: moved}
            yield f"{name} {moved:g}", replace(model, **option)


def tune(task: str) -> None:
    split = validation_split(task, read_task(task).train, seed=0)
    print(f"\n{task}, validation\n{_HEADER}")
    for name, model in models(task).items():
        for title, moved in moves(model, pooled=name == "pooled"):
            print(line(f"{name}, {title}", score(name, moved, split)), flush=True)


def search(task: str, trials: int, name: str) -> None:
    """Random steps from the best options so far, by the sum of the validation metrics."""
    split, rng = validation_split(task, read_task(task).train, seed=0), np.random.default_rng(0)
    best, model = -np.inf, models(task)[name]
    if model.item_reg_exponent is None:
        model = replace(model, item_reg_exponent=0.5)  # the default of this schedule, said aloud
    names = [option for option in (*SCALED, *SHIFTED) if option != "rho" or name == "consensus"]
    print(f"\n{task}, validation, {name}: {', '.join(names)}\n{_HEADER}")
    for trial in range(trials + 1):
        tried = random_step(model, names, rng) if trial else model
        found = score(name, tried, split)
        if found.sum() > best:
            best, model = found.sum(), tried
        print(line(" ".join(f"{getattr(tried, n):.3g}" for n in names), found), flush=True)
    print("best: " + ", ".join(f"{n} {getattr(model, n):.4g}" for n in names))


def random_step(model: ModelConfig, names: list[str], rng: np.random.Generator) -> ModelConfig:
    """One to all of the options, moved: factors for those of SCALED, sums for those of SHIFTED."""
    moved = {}
    for name in rng.permutation(names)[: rng.integers(1, len(names) + 1)].tolist():
        value = getattr(model, name)
        if name in SCALED:
            moved[name] = value * rng.lognormal(0, SCALED[name])
        else:
            moved[name] = float(np.clip(value + rng.normal(0, SHIFTED[name]), 0, 1))
    return replace(model, **moved)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", choices=("warm", "cold"), help="only this one")
    parser.add_argument("--tune", action="store_true", help="validation metrics of neighbours")
    parser.add_argument("--search", type=int, help="trials of a search for better options")
    parser.add_argument("--model", choices=("pooled", "consensus"), default="pooled")
    parser.add_argument("--starts", type=int, default=1, help="random starts of the test figures")
    given = parser.parse_args()
    for task in [given.task] if given.task else ["warm", "cold"]:
        if given.search:
            search(task, given.search, given.model)
        elif given.tune:
            tune(task)
        else:
            compare(task, given.starts)


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    with threadpool_limits(1):
        main()
