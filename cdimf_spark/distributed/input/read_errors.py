"""What Spark says when it cannot read something, said as one clear error."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from pyspark.errors import PySparkException

from cdimf_spark.errors import CDIMFError, DataError
from cdimf_spark.input_errors import MissingInputError

_MISSING = (
    *("PATH_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "NO_SUCH_CATALOG_EXCEPTION"),
    *("CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE", "DELTA_PATH_DOES_NOT_EXIST"),
)


@contextmanager
def read_errors(source: str, domain: str) -> Iterator[None]:
    """Turn Spark's errors of reading `source` into those of the package.

    Raises
    ------
    MissingInputError
        The path or table does not exist.
    DataError
        It exists and cannot be read: a damaged or foreign file, no right to it, no such scheme.
    """
    try:
        yield
    except CDIMFError:
        raise
    except Exception as error:
        # Some come as errors of the bridge to Java, which have no condition of their own.
        condition, message = _condition(error), str(error)
        if condition in _MISSING:
            raise MissingInputError(source, domain) from error
        damaged = re.search(r"FAILED_READ_FILE\S* [^\n]*?reading file (\S+?)\.?\s", message)
        if damaged:
            file = plain_path(damaged[1])
            raise DataError(
                f"domain {domain!r}: cannot read {file!r}: damaged, or not of the format that "
                f"its name or the domain's option 'format' says"
            ) from error
        scheme = re.search(r'No FileSystem for scheme "([^"]*)"', message)
        if scheme:
            raise DataError(
                f"domain {domain!r}: cannot read {source!r}: this Spark knows no file system "
                f"{scheme[1]!r}"
            ) from error
        if isinstance(error, PySparkException):
            line = message.strip().splitlines()[0]
            raise DataError(f"domain {domain!r}: cannot read {source!r}: {line}") from error
        raise


def _condition(error: Exception) -> str:
    """Return Spark's name of an error, or an empty text."""
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    return condition or ""


def plain_path(file: str) -> str:
    """Return the path of a file as its user would write it, without ``file:`` and ``%20``."""
    return re.sub(r"^file:(//)?(?=/)", "", unquote(file))
