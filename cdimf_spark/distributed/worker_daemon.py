"""Python workers forked from a process that has already loaded what they need.

Spark starts this module once an executor (`spark.python.daemon.module`) and forks it for each
worker. Loading numba, pandas and the kernels takes a worker most of a second; forked, none of it.
"""

from __future__ import annotations

import gc

import pandas  # noqa: F401 -- for the workers
from pyspark.daemon import manager

import cdimf_spark.kernel.least_squares
import cdimf_spark.kernel.sampling  # noqa: F401

if __name__ == "__main__":
    # What is loaded stays shared between the workers: no collection writes to it.
    gc.freeze()
    manager()  # type: ignore[no-untyped-call]
