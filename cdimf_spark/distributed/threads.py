"""One BLAS thread in a Spark worker."""

from __future__ import annotations

from functools import cache

from threadpoolctl import threadpool_limits


@cache
def single_blas_thread() -> None:
    """Limit this process to one BLAS thread, once.

    Spark already runs one task a core, and results are equal to the bit only with one thread.
    Environment variables do the same where one may set them; here it holds everywhere.
    """
    threadpool_limits(limits=1)
