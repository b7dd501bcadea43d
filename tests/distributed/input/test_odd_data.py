"""Hostile files: they are read, or refused by an error of the package."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.estimator import train_from_config
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.input.validation import raise_for_problems
from cdimf_spark.errors import CDIMFError
from tests.support.helpers import factors_by_id
from tests.support.inputs import write
from tests.support.trained_tables import read

IDS = [
    "a,b",
    "a\tb",
    'a"b',
    "a'b",
    "a\x00b",
    "a\r\nb",
    "\ufeffa",
    "a::b",
    "é",
    "e\u0301",
    "0",
    "00",
]
IDS += ["long" * 2500, "\U0001f600", "A", "a", "null", "NaN", "-1", "1e5", "a=b/c", "%2F"]

words = st.one_of(st.sampled_from(["u1", "i1", "1", "2.5", "1e30", "1e-30", "nan", "-1", *IDS]))
lines = st.builds(str.join, st.sampled_from([",", "\t", ";", "::", " "]), st.lists(words))
files = st.builds(
    lambda start, rows, end: (start + end.join(rows)).encode(),
    st.sampled_from(["", "\ufeff", "user,item\n", '"user"\t"item"\r\n']),
    st.lists(lines, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(files, st.binary(max_size=60)), st.sampled_from(["csv", "tsv", "txt", "json"]))
def test_any_file_is_read_or_refused(spark: SparkSession, content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / f"a.{suffix}", content)
        with contextlib.suppress(CDIMFError):
            rows = read_annotated(spark, DomainConfig("sport", str(path)))
            assert raise_for_problems(rows, {"sport": str(path)})["sport"].n_rows > 0


@pytest.mark.slow
def test_ids_are_any_text(spark: SparkSession, tmp_path: Path) -> None:
    """Every pair of ids of a small set, in two domains; weights over sixty powers of ten."""
    pairs = pd.DataFrame([(u, i) for u in IDS for i in IDS], columns=["user_id", "item_id"])
    pairs["weight"] = np.logspace(-30, 30, len(pairs))
    for name in ("a", "b"):
        pairs.to_parquet(tmp_path / f"{name}.parquet")
    domains = tuple(DomainConfig(n, str(tmp_path / f"{n}.parquet")) for n in ("a", "b"))
    model = ModelConfig(rank=40, max_iter=1, num_blocks=2)
    train_from_config(spark, TrainConfig(model, domains, str(tmp_path / "model")))
    for table in ("user_factors", "item_factors"):
        factors = factors_by_id(read(spark, tmp_path / "model", table))
        assert set(factors) == {(name, one) for name in ("a", "b") for one in IDS}
        assert all(np.isfinite(np.asarray(row)).all() for row in factors.values())
