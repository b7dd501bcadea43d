"""Configuration of a training: from a YAML file, the command line, or Python.

The options have the same names everywhere: those of the model are flat, those of a domain are
under its name. A file looks like this, and ``--set rank=128 --set domains.sport.reg_param=3``
overrides it::

    rank: 64
    domains:
      sport: data/sport.csv
      cloth:
        path: warehouse.shop.cloth
        columns: [buyer, article]
    output: models/sport_cloth
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from cdimf_spark.configuration.domains import (
    check_domain_names,
    domain_keys,
    domain_options,
    make_domain,
    make_options,
)
from cdimf_spark.configuration.federation import FederationConfig
from cdimf_spark.configuration.options import check_names, options_of, read_value
from cdimf_spark.configuration.settings import (
    DomainConfig,
    ModelConfig,
)
from cdimf_spark.configuration.strict_yaml import read_yaml
from cdimf_spark.errors import ConfigurationError, ValueOutOfRangeError
from cdimf_spark.wording import did_you_mean

DEFAULT_OUTPUT = "cdimf_model"
_MODEL_KEYS = tuple(entry.name for entry in fields(ModelConfig))
_FOLDERS = ("output", "warm_start")
_DOMAIN_KEYS = domain_keys(DomainConfig)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that a training is told."""

    model: ModelConfig = field(default_factory=ModelConfig)
    domains: tuple[DomainConfig, ...] = ()
    output: str = DEFAULT_OUTPUT
    warm_start: str | None = None
    federation: FederationConfig | None = None

    def __post_init__(self) -> None:
        """Refuse two domains of one name; case alone does not tell paths apart everywhere."""
        check_domain_names([domain.name for domain in self.domains])
        check_output(self.output)
        if self.warm_start is not None and not _is_path(self.warm_start):
            raise ValueOutOfRangeError("warm_start", self.warm_start, "the folder of a model")

    @property
    def domain_names(self) -> tuple[str, ...]:
        """Names of the domains, in the fixed order of all tables."""
        return tuple(sorted(domain.name for domain in self.domains))

    @property
    def coupled_domains(self) -> frozenset[str]:
        """Domains that take part in the consensus: their rho is above 0."""
        settings = (self.model.for_domain(domain) for domain in self.domains)
        return frozenset(domain.name for domain in settings if domain.rho > 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration in the layout of the YAML file, ready for JSON."""
        domains = {}
        for domain in self.domains:
            values = asdict(domain)
            values["columns"] = None if domain.columns is None else list(domain.columns)
            domains[values.pop("name")] = values
        return {
            **asdict(self.model),
            "domains": domains,
            "output": self.output,
            "warm_start": self.warm_start,
            "federation": None if self.federation is None else self.federation.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "the configuration") -> Self:
        """Make a configuration from the layout of the YAML file.

        Parameters
        ----------
        values : mapping
            Options of the model, ``domains``, ``output``, ``warm_start``, ``federation``; all may
            be absent.
        where : str
            What error messages call the source of the values.

        Raises
        ------
        ConfigurationError
            An unknown option, a value out of range, or a domain without a path.
        """
        check_names(values, (*_MODEL_KEYS, "domains", *_FOLDERS, "federation"), where)
        model = {name: value for name, value in values.items() if name in _MODEL_KEYS}
        domains, output = domain_options(values.get("domains"), where), values.get("output")
        _refuse_options_of_nothing(domains)
        return cls(
            model=make_options(ModelConfig, model, where, ""),
            domains=tuple(
                make_domain(DomainConfig, name, domains[name], where) for name in domains
            ),
            output=DEFAULT_OUTPUT if output in (None, "") else output,
            warm_start=values.get("warm_start") or None,
            federation=FederationConfig.from_dict(values.get("federation"), where),
        )


def _refuse_options_of_nothing(domains: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ConfigurationError for a domain without a path: most often a misspelt one."""
    with_path = [name for name, options in domains.items() if options.get("path")]
    for name in domains:
        if with_path and name not in with_path:
            raise ConfigurationError(
                f"domain {name!r} has options, but no path{did_you_mean(name, with_path)} Known: "
                f"{', '.join(with_path)}"
            )


def check_output(output: object) -> None:
    """Raise ValueOutOfRangeError if this cannot be the path of an output folder."""
    if not _is_path(output):
        raise ValueOutOfRangeError("output", output, "the path of a folder")


def _is_path(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def load_config(
    path: str | None = None,
    assignments: Sequence[str] = (),
    domains: Sequence[str] = (),
    output: str | None = None,
    warm_start: str | None = None,
) -> TrainConfig:
    """Read the configuration of a training; what comes later in the arguments wins.

    Parameters
    ----------
    path : str or None
        A YAML file.
    assignments : sequence of str
        ``KEY=VALUE`` each, with ``domains.NAME.KEY`` for an option of a domain.
    domains : sequence of str
        ``NAME=PATH`` each: a domain more, or another path for one in the file.
    output : str or None
        Output folder.
    warm_start : str or None
        Output folder of an earlier training, whose user rows this one starts from.

    Raises
    ------
    ConfigurationError
        The file cannot be read, an option is unknown, given twice or out of range, or a domain
        has no path.
    """
    values: dict[str, Any] = {} if path is None else read_yaml(path)
    where = path or "the command line"
    by_name = domain_options(values.pop("domains", None), where)
    for name, value in split_pairs(assignments, "--set", "KEY=VALUE").items():
        _assign(values, by_name, name, value)
    for name, place in parse_domains(domains).items():
        by_name.setdefault(name, {})["path"] = place
    if output is not None:
        values["output"] = output
    if warm_start is not None:
        values["warm_start"] = warm_start
    return TrainConfig.from_dict({**values, "domains": by_name}, where)


def parse_domains(arguments: Sequence[str], flag: str = "--domain") -> dict[str, str]:
    """Read ``NAME=PATH`` arguments of a command line, in order.

    Raises
    ------
    ConfigurationError
        No ``=``, nothing before or after it, or a name given twice.
    """
    pairs = split_pairs(arguments, flag, "NAME=PATH")
    for name, path in pairs.items():
        if not path:
            raise ConfigurationError(f"{flag} {name + '='!r}: write {flag} NAME=PATH")
    return pairs


def split_pairs(arguments: Sequence[str], flag: str, form: str) -> dict[str, str]:
    """Split arguments at their first ``=``; each name may come once."""
    pairs: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not (name.strip() and equals):
            raise ConfigurationError(f"{flag} {argument!r}: write {flag} {form}")
        if name.strip() in pairs:
            raise ConfigurationError(f"{flag} has {name.strip()!r} twice")
        pairs[name.strip()] = value
    return pairs


def _assign(
    values: dict[str, Any], domains: dict[str, dict[str, Any]], name: str, value: str
) -> None:
    """Put one ``--set`` assignment in its place; a wrong one is an error of ``--set``."""
    declared, known, target, key = options_of(ModelConfig), (*_MODEL_KEYS, *_FOLDERS), values, name
    if name.startswith("domains."):
        domain, _, key = name.removeprefix("domains.").rpartition(".")
        known = tuple(f"domains.{domain or 'NAME'}.{option}" for option in _DOMAIN_KEYS)
        declared, target = options_of(DomainConfig), domains.setdefault(domain, {})
    check_names({name: value}, known, "--set")
    if key in declared:
        try:
            read_value(key, value, declared[key])
        except ValueOutOfRangeError as error:
            raise ValueOutOfRangeError(name, value, error.allowed, "--set") from None
    target[key] = value
