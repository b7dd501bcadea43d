"""The last line of a job that fails: Spark is stopped before it, so that nothing follows it.

Tasks that still run when the driver ends complain, with long Java traces, of all that has gone:
broadcasts, thread pools, sockets.
"""

from __future__ import annotations

import logging
import sys
from threading import Thread

from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

# Stopping takes half a second as a rule. Who waits longer is told what happened beforehand.
_PATIENCE_SECONDS = 2.0
# A cluster that has gone away must not keep the job from ending.
_LONGEST_SECONDS = 30.0


def say_last(message: str, spark: SparkSession | None = None) -> None:
    """Print ``error: message`` on stderr as the last line, once Spark is quiet.

    Parameters
    ----------
    message
        What the job fails of.
    spark
        The session to stop first; None: there is none, or it belongs to somebody else.
    """
    if spark is not None:
        _stop(spark, message)
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr, flush=True)  # noqa: T201


def _stop(spark: SparkSession, message: str) -> None:
    """Cancel what runs, and stop the session."""

    def stop() -> None:
        try:
            spark.interruptAll()
            spark.stop()
        except Exception:
            # The session may be what failed; the job has a better reason to give.
            logger.debug("Spark was not stopped", exc_info=True)

    stopping = Thread(target=stop, daemon=True)
    stopping.start()
    stopping.join(_PATIENCE_SECONDS)
    if stopping.is_alive():
        logger.info("stopping Spark; what went wrong is said at the end")
        stopping.join(_LONGEST_SECONDS)
