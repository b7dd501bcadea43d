"""What `CDIMF.fit` takes: frames of pandas and Arrow, and paths, for the same training."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark import CDIMF
from cdimf_spark.distributed import estimator
from cdimf_spark.distributed.input.content import Content
from cdimf_spark.distributed.input.validation import raise_for_problems
from cdimf_spark.distributed.output.runs import last_run
from cdimf_spark.distributed.output.tables import OutputTables
from tests.support.helpers import Domains

COLUMNS = ["user_id", "item_id", "weight"]
SMALL: dict[str, Any] = {"rank": 2, "max_iter": 1, "num_blocks": 1}


@pytest.mark.slow
def test_fit_takes_pandas_arrow_and_paths_and_trains_the_same(
    spark: SparkSession, domains: Domains, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(domains)
    pandas = {name: domains[name][COLUMNS] for name in names}
    file = tmp_path / "first.dat"
    pandas[names[0]].to_csv(file, index=False, header=False, sep="\t")
    mixed: dict[str, Any] = {
        names[0]: str(file),
        names[1]: pandas[names[1]].astype({"user_id": "category"}),
        names[2]: pa.Table.from_pandas(pandas[names[2]]),
    }
    together = pd.concat([frame.assign(domain=name) for name, frame in pandas.items()])
    options = {names[0]: {"format": "csv", "columns": [1, 2, 3]}}
    first = CDIMF(tmp_path / "mixed", **SMALL).fit(mixed, options)
    assert first.domains == tuple(names)
    run = last_run(OutputTables(spark, first.path))
    assert run is not None
    taken: list[dict[str, Content]] = []

    def take(annotated: dict[str, DataFrame], *_: object) -> None:
        rows = reduce(DataFrame.unionByName, annotated.values())
        taken.append(raise_for_problems(rows))

    # The same rows, of which the same training follows.
    monkeypatch.setattr(estimator, "_train", take)
    CDIMF(tmp_path / "one", **SMALL).fit(together)
    assert taken == [{name: Content(*one) for name, one in run.details["data"].items()}]
    tests = {names[0]: str(file), names[1]: pandas[names[1]]}
    assert first.evaluate(tests, negatives="all")["domains"][names[0]]["n_test"] > 0
