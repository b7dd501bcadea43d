"""Options of domains, from any source: a YAML file, the command line, or Python."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from cdimf_spark.configuration.options import check_names
from cdimf_spark.errors import ConfigurationError, UnknownKeyError, ValueOutOfRangeError

Domain = TypeVar("Domain")

# What stands for the path of a domain whose data are in memory.
IN_MEMORY = "the DataFrame"
# How a file or a table is read. (Columns are chosen of a frame too.)
_OF_FILES = ("path", "format", "separator", "header")


def check_domain_names(names: Sequence[str]) -> None:
    """Raise ConfigurationError if two domains have one name, or differ in case only."""
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise ConfigurationError(
                f"domains {seen[name.lower()]!r} and {name!r}: names must differ, "
                "and not in case only"
            )
        seen[name.lower()] = name


def make_options(cls: type, values: Mapping[str, Any], where: str, prefix: str) -> Any:
    """Make an options object of a class; errors name the option in full and its source."""
    try:
        return cls(**values)
    except ValueOutOfRangeError as error:
        name = prefix + error.key
        raise ValueOutOfRangeError(name, error.value, error.allowed, where) from None


def make_domain(
    cls: type[Domain], name: str, values: Mapping[str, Any], where: str, prefix: str = "domains"
) -> Domain:
    """Make the configuration of one domain.

    Parameters
    ----------
    cls : type
        `DomainConfig`, or `EventsConfig` of a preparation.
    name : str
    values : mapping
        The domain's options.
    where, prefix : str
        What messages call the source of the values, and what is before the name of the domain.

    Raises
    ------
    ConfigurationError
        An unknown option (the nearest one is named), a value out of range, or no path.
    """
    start = f"{prefix}.{name}." if prefix else f"{name}."
    try:
        check_names(values, domain_keys(cls), where)
    except UnknownKeyError as error:
        known = [start + key for key in error.known]
        raise UnknownKeyError(start + error.key, known, where) from None
    domain: Domain = make_options(cls, {"path": "", **values, "name": name}, where, start)
    return domain


def domain_keys(cls: type) -> tuple[str, ...]:
    """Names of a domain's options."""
    return tuple(entry.name for entry in fields(cls) if entry.name != "name")


def domain_options(domains: object, where: str) -> dict[str, dict[str, Any]]:
    """Return the options of each domain by name; a lone path becomes the option ``path``."""
    # In YAML, ``domains:`` with nothing below is an empty text.
    if domains is None or domains == "":
        return {}
    if not isinstance(domains, Mapping):
        raise ValueOutOfRangeError("domains", domains, "a mapping of names to paths", where)
    options: dict[str, dict[str, Any]] = {}
    for name, values in domains.items():
        if not isinstance(values, str | Mapping):
            allowed = "a path, or a mapping of the domain's options"
            raise ValueOutOfRangeError(f"domains.{name}", values, allowed, where)
        options[name] = {"path": values} if isinstance(values, str) else dict(values)
    return options


def given_domains(
    cls: type[Domain], paths: Mapping[str, str | None], options: object
) -> tuple[Domain, ...]:
    """Make the configurations of domains that a call in Python names.

    Parameters
    ----------
    cls : type
        As for `make_domain`.
    paths : mapping of str to str or None
        Path or table of each domain; None: its data are a frame.
    options : mapping or None
        The argument `domain_options`: options of single domains, by name.

    Raises
    ------
    ConfigurationError
        As `make_domain`; also options of a domain that is not there, and those that tell how to
        read a file, given for a frame.
    """
    where = "domain_options"
    if not isinstance(options, Mapping | None):
        allowed = "a mapping of domains to their options, as {'sport': {'reg_param': 3.0}}"
        raise ValueOutOfRangeError(where, options, allowed)
    if not paths:
        raise ConfigurationError("there is no domain: give data of at least one, {'sport': frame}")
    check_names(options or {}, paths, where)
    return tuple(_given(cls, name, path, (options or {}).get(name)) for name, path in paths.items())


def _given(cls: type[Domain], name: str, path: str | None, options: object) -> Domain:
    where = "domain_options"
    if not isinstance(options, Mapping | None):
        allowed = "a mapping of options, as {'reg_param': 3.0}"
        raise ValueOutOfRangeError(name, options, allowed, where)
    own = dict(options or {})
    refused = [key for key in (_OF_FILES if path is None else _OF_FILES[:1]) if key in own]
    for key in refused:
        reason = (
            "a DataFrame is not read: leave the option out, or give a path in place of the frame"
            if path is None
            else f"the path is given already: {path!r}"
        )
        raise ConfigurationError(f"option '{name}.{key}' in {where} has no meaning here: {reason}")
    return make_domain(cls, name, {**own, "path": path or IN_MEMORY}, where, "")
