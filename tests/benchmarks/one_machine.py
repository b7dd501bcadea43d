"""One machine without Java: `LocalCDIMF`, and `implicit` on the pooled data of the real warm pair.

Run as `python -m tests.benchmarks.one_machine [--rank 64] [--iterations 10] [--tune]` in an
environment that has `implicit` too, with the folder of the pairs in CDIMF_DATA. One thread each.

`implicit` has one matrix: to learn from both shops it must be given both shops' interactions, so
one party sees who bought what in the other. `LocalCDIMF` is given them apart; X + U of the common
users is all that passes between the shops. Both are measured on the same test rows against the same
drawn items (`LocalCDIMFModel.evaluate`), with lists of ten for all users of both shops.

The options of `implicit` are those of `TUNED`, and its defaults beside them; --tune shows how the
former were found, on pairs held out of train.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from cdimf_spark.local.estimator import LocalCDIMF
from cdimf_spark.local.model import LocalCDIMFModel
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.row_files import Rows
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.serving.serving_model import ServingModel
from tests.benchmarks.data import has_amazon
from tests.benchmarks.ranking_quality import Pairs, Split, read_task, validation_split

TUNED = {"alpha": 160.0, "regularization": 640.0}
GRID = {"alpha": (40.0, 160.0, 640.0), "regularization": (0.5, 2.0, 4.0, 8.0)}


@dataclass
class Pooled:
    """Both shops as one matrix; items are named with their shop."""

    users: pd.Index
    items: pd.Index
    cells: sp.csr_matrix

    @classmethod
    def of(cls, train: Pairs) -> Pooled:
        named = [pairs.assign(item=f"{shop}/" + pairs["item"]) for shop, pairs in train.items()]
        both = pd.concat(named)
        users, user_ids = pd.factorize(both["user"])
        items, item_ids = pd.factorize(both["item"])
        ones = np.ones(len(both), np.float32)
        return cls(pd.Index(user_ids), pd.Index(item_ids), sp.csr_matrix((ones, (users, items))))


def fit_implicit(pooled: Pooled, rank: int, iterations: int, **options: float) -> Any:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=rank, iterations=iterations, num_threads=1, random_state=0, **options
    )
    model.fit(pooled.cells, show_progress=False)
    return model


def fit_local(train: Pairs, rank: int, iterations: int) -> LocalCDIMFModel:
    return LocalCDIMF(rank=rank, max_iter=iterations).fit(as_tables(train))


def as_tables(pairs: Pairs) -> dict[str, pd.DataFrame]:
    return {shop: frame.set_axis(["user_id", "item_id"], axis=1) for shop, frame in pairs.items()}


def lists_of_implicit(model: Any, pooled: Pooled, train: Pairs) -> None:
    for shop, pairs in train.items():
        users = pooled.users.get_indexer(pd.Index(pairs["user"].unique()))
        items = pooled.items.get_indexer(pd.Index((f"{shop}/" + pairs["item"]).unique()))
        model.recommend(users, pooled.cells[users], N=10, items=items)


def lists_of_local(model: LocalCDIMFModel) -> None:
    for shop in model.domains:
        model.recommend(shop, k=10)


def as_local(model: Any, pooled: Pooled, like: LocalCDIMFModel) -> LocalCDIMFModel:
    """Factors of `implicit` in the tables of a local model, for the same evaluation."""

    def table(of: RowTable, index: pd.Index, prefix: str, factors: np.ndarray) -> RowTable:
        ids = of.id_texts.to_pylist()
        rows = factors[index.get_indexer(pd.Index([prefix + one for one in ids]))]
        return RowTable.of(Rows.of(ids, rows, of.marks))

    domains = {}
    for shop in like.domains:
        own = like.serving.domain(shop)
        items = table(own.items, pooled.items, f"{shop}/", model.item_factors)
        users = table(own.users, pooled.users, "", model.user_factors)
        domains[shop] = ExportedDomain(shop, own.manifest, items, users, own.exchanged)
    served = ServingModel(like.serving.manifest, domains, like.serving.shared)
    return LocalCDIMFModel(served, like.training)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def quality(model: LocalCDIMFModel, split: Split) -> list[float]:
    """HR@10 and NDCG@10 in percent, Sport and Cloth."""
    found = model.evaluate(as_tables(split.held_out))["domains"]
    return [100 * found[shop][name] for shop in ("sport", "cloth") for name in ("hr", "ndcg")]


def line(title: str, fit: float, lists: float, numbers: list[float]) -> str:
    return f"{title:34}{fit:8.1f}{lists:8.1f}" + "".join(f"{one:11.2f}" for one in numbers)


HEADER = f"{'':34}{'fit s':>8}{'lists s':>8}" + "".join(
    f"{name:>11}" for name in ("Sport HR", "NDCG", "Cloth HR", "NDCG")
)


def compile_all(rank: int) -> None:
    """Compile now, which takes half a minute once and is kept on the disk."""
    rng = np.random.default_rng(0)
    ids = {
        "user": rng.integers(0, 30, 300).astype(str),
        "item": rng.integers(0, 30, 300).astype(str),
    }
    lists_of_local(fit_local({"one": pd.DataFrame(ids), "two": pd.DataFrame(ids)}, rank, 1))


def compare(split: Split, rank: int, iterations: int) -> None:
    compile_all(rank)
    fit, local = timed(lambda: fit_local(split.train, rank, iterations))
    lists, _ = timed(lambda: lists_of_local(local))
    print(HEADER)
    print(line("LocalCDIMF, shops apart", fit, lists, quality(local, split)), flush=True)
    for title, options in (("implicit, pooled", TUNED), ("implicit, pooled, its defaults", {})):
        print(line(title, *run_implicit(split, rank, iterations, local, options)), flush=True)


def run_implicit(
    split: Split, rank: int, iterations: int, like: LocalCDIMFModel, options: dict[str, float]
) -> tuple[float, float, list[float]]:
    pooled = Pooled.of(split.train)
    fit, model = timed(lambda: fit_implicit(pooled, rank, iterations, **options))
    lists, _ = timed(lambda: lists_of_implicit(model, pooled, split.train))
    return fit, lists, quality(as_local(model, pooled, like), split)


def tune(split: Split, rank: int, iterations: int) -> None:
    """A grid of the two options; the regularization goes with alpha."""
    local = fit_local(split.train, rank, 1)
    print(HEADER)
    for alpha, share in itertools.product(*GRID.values()):
        options = {"alpha": alpha, "regularization": share * alpha}
        found = run_implicit(split, rank, iterations, local, options)
        print(line(f"alpha {alpha:g}, regularization {share * alpha:g}", *found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--tune", action="store_true", help="on pairs held out of train")
    given = parser.parse_args()
    if not has_amazon():
        raise SystemExit("the Amazon pairs are not there: set CDIMF_DATA to their folder")
    published = read_task("warm")
    if given.tune:
        tune(validation_split("warm", published.train, seed=0), given.rank, given.iterations)
    else:
        compare(published, given.rank, given.iterations)


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    with threadpool_limits(1):
        main()
