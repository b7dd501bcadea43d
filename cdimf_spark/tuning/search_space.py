"""What a tuning searches: the ranges of options, and the options of its next trial.

A plain seeded search: first the given options as they are, then random points, then mostly small
steps from the best point so far. A point depends on the seed and on the trials before it alone, so
that a search that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.options import check_names, options_of, read_value
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import ConfigurationError, ValueOutOfRangeError

# Every so many trials one is random, so that the search does not end at the first good point.
_RANDOM_EVERY = 5
# Standard deviation of a step, and the chance of an option to take one; ranges are 0 to 1 wide.
_STEP, _CHANCE = 0.15, 0.5


@dataclass(frozen=True)
class Range:
    """Values of an option from `low` to `high`; both above zero are searched by their logarithm.

    Attributes
    ----------
    low, high : float
    whole : bool
        Whole numbers only.
    """

    low: float
    high: float
    whole: bool = False

    def at(self, place: float) -> float | int:
        """Return the value at a place from 0 (low) to 1 (high)."""
        if self.low > 0:
            value = math.exp((1 - place) * math.log(self.low) + place * math.log(self.high))
        else:
            value = (1 - place) * self.low + place * self.high
        # Three digits are enough for a value that somebody will read.
        value = min(max(float(f"{value:.3g}"), self.low), self.high)
        return round(value) if self.whole else value

    def place_of(self, value: float) -> float:
        """Return the place of a value, moved into the range."""
        value = min(max(value, self.low), self.high)
        if self.low == self.high:
            return 0.0
        if self.low > 0:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


DEFAULT_SPACE = {
    "rank": Range(32, 256, whole=True),
    "reg_param": Range(0.5, 8),
    "unobserved_ratio": Range(2, 50),
    "rho": Range(0.05, 10),
    "item_reg_exponent": Range(0, 1),
}
_NOT_SEARCHED = ("max_iter", "seed", "num_blocks", "num_item_blocks")
# Where the search begins if the option has no value: what `auto` stands for.
_AUTOMATIC = {"reg_param": 2.0, "user_reg_exponent": 0.0, "item_reg_exponent": 0.5}


def search_space(ranges: Mapping[str, str], given: Collection[str]) -> dict[str, Range]:
    """Return the search space: the default one with other ranges, without the fixed options.

    Parameters
    ----------
    ranges
        ``LOW:HIGH`` by option, or ``none`` for one that is not searched.
    given
        Options that the user has set: they are searched only if they are in `ranges`.

    Raises
    ------
    ConfigurationError
        An option is unknown or not a number, or a range is not one or not allowed.
    """
    numbers = {name: o for name, o in options_of(ModelConfig).items() if o.kind in (int, float)}
    known = [name for name in numbers if name not in _NOT_SEARCHED]
    check_names(ranges, known, "--search")
    space = {name: value for name, value in DEFAULT_SPACE.items() if name not in given}
    for name, text in ranges.items():
        if text == "none":
            space.pop(name, None)
        else:
            space[name] = _parse_range(name, text, numbers[name].kind is int)
    if "unobserved_weight" in {*space, *given}:
        # The ratio has no effect beside a weight.
        space.pop("unobserved_ratio", None)
    if not space:
        raise ConfigurationError("nothing to search: every option is set; name one with --search")
    return space


def _parse_range(name: str, text: str, whole: bool) -> Range:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise ConfigurationError(f"--search {name}={text}: write {name}=LOW:HIGH") from None
    if not low <= high:
        raise ConfigurationError(f"--search {name}={text}: LOW is above HIGH")
    for value in (low, high):
        try:
            read_value(name, value, options_of(ModelConfig)[name])
        except ValueOutOfRangeError as error:
            raise ValueOutOfRangeError(name, value, error.allowed, "--search") from None
    return Range(low, high, whole)


def space_help() -> str:
    """Return the default ranges as the end of a job's help text."""
    rows = [f"  {name}={r.low:g}:{r.high:g}" for name, r in DEFAULT_SPACE.items()]
    return "\n".join(["searched unless they are set (--search has the same form):", *rows])


def start_of(space: Mapping[str, Range], model: ModelConfig) -> dict[str, Any]:
    """Return the first point: the options as they are, moved into the ranges."""
    point = {}
    for name, searched in space.items():
        value = getattr(model, name)
        if value is None:
            value = _AUTOMATIC.get(name, searched.at(0.5))
        point[name] = searched.at(searched.place_of(value))
    return point


def propose(
    space: Mapping[str, Range],
    start: Mapping[str, Any],
    earlier: Sequence[tuple[Mapping[str, Any], float]],
    n_random: int,
    seed: int,
) -> dict[str, Any]:
    """Return the options of the next trial.

    Parameters
    ----------
    space
        Ranges by option.
    start
        The point of the first trial.
    earlier
        Options and metric (higher is better) of the trials so far, in order.
    n_random
        Random points after the first one.
    seed
        Of the search.
    """
    number = len(earlier)
    if number == 0:
        return dict(start)
    rng = np.random.default_rng([seed, number])
    places = rng.uniform(size=len(space))
    if number > n_random and number % _RANDOM_EVERY:
        best, _ = max(earlier, key=lambda trial: trial[1])
        places = _step_from([r.place_of(best[name]) for name, r in space.items()], rng)
    return {
        name: r.at(float(place)) for (name, r), place in zip(space.items(), places, strict=True)
    }


def _step_from(places: list[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Move some places, at least one."""
    moved = rng.uniform(size=len(places)) < _CHANCE
    moved[rng.integers(len(places))] = True
    stepped: NDArray[np.float64] = places + moved * rng.normal(0, _STEP, len(places))
    # Reflected at the ends, so that these are no more likely than other values.
    reflected: NDArray[np.float64] = 1 - np.abs(1 - np.abs(stepped))
    return reflected
