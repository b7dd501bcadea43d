"""What a reader of the exchange learns on the real pair, beside the figures of docs/method/privacy.

Run as `python -m tests.benchmarks.audit [--rank 64] [--domain sport]`, with the pairs in
CDIMF_DATA. Trains the warm pair on one machine and prints the audit of one of its domains.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import pandas as pd

from cdimf_spark.local.estimator import LocalCDIMF
from tests.benchmarks.ranking_quality import read_task

# Of the prototype: f -> AUC and precision at 10 of Cloth's own rows, E of iteration 10, and z.
REFERENCE = {
    0.01: {"own": (0.650, 0.008), "E": (0.817, 0.019), "z": (0.884, 0.021)},
    0.05: {"own": (0.625, 0.022), "E": (0.865, 0.046), "z": (0.912, 0.050)},
    0.1: {"own": (0.627, 0.028), "E": (0.866, 0.069), "z": (0.915, 0.072)},
    0.5: {"own": (0.623, 0.053), "E": (0.875, 0.140), "z": (0.916, 0.148)},
}
SHOWN = ("known", "features", "method", "auc", "precision_at_10")


def _expected(domain: str, one: dict[str, Any]) -> tuple[object, ...]:
    """What the prototype found, which attacked one of the two domains."""
    return REFERENCE[one["known"]][one["features"]] if domain == "sport" else ("", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--domain", default="sport")
    parser.add_argument("--json", default="")
    given = parser.parse_args()
    train = {
        name: pairs.set_axis(["user_id", "item_id"], axis=1)
        for name, pairs in read_task("warm").train.items()
    }
    model = LocalCDIMF(rank=given.rank, max_iter=10).fit(train, verbose=False)
    start = time.perf_counter()
    found = model.audit(given.domain, known=tuple(REFERENCE))
    seconds = time.perf_counter() - start
    print(found)
    print(f"\n{seconds:.1f} s; against the prototype:")
    rows = [
        (*(one[name] for name in SHOWN), *_expected(given.domain, one)) for one in found["attacks"]
    ]
    names = [*SHOWN, "prototype", "prototype p@10"]
    print(pd.DataFrame(rows, columns=names).to_string(index=False, float_format="{:.3f}".format))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(found.to_dict(), file)


if __name__ == "__main__":
    main()
