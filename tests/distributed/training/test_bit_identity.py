"""The same bits on any number of cores, in any number of processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.support.other_processes import train_and_digest, train_on


# That the order in which blocks arrive changes no bit: steps/test_sums.
@pytest.mark.slow
def test_factors_are_equal_to_the_bit(spark: SparkSession, tmp_path: Path) -> None:
    """One thread, two threads (this session), two executors, one of which dies (`test_losses`)."""
    (tmp_path / "one_core").mkdir()
    with ThreadPoolExecutor() as pool:
        found = pool.submit(train_on, "local[1]", tmp_path / "one_core")
        expected = train_and_digest(spark, str(tmp_path / "here"))
        assert found.result() == expected
