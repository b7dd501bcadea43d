"""What every job has in common: logging, and an exit code for each way to end."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pyspark.sql import SparkSession

from cdimf_spark import errors
from cdimf_spark.cli.last_words import say_last
from cdimf_spark.cli.program import JOB, Program
from cdimf_spark.distributed.cluster import (
    check_master,
    submitted_master,
    watch_for_executors,
)
from cdimf_spark.distributed.failures import worker_error
from cdimf_spark.distributed.output.storage_errors import storage_error
from cdimf_spark.distributed.session import build_session
from cdimf_spark.distributed.workers import start_workers

logger = logging.getLogger(__name__)

INTERRUPTED = 130
_OTHER_FAILURE = 1


def run(main: Callable[[], object], after_interrupt: str = "", program: Program = JOB) -> int:
    """Run a job and return its exit code.

    0 on success, that of the error for a `CDIMFError` (2 usage or configuration, 3 data, 4 output
    in use, 1 numerical), 130 on interrupt, 1 for anything else. A `CDIMFError` is one line
    ``error: ...`` on stderr, the last one; only what nobody expected comes with a traceback.

    Parameters
    ----------
    main
        The job; called without arguments, it reads the command line.
    after_interrupt
        What to tell a user who pressed Ctrl-C.
    program
        How the user started it: messages name commands like that.
    """
    set_up_logging()
    _INTERRUPTS.begin(after_interrupt)
    try:
        main()
    except errors.CDIMFError as error:
        return _report(program.words(str(error)), error.exit_code)
    except KeyboardInterrupt:
        _INTERRUPTS.report()
        return INTERRUPTED
    except SystemExit as end:
        return _code_of(end)
    except Exception as error:
        if _INTERRUPTS.reported:
            # The JVM got the signal too and is gone: any error now is about that.
            return INTERRUPTED
        found = worker_error(error) or storage_error(error)
        if found is not None:
            return _report(program.words(str(found)), found.exit_code)
        logger.exception("the job failed")
        return _report(f"{type(error).__name__}: {_first_line(error)}", _OTHER_FAILURE)
    return 0


@dataclass
class _Interrupts:
    """Handler of Ctrl-C.

    It speaks at once: what this process says goes through the JVM, which ends by the same signal.
    """

    advice: str = ""
    reported: bool = False

    def begin(self, advice: str) -> None:
        """Forget what was; `advice` is for a user who presses Ctrl-C."""
        self.advice, self.reported = advice, False

    def report(self) -> None:
        """Report the interrupt, once, and silence what broken connections will log."""
        if not self.reported:
            self.reported = True
            say_last(f"interrupted{self.advice and '; '}{self.advice}")
            logging.disable(logging.CRITICAL)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Report, and stop the job."""
        self.report()
        raise KeyboardInterrupt


_INTERRUPTS = _Interrupts()


@dataclass
class _OwnSession:
    """The session that a job has built, and has to stop."""

    spark: SparkSession | None = None

    def take(self) -> SparkSession | None:
        """Hand it over, once."""
        spark, self.spark = self.spark, None
        return spark


_OWN_SESSION = _OwnSession()


def job_session(app_name: str, **settings: str) -> SparkSession:
    """Build the session of a job; Python workers start while it reads and plans.

    pyspark's own handler of Ctrl-C first asks the JVM to cancel the jobs, which the same signal
    has ended; here its place is taken.

    Parameters
    ----------
    settings
        See `build_session`.
    """
    signal.signal(signal.SIGINT, _INTERRUPTS)
    given = SparkSession.getActiveSession()
    if given is None:
        check_master(submitted_master(app_name))
    spark = build_session(app_name=app_name, **settings)
    signal.signal(signal.SIGINT, _INTERRUPTS)
    if given is None:
        _OWN_SESSION.spark = spark
    start_workers(spark)
    watch_for_executors(spark)
    return spark


def set_up_logging() -> None:
    """Log to stderr, the package's own lines only: Spark has its own log."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("cdimf_spark").setLevel(logging.INFO)
    # The bridge to Java logs every interrupted call, and pyspark repeats each error as JSON.
    for name in ("py4j", "pyspark", "SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _report(message: str, code: int) -> int:
    say_last(message, _OWN_SESSION.take())
    return code


def _code_of(end: SystemExit) -> int:
    """Exit code of argparse (2 for a usage error, 0 for --help)."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    return _report(str(end.code), _OTHER_FAILURE)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


def write_json(content: object, path: str) -> str:
    """Write a result to a file; return what to tell the user."""
    Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return f"written to {path}"
