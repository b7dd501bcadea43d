"""How many iterations a warm start saves on the real warm pair.

Run as `python -m tests.benchmarks.warm_start [--rank 192] [--known 0.95]`. Yesterday's model has
a random share of the interactions of each domain (all users and items that these have); today's
trainings have all of them, from random rows or from yesterday's. Expected HR@10 / NDCG@10 in
percent among 999 drawn items, on pairs held out of train, after 1, 2, ... iterations.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from threadpoolctl import threadpool_limits

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.solver.earlier import EarlierRows
from cdimf_spark.solver.local import train_local
from tests.benchmarks.data import has_amazon
from tests.benchmarks.ranking_quality import rank_all, read_task, to_domains, validation_split
from tests.benchmarks.submit import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rank", type=int, default=192)
    parser.add_argument("--known", type=float, default=0.95)
    given = parser.parse_args()
    if not has_amazon():
        raise SystemExit("the Amazon pairs are not there: set CDIMF_DATA to their folder")
    split = validation_split("warm", read_task("warm").train, seed=0)
    parts = {n: p.sample(frac=given.known, random_state=0) for n, p in split.train.items()}
    before, today = to_domains(parts), to_domains(split.train)
    model = ModelConfig(rank=given.rank, max_iter=12)
    trained = train_local(before, model)
    ids = {name: domain.user_ids for name, domain in before.items()}
    earlier = EarlierRows.of(ids, trained.user_factors, before)
    print(f"{'iterations':>10}" + "".join(f"{f'{s}, {n}':>22}" for s in STARTS for n in today))
    for n in (1, 2, 3, 4, 6, 8, 12):
        cells = []
        for start in (None, earlier):
            found = rank_all(train_local(today, replace(model, max_iter=n), start), today, split)
            cells += [f"{found[name][0]:12.2f} / {found[name][1]:5.2f}" for name in today]
        print(f"{n:10}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


STARTS = ("random", "warm")

if __name__ == "__main__":
    os.chdir(ROOT)
    with threadpool_limits(1):
        main()
