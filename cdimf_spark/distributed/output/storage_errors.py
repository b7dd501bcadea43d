"""What Spark and Delta say of full disks, closed folders and damaged files, in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from cdimf_spark.errors import CDIMFError, DataError, StorageError

_FULL = re.compile(r"No space left on device|Disk quota exceeded")
# (A program that may not be run has nothing to do with the folder.)
_CLOSED = re.compile(
    r"(?<!error=13, )(?:Mkdirs failed to create|Parent path is not a directory:|Not a directory:?|"
    r"Permission denied|Read-only file system)(?P<rest>[^\n]*)"
)
_DAMAGED = re.compile(
    r"FAILED_READ_FILE|is not a Parquet file|ChecksumException|JsonEOFException|JsonParseException|"
    r"DELTA_LOG_FILE_NOT_FOUND|DELTA_STATE_RECOVER_ERROR|DELTA_TRUNCATED_TRANSACTION_LOG|"
    r"DELTA_VERSIONS_NOT_CONTIGUOUS|DELTA_LOG_FILE_MALFORMED|MALFORMED_RECORD_IN_PARSING"
)
_PATH = re.compile(r"(?:file:/*|[a-z0-9]+://)?(?<![\w.])/[^\s'\"`,;]+(?:parquet|json|_delta_log)")


@contextmanager
def storage_errors_named(root: str) -> Iterator[None]:
    """Turn errors of files into one of the package.

    Raises
    ------
    StorageError
        The disk is full, or something in the folder cannot be written.
    DataError
        A file of a table is damaged or gone.
    """
    try:
        yield
    except CDIMFError:
        raise
    except Exception as error:
        found = storage_error(error, root)
        if found is None:
            raise
        raise found from error


def storage_error(error: BaseException | None, root: str | None = None) -> CDIMFError | None:
    """The error of the package that says what an error says of files; None if it says nothing.

    Parameters
    ----------
    root
        Output folder of a training, which can be resumed; None: of any other job.
    """
    while error is not None:
        found = _from_text(str(error), root)
        if found is not None:
            return found
        error = error.__cause__
    return None


def _from_text(text: str, root: str | None) -> CDIMFError | None:
    output = "the output" if root is None else f"the output folder {root!r}"
    kept, again = "", "start again"
    if root is not None:
        kept, again = "Recorded iterations and an earlier model are kept: ", "go on with --resume"
    if _FULL.search(text):
        return StorageError(
            f"no space left on the disk of {output}, or on that of Spark's scratch files "
            f"(spark.local.dir). {kept}free some space and {again}"
        )
    closed = _CLOSED.search(text)
    if closed:
        return StorageError(
            f"cannot write to {output}: {closed[0].strip()}. {kept}make it writable and {again}"
        )
    if _DAMAGED.search(text):
        path = _PATH.search(text)
        place = f"the file {_plain(path[0])!r}" if path else f"a file of {output}"
        other = "start again; or make what it belongs to anew"
        if root is not None:
            other = (
                f"{again}; if it belongs to {output} and cannot be restored, train into another "
                "folder, from the first iteration on"
            )
        return DataError(f"{place} is damaged or gone. Restore it and {other}")
    return None


def _plain(path: str) -> str:
    """A local path without its scheme, which Spark writes in several ways."""
    return re.sub(r"^file:/+", "/", path)
