"""Configuration of `prepare`: from a YAML file, the command line, or Python.

A file has the options of `PrepareOptions`, the domains and the output::

    domains:
      sport: raw/reviews_Sports_and_Outdoors.json.gz
      cloth:
        path: raw/cloth.csv
        columns: {user: buyer, item: article, time: day}
    split: warm
    output: data/sport_cloth
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from cdimf_spark.configuration.config import check_output, parse_domains, split_pairs
from cdimf_spark.configuration.domains import (
    check_domain_names,
    domain_options,
    make_domain,
    make_options,
)
from cdimf_spark.configuration.options import check_names
from cdimf_spark.configuration.strict_yaml import read_yaml
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions

DEFAULT_OUTPUT = "prepared"
_OPTIONS = tuple(entry.name for entry in fields(PrepareOptions))


@dataclass(frozen=True)
class PrepareConfig:
    """Everything that a preparation is told."""

    options: PrepareOptions = field(default_factory=PrepareOptions)
    domains: tuple[EventsConfig, ...] = ()
    output: str = DEFAULT_OUTPUT

    def __post_init__(self) -> None:
        """Refuse two domains of one name, and splits that the domains cannot have."""
        check_domain_names([domain.name for domain in self.domains])
        if len(self.domains) == 1 and self.options.split in ("warm", "cold"):
            raise ConfigurationError(
                f"split {self.options.split} is about users that domains share: name two domains "
                "or more"
            )
        check_output(self.output)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration in the layout of the YAML file, ready for JSON."""
        domains = {domain.name: asdict(domain) for domain in self.domains}
        for values in domains.values():
            del values["name"]
        return {**asdict(self.options), "domains": domains, "output": self.output}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "the configuration") -> Self:
        """Make a configuration from the layout of the YAML file.

        Raises
        ------
        ConfigurationError
            An unknown option, a value out of range, or a domain without a path.
        """
        check_names(values, (*_OPTIONS, "domains", "output"), where)
        common = {name: value for name, value in values.items() if name in _OPTIONS}
        options = make_options(PrepareOptions, common, where, "")
        domains = domain_options(values.get("domains"), where)
        return cls(
            options=options,
            domains=tuple(
                with_columns(make_domain(EventsConfig, name, domains[name], where), options)
                for name in domains
            ),
            output=values.get("output") or DEFAULT_OUTPUT,
        )


def with_columns(domain: EventsConfig, options: PrepareOptions) -> EventsConfig:
    """Return a domain with the columns of all domains, unless it has its own."""
    return domain if domain.columns is not None else replace(domain, columns=options.columns)


def load_prepare_config(
    path: str | None = None,
    options: Mapping[str, str] | None = None,
    assignments: Sequence[str] = (),
    domains: Sequence[str] = (),
    output: str | None = None,
) -> PrepareConfig:
    """Read the configuration of a preparation; what comes later in the arguments wins.

    Parameters
    ----------
    path : str or None
        A YAML file.
    options : mapping, optional
        Options of all domains, as text.
    assignments : sequence of str
        ``domains.NAME.KEY=VALUE`` each: an option of one domain.
    domains : sequence of str
        ``NAME=PATH`` each: a domain more, or another path for one in the file.
    output : str or None
        Output folder.

    Raises
    ------
    ConfigurationError
        The file cannot be read, an option is unknown, given twice or out of range, or there is no
        domain, or one has no path.
    """
    values: dict[str, Any] = {} if path is None else read_yaml(path)
    where = path or "the command line"
    by_name = domain_options(values.pop("domains", None), where)
    values.update(options or {})
    for name, place in parse_domains(domains).items():
        by_name.setdefault(name, {})["path"] = place
    for name, value in split_pairs(assignments, "--set", "domains.NAME.KEY=VALUE").items():
        domain, _, key = name.removeprefix("domains.").rpartition(".")
        if not name.startswith("domains.") or not domain:
            raise ConfigurationError(
                f"--set {name!r}: write --set domains.NAME.KEY=VALUE; options of all domains are "
                "arguments of their own (--min-rating 4)"
            )
        by_name.setdefault(domain, {})[key] = value
    if not by_name:
        raise ConfigurationError("no domain: name at least one with --domain NAME=PATH")
    if output is not None:
        values["output"] = output
    return PrepareConfig.from_dict({**values, "domains": by_name}, where)
