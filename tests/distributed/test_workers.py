"""What a Python worker does before its work."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import zipfile
import zipimport
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_info

from cdimf_spark.distributed.workers import prepare_worker, start_workers
from tests.conftest import ROOT


def test_archives_are_not_read_again_before_the_next_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = str(tmp_path / "library.zip")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("first_of_two.py", "name = 'first'")
        file.writestr("second_of_two.py", "name = 'second'")
    monkeypatch.syspath_prepend(archive)
    assert importlib.import_module("first_of_two").name == "first"
    assert isinstance(sys.path_importer_cache[archive], zipimport.zipimporter)
    prepare_worker()
    read: list[str] = []
    monkeypatch.setattr(zipimport, "_read_directory", read.append)
    importlib.invalidate_caches()  # as Spark does
    assert read == []
    # Modules are still found.
    assert importlib.import_module("second_of_two").name == "second"


def test_one_blas_thread() -> None:
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    prepare_worker()
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    assert blas
    assert all(library["num_threads"] == 1 for library in blas)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc")
def test_workers_are_forked_from_what_has_loaded_the_kernels(spark: SparkSession) -> None:
    def look(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for _ in batches:
            parent = Path(f"/proc/{os.getppid()}/cmdline").read_text()
            yield pa.RecordBatch.from_pydict({"parent": [parent]})

    (row,) = spark.range(0, 1, 1, 1).mapInArrow(look, "parent string").collect()
    assert "cdimf_spark.distributed.worker_daemon" in row["parent"]


def test_a_worker_that_cannot_be_started_ahead_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "cdimf_spark")
    session = Mock()
    session.conf.get.return_value = "local[2]"
    session.range.side_effect = RuntimeError("no session")
    start_workers(session).join()
    assert "no Python worker was started ahead" in caplog.text


@pytest.mark.parametrize("error", ["BrokenPipeError", "ConnectionResetError"])
def test_a_worker_whose_rows_nobody_wants_ends_without_a_word(error: str) -> None:
    """The first `show()` printed a traceback that ended in BrokenPipeError."""
    code = (
        "from pyspark import daemon\n"
        f"def fail(sock, authenticated): raise {error}\n"
        "daemon.worker = fail\n"
        "from cdimf_spark.distributed.worker_daemon import worker\n"
        "worker(None, True)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")
