"""How a tuning searches: its own options."""

from __future__ import annotations

from dataclasses import dataclass

from cdimf_spark.configuration.options import Option, check_options, option, read_value
from cdimf_spark.errors import ValueOutOfRangeError


def _read_negatives(value: object) -> object:
    """Read a number, or ``all`` for the whole catalogue (None)."""
    if value == "all":
        return None
    try:
        return read_value("negatives", value, Option("", int, low=1))
    except ValueOutOfRangeError as error:
        raise ValueError(f"{error.allowed}, or all") from None


@dataclass(frozen=True)
class TuningOptions:
    """How many trials, and how they are judged. Each option has its help beside it."""

    trials: int = option(20, "configurations to try, those of an earlier start included", low=1)
    step: int = option(4, "iterations between two evaluations of a trial", low=1)
    metric: str = option(
        "ndcg", "what is maximised: the mean over the domains", choices=("ndcg", "hr", "mrr")
    )
    k: int = option(10, "length of the list that counts", low=1)
    negatives: int | None = option(
        999,
        "items drawn for each validation row",
        int,
        auto="the whole catalogue (all)",
        parse=_read_negatives,
    )
    seed: int = option(0, "of the search, the split and the draw", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        """Read and check the values."""
        check_options(self)

    @property
    def n_random(self) -> int:
        """Random trials before the search narrows."""
        return max(4, self.trials // 4)
