"""The search space of a tuning and the points that it proposes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.tuning.search_space import DEFAULT_SPACE, Range, propose, search_space, start_of

DEFAULTS = ModelConfig()


@given(st.floats(0, 1), st.sampled_from(sorted(DEFAULT_SPACE)))
def test_values_are_in_range_and_options_take_them(place: float, name: str) -> None:
    searched = DEFAULT_SPACE[name]
    value = searched.at(place)
    assert searched.low <= value <= searched.high
    options: dict[str, Any] = {name: value}
    assert getattr(ModelConfig(**options), name) == value
    assert searched.place_of(value) == pytest.approx(place, abs=0.02)


def test_middle_of_a_range() -> None:
    assert Range(1, 100).at(0.5) == pytest.approx(10)
    assert Range(0, 1).at(0.25) == 0.25
    assert Range(4, 4, whole=True).at(0.7) == 4
    assert Range(2, 8).place_of(100) == 1


def test_options_that_are_given_are_not_searched_unless_named() -> None:
    given = ("rank", "rho", "max_iter")
    assert set(search_space({}, given)) == {*DEFAULT_SPACE} - {"rank", "rho"}
    space = search_space({"rank": "64:128", "reg_param": "none"}, given)
    assert space["rank"] == Range(64, 128, whole=True)
    assert "reg_param" not in space
    assert "unobserved_ratio" not in search_space({}, ("unobserved_weight",))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"rank": "64"}, "--search rank=64: write rank=LOW:HIGH"),
        ({"rank": "64:32"}, "LOW is above HIGH"),
        ({"rank": "0:32"}, "rank"),
        ({"rank": "1.5:32"}, "rank"),
        ({"ranks": "1:2"}, "ranks"),
        ({"schedule": "1:2"}, "schedule"),
        ({"max_iter": "1:2"}, "max_iter"),
        (dict.fromkeys(DEFAULT_SPACE, "none"), "nothing to search"),
    ],
    ids=str,
)
def test_bad_ranges(ranges: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        search_space(ranges, ())


def test_first_point_is_what_the_options_stand_for() -> None:
    start = start_of(DEFAULT_SPACE, DEFAULTS)
    assert start == {
        **{"rank": 64, "reg_param": 2.0, "unobserved_ratio": 12.0, "rho": 1.0},
        "item_reg_exponent": 0.5,
    }
    assert start_of({"rank": Range(100, 200, whole=True)}, DEFAULTS) == {"rank": 100}


def search(n: int, seed: int) -> list[tuple[dict[str, float], float]]:
    """A search for the point in the middle of all ranges."""
    trials: list[tuple[dict[str, float], float]] = []
    for _ in range(n):
        point = propose(DEFAULT_SPACE, start_of(DEFAULT_SPACE, DEFAULTS), trials, 5, seed)
        errors = [abs(DEFAULT_SPACE[name].place_of(v) - 0.5) for name, v in point.items()]
        trials.append((point, -max(errors)))
    return trials


def test_a_search_is_a_function_of_its_seed_and_goes_on() -> None:
    assert search(12, seed=3) == search(20, seed=3)[:12]
    assert search(12, seed=3) != search(12, seed=4)


def test_a_search_comes_near_the_best_point() -> None:
    found = [max(value for _, value in search(60, seed)) for seed in range(5)]
    at_random = 0.5**5 * 60  # points of a random search within 0.25 of the middle in each option
    assert at_random < 2
    assert min(found) > -0.15
