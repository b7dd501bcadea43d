"""One training at a time writes to an output folder.

Two ways, chosen by where the folder lies:

local disk (`local_lock`)
    A lock of the operating system, held by the Python process of the driver. Delta's commits are
    not exclusive between processes there, the lock is.
any other file system, and any session over Spark Connect (`lease`)
    A claim in the table `runs`, whose commits are exclusive there.

What is guaranteed, in both:

- A second training ends with `OutputInUseError` (exit code 4), which names the holder, before it
  has changed a table of the first one.
- When the holder is gone, the next training gets the folder without anybody's help: at once on a
  local disk, elsewhere at once after an orderly end (an error included) and `LEASE_SECONDS` after
  the last sign of life of one that was killed.
- Nothing depends on clocks but the length of that wait. A holder that was only paused, and
  overtaken, finds out at its next mark, publication or deletion and stops with exit code 4. What it
  may have written until then does no harm: every row of the working tables and every event has the
  number of the claim that wrote it, and whoever takes over notes in `runs` after which iteration
  they go on; later marks of lower claims, and rows without a mark, are not read any more.
- Readers (evaluation, recommendations) are never kept out.

What is not:

- A holder that stops for the time of a whole lease exactly between the check and the commit of a
  published table can replace that one table after it was overtaken. If the other one resumed the
  same run, the bits are the same; else the table is replaced when that one publishes.
- S3 with Delta's default log store is exclusive only within one driver (Delta's documentation):
  there two claims at one moment may both succeed, as any two writers.
- A local path is taken for local. Over NFS the lock holds between machines where NFS forwards locks
  (Linux does). A disk without locks is treated as any other file system, although its commits
  need not be exclusive.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from pyspark.sql.utils import is_remote

from cdimf_spark.distributed.output.holder import Hold
from cdimf_spark.distributed.output.lease import lease
from cdimf_spark.distributed.output.local_lock import LocksUnsupportedError, local_lock
from cdimf_spark.distributed.output.runs import last_claim, read_events
from cdimf_spark.distributed.output.tables import OutputTables

logger = logging.getLogger(__name__)

Holding = Callable[[OutputTables], AbstractContextManager[Hold]]


@contextmanager
def hold_output(tables: OutputTables) -> Iterator[Hold]:
    """Hold an output folder in the way that fits where it lies.

    Raises
    ------
    OutputInUseError
        If another training holds it.
    ConfigurationError
        If it cannot be written to.
    """
    folder = local_folder(tables)
    with ExitStack() as stack:
        try:
            if folder is not None:
                lock = stack.enter_context(local_lock(folder))
                lock.claim = last_claim(read_events(tables)) + 1
                yield lock
                return
        except LocksUnsupportedError:
            logger.warning("%s has no file locks: its place is held in the table 'runs'", folder)
        yield stack.enter_context(lease(tables))


def local_folder(tables: OutputTables) -> Path | None:
    """The folder of the tables, if it is one of this machine."""
    local = re.fullmatch(r"file:/+(.*)", tables.location())
    return Path("/", local[1]) if local and not is_remote() else None
