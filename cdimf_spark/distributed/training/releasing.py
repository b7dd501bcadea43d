"""Letting go of what past iterations keep in the executors.

The rows of a frame that was cut from its lineage, and the files of its shuffles, stay in the
executors until Java has no reference to the frame any more. The driver's handles of Java objects
(py4j) are reference cycles, which only Python's collector frees, and that runs seldom in a program
that makes few objects. Without help the executors' memory fills within some iterations of a large
training, old rows go to the disk, and an iteration takes half as long again (measured with 10
million interactions).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_little() -> Iterator[None]:
    """Keep what is there already out of the collector's sight: a collection takes 1 ms, not 80."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def release_frames() -> None:
    """Free the handles of all frames that nothing here refers to."""
    gc.collect()
