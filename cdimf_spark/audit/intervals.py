"""Means over users with intervals: what one user contributes is not independent."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Z95 = 1.959963984540054


class Estimate(NamedTuple):
    """A mean and the ends of its 95 % interval; NaN where nothing was measured."""

    mean: float
    low: float
    high: float


def ratio_of_sums(values: NDArray[np.floating], users: NDArray[np.int64], n_users: int) -> Estimate:
    """Mean of values, with the interval of a ratio of sums over users (linearised).

    Parameters
    ----------
    values : (n,)
        In [0, 1].
    users : int64 (n,)
        Whose they are.
    """
    if not len(values):
        return Estimate(math.nan, math.nan, math.nan)
    sums = np.bincount(users, values, n_users)
    counts = np.bincount(users, minlength=n_users)
    mean = float(sums.sum() / counts.sum())
    there = int((counts > 0).sum())
    if there < 2:
        return Estimate(mean, math.nan, math.nan)
    spread = np.square(sums - mean * counts).sum() * there / (there - 1)
    half = _Z95 * math.sqrt(spread) / float(counts.sum())
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half))
