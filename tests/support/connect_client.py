"""What a user does with a Spark Connect session; `tests.test_connect` looks at the results.

    python -m tests.support.connect_client ADDRESS INPUT OUTPUT

INPUT has a table of interactions for each domain, ``NAME.parquet``. OUTPUT gets the model, its
export, and results.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark import CDIMF, CDIMFModel

DOMAIN, ITEM = "films", "i1"
OPTIONS: dict[str, Any] = {
    "rank": 8,
    "max_iter": 2,
    "init_scale": 1.0,
    "num_blocks": 2,
    "user_prior": 0.5,
}


def main(address: str, source: str, target: str) -> None:
    """Fit, and everything that a model does."""
    spark = SparkSession.builder.remote(address).getOrCreate()
    frames = {
        path.stem: spark.createDataFrame(pd.read_parquet(path))
        for path in sorted(Path(source).glob("*.parquet"))
    }
    CDIMF(output=f"{target}/model", **OPTIONS).fit(frames)
    model = CDIMFModel.load(f"{target}/model", spark)
    model.export(f"{target}/export")
    (Path(target) / "results.json").write_text(json.dumps(use(model, frames)))
    spark.stop()


def use(model: CDIMFModel, frames: dict[str, DataFrame]) -> dict[str, Any]:
    """Results by method, ready for JSON."""
    tests = {name: frame.select("user_id", "item_id") for name, frame in frames.items()}
    lists = model.recommend(DOMAIN, k=3)
    pairs = lists.where(lists["rank"] == 1).where(lists["source"] == "own")
    return {
        "evaluate": model.evaluate(tests, k=5, negatives="all").to_dict(),
        "compare": model.compare(tests, k=5, negatives="all", baselines=["popularity"]).to_dict(),
        "recommend": rows(lists),
        "similar_items": rows(model.similar_items(DOMAIN, [ITEM], k=3)),
        "fold_in": rows(model.fold_in(DOMAIN, frames[DOMAIN], complete=True)),
        "explain": rows(model.explain(DOMAIN, pairs)),
    }


def rows(frame: DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    return [row.asDict(recursive=True) for row in frame.collect()]


if __name__ == "__main__":
    main(*sys.argv[1:])
