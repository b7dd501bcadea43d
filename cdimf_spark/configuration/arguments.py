"""Arguments of public functions, checked by their names: one name means one thing everywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from cdimf_spark.errors import ConfigurationError, ValueOutOfRangeError

Check = Callable[[str, object], None]


def check_arguments(arguments: Mapping[str, object]) -> None:
    """Check the arguments of a call whose names are known here.

    Raises
    ------
    ValueOutOfRangeError
        One is of a wrong type.
    """
    for name, value in arguments.items():
        if name in _CHECKS:
            _CHECKS[name](name, value)


def check_flag(name: str, value: object) -> None:
    """Raise ValueOutOfRangeError for anything but True and False."""
    if not isinstance(value, bool):
        raise ValueOutOfRangeError(name, value, "True or False")


def check_path(name: str, value: object) -> None:
    """Raise ValueOutOfRangeError for what is no path."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueOutOfRangeError(name, value, "a path")


def check_domain(name: str, value: object) -> None:
    """Raise ValueOutOfRangeError for what is no name."""
    if not isinstance(value, str):
        raise ValueOutOfRangeError(name, value, "the name of a domain")


def check_name(name: str, value: object) -> None:
    """Raise ValueOutOfRangeError for what is no text."""
    if not isinstance(value, str):
        raise ValueOutOfRangeError(name, value, "a text")


def check_list(name: str, value: object) -> None:
    """Raise ValueOutOfRangeError for anything but names: a list, or a text with commas."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not all(isinstance(one, str) for one in names):
        raise ValueOutOfRangeError(name, value, "a list of names")


def _check_domains(name: str, value: object) -> None:
    if value is not None and (isinstance(value, str) or not _is_list_of_names(value)):
        raise ValueOutOfRangeError(name, value, "a list of domains, as ['sport', 'cloth'], or None")


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list | tuple | set) and all(isinstance(one, str) for one in value)


def _check_format(name: str, value: object) -> None:
    if value not in (None, "delta", "parquet", "csv"):
        raise ValueOutOfRangeError(name, value, "delta, parquet or csv")


def _check_session(name: str, value: object) -> None:
    if value is not None and not hasattr(value, "createDataFrame"):
        raise ValueOutOfRangeError(name, value, "a SparkSession")


def _check_options(name: str, value: object) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise ValueOutOfRangeError(name, value, "a mapping of options by name, or None")


_CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(("resume", "verbose", "keep_seen", "complete", "overwrite"), check_flag),
    **dict.fromkeys(("path", "output"), check_path),
    **dict.fromkeys(("by", "baselines"), check_list),
    **dict.fromkeys(("options", "search"), _check_options),
    "domain": check_domain,
    "name": check_name,
    "domains": _check_domains,
    "format": _check_format,
    "spark": _check_session,
}


def refuse_arguments_of(method: str, known: Iterable[str], given: Iterable[str]) -> None:
    """Raise ConfigurationError for an argument of a method that its object was given.

    Parameters
    ----------
    method : str
        Name of the method.
    known : iterable of str
        Its parameters.
    given : iterable of str
        Names of what the object was given, and has no use for.
    """
    for name in set(given).intersection(known):
        raise ConfigurationError(
            f"{name!r} is an argument of {method}(), not of the object: say {method}({name}=...)"
        )
