"""Python workers forked from a process that has already loaded what they need.

Spark starts this module once an executor (`spark.python.daemon.module`) and forks it for each
worker. Loading numba, pandas and the kernels takes a worker most of a second; forked, none of it.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import pandas  # noqa: F401 -- for the workers
from pyspark import daemon

_serve = daemon.worker


def worker(sock: Any, authenticated: bool) -> int:
    """Serve one task; end without a word when Spark has hung up.

    Whoever takes a few rows (`show`, `head`) closes the pipe while the rest is still being written.
    Spark's daemon ends the worker then too, but prints a traceback that looks like a failure.
    """
    try:
        code: int = _serve(sock, authenticated)  # type: ignore[no-untyped-call]
    except ConnectionError:
        os._exit(1)
    return code


if __name__ == "__main__":
    daemon.worker = worker
    # What is loaded stays shared between the workers: no collection writes to it.
    gc.freeze()
    daemon.manager()  # type: ignore[no-untyped-call]
