"""The options of the model and of a domain, and the numbers that they resolve to.

None (in text: auto, null or nothing) leaves a choice to the rules in `ModelConfig.for_domain`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdimf_spark.configuration.domain_names import check_domain_name
from cdimf_spark.configuration.options import check_options, option
from cdimf_spark.errors import ConfigurationError

SEPARATOR_WORDS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "blanks": " ",
    "space": " ",
}
_COLUMN_ROLES = ("user", "item", "weight")


@dataclass(frozen=True)
class ModelConfig:
    """The method: what is minimised, how, and for how long. Each option has its help beside it."""

    rank: int = option(64, "length of a factor row", low=1, high=4096)
    max_iter: int = option(10, "iterations", low=1, high=100_000)
    rho: float = option(1.0, "pull of shared users to the consensus; 0: none", low=0)
    reg_param: float | None = option(
        None, "ridge strength", float, auto="2, paper: 0.03", low=0, exclusive=True
    )
    reg_scaling: str = option(
        "relative", "how the ridge of a row depends on its count", choices=("relative", "paper")
    )
    reg_exponent: float | None = option(
        None, "exponent of that scaling, both sides", float, auto="see the sides", low=0, high=2
    )
    user_reg_exponent: float | None = option(
        None, "the same for users only", float, auto="reg_exponent or 0, paper: 1", low=0, high=2
    )
    item_reg_exponent: float | None = option(
        None, "the same for items only", float, auto="reg_exponent or 0.5, paper: 1", low=0, high=2
    )
    unobserved_weight: float | None = option(
        None, "weight of an unobserved cell", float, auto="by unobserved_ratio, paper: 0.3", low=0
    )
    unobserved_ratio: float = option(
        12.0, "weight of all unobserved cells over that of the observed ones", low=0, exclusive=True
    )
    user_prior: float = option(
        0.0, "share of their domain's mean row that the ridge draws users to", low=0, high=1
    )
    schedule: str = option(
        "consensus",
        "items see the consensus of shared users, or their domain's own rows (paper)",
        choices=("consensus", "paper"),
    )
    over_relaxation: float | None = option(
        None, "relaxation of the ADMM", float, auto="1.6, paper: 1", low=0, high=2, exclusive=True
    )
    proximal: str = option("identity", "operator on the consensus", choices=("identity", "l2"))
    proximal_strength: float = option(0.0, "lambda of that operator", low=0)
    aggregation_period: int = option(1, "iterations from one consensus to the next", low=1)
    shared_user_weight: float = option(
        1.0, "weight of shared users in the item half-step", low=0, exclusive=True
    )
    init_scale: float = option(0.1, "initial rows: this / sqrt(rank)", low=0, exclusive=True)
    seed: int = option(0, "seed of the initial rows", low=0, high=2**63 - 1)
    residual_tol: float | None = option(
        None, "stop at this relative residual", float, auto="do not", low=0, exclusive=True
    )
    loss_tol: float | None = option(
        None, "stop at this relative loss change", float, auto="do not", low=0, exclusive=True
    )
    num_blocks: int | None = option(
        None, "blocks of users, and of items", int, auto="by the data", low=1, high=500_000
    )
    num_item_blocks: int | None = option(
        None, "blocks of items, if not as many", int, auto="as many", low=1, high=500_000
    )
    keep_iterations: int = option(2, "last iterations whose working state is kept", low=1)
    duplicates: str = option(
        "sum", "repeated (user, item): add the weights, or count one", choices=("sum", "once")
    )

    def __post_init__(self) -> None:
        """Read and check the values."""
        check_options(self)
        if self.proximal == "identity" and self.proximal_strength != 0:
            raise ConfigurationError(
                f"proximal_strength is {self.proximal_strength}, but proximal 'identity' has none: "
                "set proximal to l2, or leave proximal_strength at 0"
            )

    @property
    def resolved_over_relaxation(self) -> float:
        """The relaxation that the schedule runs with."""
        if self.over_relaxation is not None:
            return self.over_relaxation
        return 1.0 if self.schedule == "paper" else 1.6

    def for_domain(self, domain: "DomainConfig") -> "DomainSettings":
        """Return the numbers that the domain is solved with: its own, the model's, or automatic."""
        paper = self.reg_scaling == "paper"
        return DomainSettings(
            name=domain.name,
            reg_scaling=self.reg_scaling,
            reg_param=_first(domain.reg_param, self.reg_param, 0.03 if paper else 2.0),
            user_reg_exponent=_first(
                self.user_reg_exponent, self.reg_exponent, 1.0 if paper else 0.0
            ),
            item_reg_exponent=_first(
                self.item_reg_exponent, self.reg_exponent, 1.0 if paper else 0.5
            ),
            rho=_first(domain.rho, self.rho),
            unobserved_weight=_first(
                domain.unobserved_weight, self.unobserved_weight, 0.3 if paper else None
            ),
            unobserved_ratio=self.unobserved_ratio,
            user_prior=self.user_prior,
        )


@dataclass(frozen=True)
class DomainSettings:
    """The numbers of one domain; `unobserved_weight` None waits for the counts of the data."""

    name: str
    reg_scaling: str
    reg_param: float
    user_reg_exponent: float
    item_reg_exponent: float
    rho: float
    unobserved_weight: float | None
    unobserved_ratio: float
    user_prior: float


def resolve_unobserved_weight(
    settings: DomainSettings, n_users: int, n_items: int, n_interactions: int
) -> float:
    """Return the weight a0 of an unobserved cell of the domain.

    Without a weight of its own it is ``unobserved_ratio * n_interactions / (n_users * n_items)``,
    so that all cells at a0 weigh `unobserved_ratio` times as much as the observed ones.

    Parameters
    ----------
    settings : DomainSettings
    n_users, n_items : int
        Users and items with at least one interaction in the domain; both at least 1.
    n_interactions : int
        Distinct (user, item) cells.
    """
    if settings.unobserved_weight is not None:
        return settings.unobserved_weight
    return settings.unobserved_ratio * n_interactions / (n_users * n_items)


def _first(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)


def _parse_columns(value: object) -> tuple[str, ...]:
    """Read ``[user, item, weight]``, ``"user,item"`` or ``{user: ..., item: ...}``."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",")]
    if isinstance(value, Mapping):
        # A name out of place makes the length differ, so that it is refused below.
        names = [value[role] for role in _COLUMN_ROLES if role in value]
        value = names if {"user", "item"} <= set(value) and len(names) == len(value) else []
    columns = tuple(str(name) for name in value) if isinstance(value, Sequence) else ()
    if len(columns) not in (2, 3) or len(set(columns)) < len(columns) or "" in columns:
        raise ValueError(
            "two or three different columns, by name or by position from 1: [user, item] or "
            "[user, item, weight], or a mapping of user, item and weight to columns"
        )
    return columns


def _parse_separator(value: object) -> str:
    """Read a separator: one of the words, or one to four characters that are not quotes."""
    if not isinstance(value, str):
        raise ValueError("a text (or auto)")
    separator = SEPARATOR_WORDS.get(value.lower(), value)
    if len(separator) > 4 or re.search(r'["\n\r]', separator):
        raise ValueError(
            "one to four characters, no quotation mark, or one of "
            + ", ".join(word for word in SEPARATOR_WORDS if word.isalpha())
        )
    return separator


@dataclass(frozen=True)
class DomainConfig:
    """A domain: its name, where its interactions are, how to read them, and numbers of its own."""

    name: str
    path: str
    format: str | None = option(
        None,
        "format of the input",
        str,
        auto="from the name and the content",
        choices=("csv", "json", "parquet", "delta"),
    )
    columns: tuple[str, ...] | None = option(
        None,
        "columns of user, item and weight, by name or by position from 1",
        tuple,
        auto="well-known names, or the first three",
        parse=_parse_columns,
    )
    separator: str | None = option(
        None, "separator of delimited text", str, auto="from the content", parse=_parse_separator
    )
    header: bool | None = option(
        None, "delimited text starts with the names", bool, auto="if the names are well-known"
    )
    reg_param: float | None = option(
        None, "reg_param of this domain", float, auto="the model's", low=0, exclusive=True
    )
    unobserved_weight: float | None = option(
        None, "unobserved_weight of this domain", float, auto="the model's", low=0
    )
    rho: float | None = option(None, "rho of this domain", float, auto="the model's", low=0)

    def __post_init__(self) -> None:
        """Read and check the values."""
        check_domain_name(self.name)
        if not isinstance(self.path, str) or not self.path.strip():
            raise ConfigurationError(f"domain {self.name!r} has no path")
        check_options(self)
        if self.header is False and any(not name.isdigit() for name in self.columns or ()):
            raise ConfigurationError(
                f"domain {self.name!r}: columns {list(self.columns or ())} are names, but header "
                "is false: give positions from 1"
            )
