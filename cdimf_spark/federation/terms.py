"""The terms of a federation: what its parties must agree on before they exchange anything.

They stand in one YAML file that all parties have. Each party publishes them with their hash, so
that the others can tell not only that terms differ, but in which option.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from cdimf_spark.configuration.domains import make_options
from cdimf_spark.configuration.options import check_names, check_options, option, options_of
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.configuration.strict_yaml import read_yaml
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.federation.durations import parse_duration

# Options of the model on which the exchanged rows, and what follows from them, depend.
MODEL_TERMS = (
    *("rank", "seed", "init_scale", "schedule", "over_relaxation"),
    *("proximal", "proximal_strength", "aggregation_period"),
)
PSI = "psi"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MODEL = {entry.name: entry for entry in fields(ModelConfig)}


def _like_the_model_s(name: str) -> Any:
    """The same option as that of `ModelConfig`: default, meaning and range."""
    return field(default=_MODEL[name].default, metadata=_MODEL[name].metadata)


def _parse_name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("a name of letters, digits, '_', '-' and '.'")
    return value


def _parse_parties(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, Sequence):
        raise ValueError("a list of names, [sport, cloth]")
    parties = tuple(sorted(_parse_name(str(name).strip()) for name in names))
    if len(parties) < 2 or len({name.lower() for name in parties}) < len(parties):
        raise ValueError("a list of at least two names that differ, and not in case only")
    return parties


def _parse_quorum(value: object) -> int | None:
    if value in ("all", "", None):
        return None
    number = int(str(value)) if str(value).isdigit() else 0
    if number < 1:
        raise ValueError("all, or a number of parties, 1 or more")
    return number


@dataclass(frozen=True)
class Terms:
    """Terms of a federation. Each option has its help beside it.

    Raises
    ------
    ConfigurationError
        If a term is missing or out of range, or the quorum is larger than the federation.
    """

    federation: str = option("", "name of the federation", str, parse=_parse_name)
    parties: tuple[str, ...] = option((), "names of the parties", tuple, parse=_parse_parties)
    training: str = option(
        "1",
        "label of this training: a new one, as a date, begins a new training",
        parse=_parse_name,
    )
    rank: int = _like_the_model_s("rank")
    seed: int = _like_the_model_s("seed")
    init_scale: float = _like_the_model_s("init_scale")
    schedule: str = _like_the_model_s("schedule")
    over_relaxation: float | None = _like_the_model_s("over_relaxation")
    proximal: str = _like_the_model_s("proximal")
    proximal_strength: float = _like_the_model_s("proximal_strength")
    aggregation_period: int = _like_the_model_s("aggregation_period")
    identity: str = option(
        "pseudonyms",
        "how shared users are found: by keyed pseudonyms, or by a private set intersection",
        choices=("pseudonyms", PSI),
    )
    quorum: int | None = option(
        None,
        "parties (the own one counts) that must have finished a round before it goes on",
        int,
        auto="all",
        parse=_parse_quorum,
    )
    round_timeout: float = option(
        600.0, "how long a round waits for the other parties", float, parse=parse_duration
    )
    max_staleness: int = option(3, "age in rounds from which on rows of a party are stale", low=0)
    on_stale: str = option(
        "freeze",
        "what to do with a party whose rows are stale: go on with them, wait for it until "
        "join_timeout, leave it out of the consensus, or stop",
        choices=("freeze", "wait", "drop", "fail"),
    )
    join_timeout: float = option(
        86400.0,
        "how long to wait for parties that have not yet joined",
        float,
        parse=parse_duration,
    )

    def __post_init__(self) -> None:
        """Read and check the values."""
        check_options(self)
        # The model's own rules on how these options go together.
        ModelConfig(**self.model_options)
        if self.quorum is not None and self.quorum > len(self.parties):
            raise ConfigurationError(
                f"quorum is {self.quorum}, but the federation has {len(self.parties)} parties"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "the terms") -> Self:
        """Make terms from the layout of their file.

        Parameters
        ----------
        values : mapping of str to object
        where : str
            What error messages call their source.
        """
        known = tuple(options_of(cls))
        check_names(values, known, where)
        for name in ("federation", "parties"):
            if not values.get(name):
                raise ConfigurationError(f"{where}: {name!r} is missing")
        terms: Self = make_options(cls, values, where, "")
        return terms

    @property
    def model_options(self) -> dict[str, Any]:
        """Options of the model that are terms, by name."""
        return {name: getattr(self, name) for name in MODEL_TERMS}

    @property
    def needed(self) -> int:
        """How many parties must have finished a round: the quorum as a number."""
        return len(self.parties) if self.quorum is None else self.quorum

    def to_json(self) -> str:
        """Write the terms in one form only: equal terms give equal texts."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """SHA-256 of the terms, as hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def differences(self, other: str) -> dict[str, tuple[Any, Any]]:
        """What differs from the terms of another party.

        Parameters
        ----------
        other : str
            Their `to_json`.

        Returns
        -------
        dict of str to (object, object)
            By option: the own value and theirs; None for an option that one side does not have.
        """
        mine, theirs = json.loads(self.to_json()), json.loads(other)
        names = sorted({*mine, *theirs})
        pairs = {name: (mine.get(name), theirs.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def load_terms(path: str) -> Terms:
    """Read the YAML file of the terms.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or a term is missing, unknown or out of range.
    """
    return Terms.from_dict(read_yaml(path), path)
