"""What a job on a cluster waits for in silence: a master that answers, an executor that comes."""

from __future__ import annotations

import logging
import os
import socket
from threading import Event, Thread

from pyspark.sql import SparkSession

from cdimf_spark.errors import ClusterError

logger = logging.getLogger(__name__)

_STANDALONE = "spark://"
_ANSWER_SECONDS = 5.0
# Room on a busy cluster takes some seconds to come by; who waits longer wants to know for what.
EXECUTOR_SECONDS = 30.0


def submitted_master(app_name: str) -> str:
    """Value of `spark.master` that spark-submit was given; empty in any other process.

    Parameters
    ----------
    app_name
        Name of the application. To set it is how Python asks for the JVM, which has the settings,
        before there is a session.
    """
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return ""
    # A client of Spark Connect has neither of the two.
    from pyspark import SparkConf, SparkContext

    SparkContext.setSystemProperty("spark.app.name", app_name)
    return SparkConf().get("spark.master", "") or ""


def check_master(master: str) -> None:
    """Make sure that a standalone master answers; Spark itself tries for a minute and more.

    Parameters
    ----------
    master
        Value of `spark.master`: ``spark://host:port``, several ``host:port`` with commas between
        where masters stand in for one another. Other values are left to Spark.

    Raises
    ------
    ClusterError
        If none of them takes a connection.
    """
    if not master.startswith(_STANDALONE):
        return
    reasons = []
    for address in master.removeprefix(_STANDALONE).split(","):
        reason = _reason_of_silence(address)
        if reason is None:
            return
        reasons.append(reason)
    raise ClusterError(
        f"the Spark master {master} does not answer ({'; '.join(dict.fromkeys(reasons))}). Check "
        "that it runs, that host and port (--master, or spark.master) are those that its log and "
        "its web page show, and that this machine can reach it"
    )


def _reason_of_silence(address: str) -> str | None:
    """Why an address takes no connection; None if it does."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return f"{address!r} is not of the form host:port"
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def watch_for_executors(spark: SparkSession, seconds: float = EXECUTOR_SECONDS) -> Thread | None:
    """Warn, again and again, as long as the cluster has not run a first, tiny task.

    Where executors do not fit on the workers Spark waits for ever. None for a local session.

    Parameters
    ----------
    seconds
        How long to wait before a warning, and before the next one.
    """
    if _setting(spark, "spark.master", "local").startswith("local"):
        return None
    done = Event()

    def run_one_task() -> None:
        try:
            spark.range(0, 1, 1, 1).count()
        except Exception:
            logger.debug("the first task failed", exc_info=True)
        finally:
            done.set()

    def warn() -> None:
        waited = 0.0
        while not done.wait(seconds):
            waited += seconds
            logger.warning("%s", _no_executor(spark, waited))

    Thread(target=run_one_task, daemon=True).start()
    watch = Thread(target=warn, daemon=True)
    watch.start()
    return watch


def _no_executor(spark: SparkSession, waited: float) -> str:
    """What was asked for in vain, and what to do."""

    def asked(name: str, default: str = "the default") -> str:
        return _setting(spark, f"spark.executor.{name}", default)

    return (
        f"no executor has run a task in {waited:.0f} s. Asked for: executors with "
        f"spark.executor.memory={asked('memory', '1g')} "
        f"(spark.executor.memoryOverhead={asked('memoryOverhead')}) and "
        f"spark.executor.cores={asked('cores')}. If no worker has that much left, "
        "ask for less (--conf spark.executor.memory=2g --conf spark.executor.cores=1); else see on "
        "the master's page whether workers are there, and in their logs why executors end"
    )


def _setting(spark: SparkSession, name: str, default: str) -> str:
    """A setting of the session; the default, too, where the session does not show it."""
    try:
        return spark.conf.get(name, default) or default
    except Exception:
        logger.debug("no setting %s", name, exc_info=True)
        return default
