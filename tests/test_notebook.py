"""The notebook runs from top to bottom: in a session that is there, and in a kernel of Jupyter."""

import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support.notebook_cells import read_source, shown_text

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


@pytest.mark.long
def test_two_parties_in_one_notebook(spark: Any) -> None:
    result = runpy.run_path(str(NOTEBOOK.parent / "federation.py"))
    assert result["left"] == ["alignment", "exchange", "members", "status"]
    assert {len(model.history["iterations"]) for model in result["models"].values()} == {6}


def without_environment() -> str:
    """The path without the folder of this Python: workers must not need that it is activated."""
    own = str(Path(sys.executable).parent) if sys.prefix != sys.base_prefix else ""
    return os.pathsep.join(one for one in os.environ["PATH"].split(os.pathsep) if one != own)


@pytest.mark.long
def test_the_notebook_runs_unchanged_in_jupyter(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It failed for want of Delta, with 268 lines; `fit` was silent."""
    nbclient = pytest.importorskip("nbclient")
    notebook = read_source(NOTEBOOK)
    nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    ).execute(env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": without_environment()})
    cells = {cell.source: cell for cell in notebook.cells if cell.cell_type == "code"}
    (training,) = [cell for source, cell in cells.items() if "fit(train)" in source]
    shown = shown_text(training)
    assert re.findall(r"iteration=(\d+)/10 ", shown) == [str(n) for n in range(1, 11)]
    # One bar, and no trace of how it moved.
    kinds = [output["output_type"] for output in training.outputs]
    assert kinds.count("display_data") == 1
    assert len(shown.splitlines()) < 60
    everything = "\n".join((*map(shown_text, cells.values()), capfd.readouterr().err))
    for unwanted in ("Traceback", ":: loading settings", "BrokenPipe", "\r"):
        assert unwanted not in everything


def test_no_text_tells_to_install_a_name_that_is_not_published() -> None:
    """Anybody could take the name on the package index."""
    folders = ("cdimf_spark", "jobs", "notebooks", "conf", "docs")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.*"))]
    texts = {
        path: path.read_text("utf-8", "ignore")
        for path in [*files, ROOT / "README.md"]
        if path.is_file()
    }
    pattern = re.compile(r"pip install [^\n`]*\bcdimf[_-]spark(?![\w.-]*\.whl)")
    assert {
        str(path): found for path, text in texts.items() if (found := pattern.findall(text))
    } == {}


def test_the_notebook_uses_nothing_that_spark_connect_lacks() -> None:
    text = NOTEBOOK.read_text()
    assert text.startswith("# Databricks notebook source\n")
    assert re.search(r"sparkContext|_jvm|_jdf|\.rdd\b|^%sh|dbutils", text, re.M) is None
