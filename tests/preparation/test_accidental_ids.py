"""Accidental ids: found where they begin, on planted numbers and on the published files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cdimf_spark.preparation.accidental_ids import RangeSums, find_accident
from tests.support.amazon import DATA, needs_amazon

_N_RANGES = 256


def sums_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> RangeSums:
    """Logarithms of counts, in the order of the ids, in ranges of equal numbers."""
    part = np.arange(len(x)) * _N_RANGES // len(x)
    terms = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return RangeSums(*(np.bincount(part, term, _N_RANGES).astype(np.float64) for term in terms))


def activity(
    rng: np.random.Generator, n_true: int, n_false: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first users are the same people (correlation about .14), the others strangers."""
    busy = rng.normal(size=n_true + n_false)
    same = np.arange(n_true + n_false) < n_true
    counts = [1 + rng.poisson(np.exp(1.5 + 0.6 * busy))]
    other = np.where(same, 0.35 * busy, 0) + rng.normal(size=len(busy))
    counts.append(1 + rng.poisson(np.exp(1.5 + 0.6 * other)))
    return np.log(counts[0]), np.log(counts[1])


@pytest.mark.parametrize("seed", range(5))
def test_people_are_left_alone(seed: int) -> None:
    assert find_accident(sums_of(*activity(np.random.default_rng(seed), 8000, 0))) is None


@pytest.mark.parametrize("seed", range(5))
def test_strangers_are_found(seed: int) -> None:
    finding = find_accident(sums_of(*activity(np.random.default_rng(seed), 0, 8000)))
    assert finding is not None
    assert (finding.first, finding.n_ids) == (0, 8000)
    assert abs(finding.correlation) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_the_last_of_the_people_is_found(seed: int) -> None:
    finding = find_accident(sums_of(*activity(np.random.default_rng(seed), 8000, 8000)))
    assert finding is not None
    assert finding.earliest <= 128 <= finding.latest
    assert finding.earliest <= finding.first <= finding.latest
    assert finding.correlation < 0.05 < finding.below


def test_a_common_trend_is_no_correlation() -> None:
    x, y = activity(np.random.default_rng(1), 0, 8000)
    trend = np.linspace(3, 0, 8000)
    finding = find_accident(sums_of(x + trend, y + trend))
    assert finding is not None
    assert finding.first == 0


def test_few_ids_tell_nothing() -> None:
    assert find_accident(sums_of(*activity(np.random.default_rng(2), 0, 400))) is None


def test_activity_that_never_varies_tells_nothing_against_chance() -> None:
    finding = find_accident(sums_of(np.zeros(5000), np.zeros(5000)))
    assert finding is not None
    assert finding.correlation == 0


def published(folder: str, pair: tuple[str, str]) -> RangeSums:
    counts = []
    for name in pair:
        path = DATA / folder / name / "train.txt"
        ids = pd.read_csv(path, sep="\t", header=None, usecols=[0], dtype=str)[0]
        counts.append(ids[ids.str.isdigit()].astype(int).value_counts().map(np.log))
    both = pd.concat(counts, axis=1, join="inner").sort_index()
    numbers = both.index.to_numpy()
    width = -(-(numbers.max() - numbers.min() + 1) // _N_RANGES)
    part = (numbers - numbers.min()) // width
    x, y = both.to_numpy().T
    terms = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return RangeSums(*(np.bincount(part, term, _N_RANGES).astype(np.float64) for term in terms))


SPORT, GAMES = ("sport_cloth", "cloth_sport"), ("game_video", "video_game")


@needs_amazon
def test_published_cold_files() -> None:
    # 27328 numbers in ranges of 107; the common users are those below 9828.
    finding = find_accident(published("cold-start", SPORT))
    assert finding is not None
    assert finding.earliest * 107 <= 9828 <= finding.latest * 107
    assert finding.n_ids > 17000
    assert find_accident(published("cold-start", GAMES)) is not None


@needs_amazon
@pytest.mark.parametrize("pair", [SPORT, GAMES])
def test_true_ids_of_the_cold_files(pair: tuple[str, str]) -> None:
    assert find_accident(published("cold-start-true-ids", pair)) is None


@needs_amazon
@pytest.mark.parametrize("pair", [SPORT, ("phone_electronic", "electronic_phone")])
def test_warm_files(pair: tuple[str, str]) -> None:
    assert find_accident(published("warm-start", pair)) is None
