"""What a Python worker does before its work."""

from __future__ import annotations

import importlib
import sys
import zipfile
import zipimport
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from cdimf_spark.distributed.workers import prepare_worker


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
    read = []
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
