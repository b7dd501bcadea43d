"""Do equal ids mean equal people? What the activity of users in two domains says about it.

Two data sets that number their users from the same start have nearly all ids in common, though no
person need be. A person who is busy in one domain tends to be busy in the other; strangers with
one number are not. If a data set numbers the people that two domains share first and each
domain's own users after them, the correlation ends at some number. It is found here as a change
point.

Within each of many narrow ranges of numbers the logarithms of the two counts are centred, so that
a trend along the numbers (old customers first) is not taken for a correlation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Fewer common ids tell nothing.
_LEAST_IDS = 500
# Real pairs have correlations from .14 up. Strangers: about 0, and even two standard errors above
# what was measured is less than this.
_LEAST_CORRELATION = 0.1
# Where the correlation of the ids below the change point does not rise above this many standard
# errors, there is no point: all ids are judged together.
_SIGNIFICANT = 4.0
# Twice the logarithm of the likelihood falls by this much at the ends of a 95 % interval.
_INTERVAL = 3.84


@dataclass(frozen=True)
class RangeSums:
    """Sums over the common ids in each range of numbers, float64 (n_ranges,) each.

    Parameters
    ----------
    n : array
        Common ids.
    x, y, xx, yy, xy : array
        Sums of the logarithms of a user's interactions in the one and the other domain, of their
        squares and products.
    """

    n: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    xx: NDArray[np.float64]
    yy: NDArray[np.float64]
    xy: NDArray[np.float64]

    def centred(self) -> NDArray[np.float64]:
        """Centred sums of squares and products and the counts, (n_ranges, 4)."""
        n = np.maximum(self.n, 1)
        squares = (
            self.xx - self.x**2 / n,
            self.yy - self.y**2 / n,
            self.xy - self.x * self.y / n,
        )
        return np.stack([*squares, self.n], axis=1)


@dataclass(frozen=True)
class Finding:
    """What the common ids of two domains look like.

    Parameters
    ----------
    first : int
        The first range of numbers that looks accidental.
    earliest, latest : int
        Where that could begin as well (95 %), in ranges.
    n_ids : int
        Common ids from there on.
    correlation : float
        Of the activity in the two domains, from there on.
    below : float
        The same of the ids before it; not a number if there are none.
    """

    first: int
    earliest: int
    latest: int
    n_ids: int
    correlation: float
    below: float


def find_accident(sums: RangeSums) -> Finding | None:
    """Find the range of numbers from which on common ids look like an accident.

    Returns
    -------
    Finding or None
        None: the activity correlates to the end, or there are too few ids to tell.
    """
    parts = sums.centred()
    below = np.vstack([np.zeros(4), np.cumsum(parts, axis=0)])
    # Ids below the point correlate, those from it on do not: the gain in likelihood over none.
    correlation = _correlation(below)
    gain = np.where(correlation > 0, correlation**2, 0) * below[:, 3]
    first = int(np.argmax(gain))
    if gain[first] < _SIGNIFICANT**2:
        first, near = 0, np.array([0])
    else:
        near = np.flatnonzero(gain >= gain[first] - _INTERVAL)
    rest = below[-1] - below[first]
    n_ids, found = int(rest[3]), float(_correlation(rest[None])[0])
    if n_ids < _LEAST_IDS or found + 2 / math.sqrt(n_ids) > _LEAST_CORRELATION:
        return None
    under = float(correlation[first]) if first else math.nan
    return Finding(first, int(near[0]), int(near[-1]), n_ids, found, under)


def _correlation(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation coefficients from centred sums; 0 where nothing varies."""
    spread = np.sqrt(np.maximum(sums[:, 0] * sums[:, 1], 0))
    result: NDArray[np.float64] = np.divide(
        sums[:, 2], spread, out=np.zeros(len(sums)), where=spread > 1e-9
    )
    return result
