"""Compiled functions: with and without a cache, to the same bits."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from cdimf_spark.kernel import compilation
from cdimf_spark.kernel.compilation import Function


def test_compiles_without_any_place_for_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(cache: bool = False, **options: bool) -> Callable[[Function], Function]:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    assert compilation.compiled(len)("abc") == 3


BITS = """
from tests.support.row_problem import LENGTHS, Problem
import hashlib
factors = Problem(LENGTHS, 33).weighted(0.5, 2).solve().factors
print(hashlib.md5(factors.tobytes()).hexdigest())
"""


@pytest.mark.long
def test_process_that_compiles_and_process_that_loads_the_cache_agree_bit_by_bit(
    tmp_path: Path,
) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"}
    hashes = [
        subprocess.run(
            [sys.executable, "-c", BITS], env=environment, capture_output=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert hashes[0]
    assert hashes[0] == hashes[1]
