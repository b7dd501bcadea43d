"""The options of `prepare`: what is kept of raw events, who is who, and how it is split.

Their names are the same in a YAML file, on the command line (``--min-rating 4``) and as keyword
arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdimf_spark.configuration.options import check_options, option
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.preparation.prepare_parsing import (
    COLUMN_ROLES,
    parse_columns,
    parse_event_weights,
    parse_time,
)

SPLITS = ("train_only", "leave_one_out", "ratio", "time", "warm", "cold")
_SPLITS_BY_USER = ("leave_one_out", "ratio", "warm")


@dataclass(frozen=True)
class EventsConfig:
    """The raw events of a domain: where they are, how to read them, what differs there."""

    name: str
    path: str
    format: str | None = option(
        None,
        "format of the input; csv is any delimited text, json is JSON lines",
        str,
        auto="from the name and the content",
        choices=("csv", "json", "parquet", "delta"),
    )
    columns: Mapping[str, str] | None = option(
        None,
        "columns as user=NAME,item=NAME[,value=NAME][,time=NAME][,event=NAME]; only these are used",
        dict,
        auto="that of all domains, or well-known names",
        parse=parse_columns,
    )
    separator: str | None = option(
        None, "separator of delimited text", str, auto="from the content", parse=lambda text: text
    )
    header: bool | None = option(
        None, "delimited text starts with the names", bool, auto="if the names are well-known"
    )
    min_rating: float | None = option(
        None, "min_rating of this domain", float, auto="that of all domains"
    )
    event_weights: Mapping[str, float] | None = option(
        None,
        "event_weights of this domain",
        dict,
        auto="those of all domains",
        parse=parse_event_weights,
    )
    min_user_interactions: int | None = option(
        None, "min_user_interactions of this domain", int, auto="that of all domains", low=1
    )
    min_item_interactions: int | None = option(
        None, "min_item_interactions of this domain", int, auto="that of all domains", low=1
    )

    def __post_init__(self) -> None:
        """Read and check the values."""
        check_options(self)
        # Name, path, separator and header have one set of rules.
        object.__setattr__(self, "separator", self.source.separator)

    @property
    def source(self) -> DomainConfig:
        """What the readers are told."""
        given = self.columns
        names = None
        if given is not None:
            names = tuple(given[role] for role in COLUMN_ROLES[:3] if role in given)
        return DomainConfig(self.name, self.path, self.format, names, self.separator, self.header)


@dataclass(frozen=True)
class PrepareOptions:
    """What is done with the events of all domains. Each option has its help beside it."""

    columns: Mapping[str, str] | None = option(
        None,
        "columns as user=NAME,item=NAME[,value=NAME][,time=NAME][,event=NAME], by name or position",
        dict,
        auto="well-known names, or the first three",
        parse=parse_columns,
    )
    time_from: float | None = option(
        None, "leave out what is earlier", float, auto="keep all", parse=parse_time
    )
    time_to: float | None = option(
        None, "leave out this moment and what is later", float, auto="keep all", parse=parse_time
    )
    min_rating: float | None = option(
        None,
        "leave out values below; the others weigh 1, unless weights is value",
        float,
        auto="keep all",
    )
    event_weights: Mapping[str, float] | None = option(
        None,
        "weight of each event type, TYPE=WEIGHT,...; other types are left out",
        dict,
        auto="there are no types",
        parse=parse_event_weights,
    )
    weights: str | None = option(
        None,
        "what an interaction weighs: its value, or 1",
        str,
        auto="1 for a column rating, overall, stars or score, else the value",
        choices=("value", "one"),
    )
    duplicates: str = option(
        "sum",
        "the same user and item again: add the weights, count once (the largest), or the last",
        choices=("sum", "once", "last"),
    )
    filter: str = option(
        "once",
        "leave out rare users and items: in one pass each, until none is left (k_core), or not",
        choices=("keep_all", "once", "k_core"),
    )
    min_user_interactions: int = option(5, "a user with fewer is left out", low=1)
    min_item_interactions: int = option(10, "an item with fewer is left out", low=1)
    filter_order: str = option(
        "users_first", "which of the two passes comes first", choices=("users_first", "items_first")
    )
    links: str | None = option(
        None,
        "table of domain, user_id, person_id for domains whose ids differ",
        str,
        auto="equal ids are one person",
    )
    keep_apart: str | None = option(
        None,
        "all: equal ids in two domains are different people",
        str,
        auto="equal ids are one person",
        choices=("all",),
    )
    keep_apart_above: int | None = option(
        None, "the same for ids that are numbers above this one", int, auto="none", low=-1
    )
    key_file: str | None = option(
        None, "hash user ids with the secret key in this file (HMAC)", str, auto="plain ids"
    )
    key_env: str | None = option(
        None, "the same, with the key in this environment variable", str, auto="plain ids"
    )
    split: str = option("leave_one_out", "how to hold out test interactions", choices=SPLITS)
    order: str | None = option(
        None,
        "leave_one_out, ratio, warm: hold out a user's last interactions, or random ones",
        str,
        auto="last for leave_one_out where all have times, else random",
        choices=("last", "random"),
    )
    test_share: float | None = option(
        None,
        "part to hold out: of each user's (ratio), of all (time), of the shared users (cold)",
        float,
        auto="0.2; cold 0.1",
        low=0,
        high=0.5,
        exclusive=True,
    )
    test_from: float | None = option(
        None, "split time: test begins here", float, auto="by test_share", parse=parse_time
    )
    validation: bool = option(True, "hold out a validation set, made as the test set is")
    validation_from: float | None = option(
        None, "split time: validation begins here", float, auto="by test_share", parse=parse_time
    )
    min_train: int = option(1, "interactions that every user keeps in train", low=1)
    seed: int = option(0, "seed of everything random", low=0, high=2**63 - 1)
    format: str = option("delta", "of the output", choices=("delta", "parquet", "csv"))

    def __post_init__(self) -> None:
        """Read and check the values, each and together."""
        check_options(self)
        _refuse_together(self)

    @property
    def share(self) -> float:
        """The part to hold out."""
        if self.test_share is not None:
            return self.test_share
        return 0.1 if self.split == "cold" else 0.2


def _refuse_together(options: PrepareOptions) -> None:
    """Raise ConfigurationError for options that contradict one another or have no effect."""
    times = options.test_from is not None, options.validation_from is not None
    problems = {
        "key_file and key_env are both given: one key is enough": options.key_file is not None
        and options.key_env is not None,
        "min_rating and event_weights are both given: events have a value or a type": (
            options.min_rating is not None and options.event_weights is not None
        ),
        "keep_apart all leaves nothing for keep_apart_above": options.keep_apart == "all"
        and options.keep_apart_above is not None,
        "splits warm and cold want users whom several domains have: keep_apart all leaves none": (
            options.keep_apart == "all" and options.split in ("warm", "cold")
        ),
        "links say who is who: leave out keep_apart and keep_apart_above": options.links is not None
        and (options.keep_apart == "all" or options.keep_apart_above is not None),
        "time_from must be before time_to": options.time_from is not None
        and options.time_to is not None
        and options.time_from >= options.time_to,
        "test_from and validation_from are for split: time": any(times) and options.split != "time",
        "split time wants test_from and validation_from together (--validation-from), or no "
        "validation set (validation: false, --validation false)": (
            options.validation and times[0] != times[1]
        ),
        "validation_from without validation": not options.validation and times[1],
        "validation_from must be before test_from": all(times)
        and _order(options.validation_from, options.test_from),
        f"order is for the splits {', '.join(_SPLITS_BY_USER)}": options.order is not None
        and options.split not in _SPLITS_BY_USER,
        "test_share is for the splits ratio, time and cold": options.test_share is not None
        and options.split not in ("ratio", "time", "cold"),
        "min_train is for the splits " + ", ".join(_SPLITS_BY_USER): options.min_train > 1
        and options.split not in _SPLITS_BY_USER,
        "test_share and test_from are both given": options.test_share is not None and times[0],
    }
    for problem, found in problems.items():
        if found:
            raise ConfigurationError(problem)


def _order(first: Any, second: Any) -> bool:
    return bool(first >= second)


def inherited(
    options: PrepareOptions, domains: Sequence[EventsConfig], name: str
) -> dict[str, Any]:
    """Return an option by domain: the domain's own value, or that of all domains."""
    common = getattr(options, name)
    own = {domain.name: getattr(domain, name) for domain in domains}
    return {domain: common if value is None else value for domain, value in own.items()}
