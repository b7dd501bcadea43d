"""The notebook runs from top to bottom as a plain script, in the session that is there."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "quickstart.py"


@pytest.mark.slow
def test_the_notebook_runs_and_shows_that_sharing_helps(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    result = runpy.run_path(str(NOTEBOOK))
    hr = result["metrics"].pivot(index="shop", columns="model", values="hr")
    assert (hr["CDIMF"] > hr["separate ALS"]).all()
    assert (hr["separate ALS"] > hr["popularity"]).all()
    assert len(result["history"]) == 10


def test_the_notebook_uses_nothing_that_spark_connect_lacks() -> None:
    text = NOTEBOOK.read_text()
    assert text.startswith("# Databricks notebook source\n")
    assert re.search(r"sparkContext|_jvm|_jdf|\.rdd\b|^%sh|dbutils", text, re.M) is None
