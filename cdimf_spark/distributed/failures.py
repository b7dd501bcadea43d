"""What fails in a public call is raised as an error of the package, wherever it failed.

Spark hands errors of workers and of its file system to the driver as its own, with pages of Java
around the one line that matters.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from cdimf_spark import errors, input_errors
from cdimf_spark.configuration.arguments import check_arguments
from cdimf_spark.distributed.output.storage_errors import storage_error

P = ParamSpec("P")
R = TypeVar("R")

# An error that a Spark worker raised comes back as text, in a traceback.
_WORKER_ERROR = re.compile(r"^cdimf_spark\.(?:input_)?errors\.(\w+): (.+)$", re.MULTILINE)


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Let a public function check its arguments, and raise the package's errors for Spark's."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        check_arguments(signature.bind(*args, **kwargs).arguments)
        with clear_errors():
            return function(*args, **kwargs)

    return call


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what Spark says of a worker's error, or of files, into that error of the package.

    Raises
    ------
    CDIMFError
        That error: of data or configuration where a worker raised one, `DataError` for a file
        that is damaged or gone, `StorageError` for one that cannot be written.
    """
    try:
        yield
    except errors.CDIMFError:
        raise
    except Exception as error:
        found = worker_error(error) or storage_error(error)
        if found is None:
            raise
        raise found from error


def worker_error(error: Exception) -> errors.CDIMFError | None:
    """The `CDIMFError` that a Spark worker raised, else None.

    Of a class that composes its message from facts it is the nearest one that takes a message.
    """
    match = _WORKER_ERROR.search(str(error))
    named = {**vars(errors), **vars(input_errors)}
    kind = named.get(match[1]) if match else None
    if match is None or not (isinstance(kind, type) and issubclass(kind, errors.CDIMFError)):
        return None
    plain = next(one for one in kind.__mro__ if "__init__" not in vars(one))
    found: errors.CDIMFError = plain(match[2].strip())
    return found
