"""Ranking metrics of one target item among negatives, vectorised over test rows.

The rank of a target is 1 + (negatives scored higher) + 0.5 * (negatives scored equal): ties count
at half, so that a model that scores everything alike gets the middle rank and not the first. A rank
can therefore end in .5. It counts at k if it is at most k: 10.5 is not a hit at 10. The metrics
return one value per row; the caller takes the mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.float64]
# Any float type; float32 scores are compared as they are.
Scores = NDArray[np.floating[Any]]


def rank_of_target(
    target_scores: Scores,
    negative_scores: Scores,
    negative_is_seen: NDArray[np.bool_] | None = None,
) -> Ranks:
    """Rank each target among the negatives of its row.

    Parameters
    ----------
    target_scores : (n_rows,)
    negative_scores : (n_rows, n_negatives)
    negative_is_seen : bool (n_rows, n_negatives)
        Negatives that the user has in train. They are never recommended, so they rank below the
        target whatever their score.

    Returns
    -------
    float64 (n_rows,)
        Ranks from 1 to n_negatives + 1, in steps of one half.

    Raises
    ------
    ValueError
        If shapes do not fit or a score is NaN (which would compare as lower than any target).
    """
    if negative_scores.shape[:1] != target_scores.shape or negative_scores.ndim != 2:
        raise ValueError(
            f"{target_scores.shape} target scores do not fit {negative_scores.shape} negative ones"
        )
    if np.isnan(target_scores).any() or np.isnan(negative_scores).any():
        raise ValueError("some scores are NaN: the factors are damaged")
    higher = negative_scores > target_scores[:, None]
    equal = negative_scores == target_scores[:, None]
    if negative_is_seen is not None:
        higher &= ~negative_is_seen
        equal &= ~negative_is_seen
    ranks: Ranks = 1.0 + higher.sum(axis=1) + 0.5 * equal.sum(axis=1)
    return ranks


def hit_rate(ranks: Ranks, k: int) -> NDArray[np.float64]:
    """Hit at k of each row: 1 where rank <= k, else 0; float64 (n_rows,)."""
    return (ranks <= k).astype(np.float64)


def ndcg(ranks: Ranks, k: int) -> NDArray[np.float64]:
    """NDCG at k of each row, with one relevant item: 1 / log2(rank + 1) where rank <= k, else 0.

    Returns
    -------
    float64 (n_rows,)
    """
    return np.where(ranks <= k, 1.0 / np.log2(ranks + 1.0), 0.0)


def reciprocal_rank(ranks: Ranks) -> NDArray[np.float64]:
    """1 / rank of each row; float64 (n_rows,)."""
    return 1.0 / ranks
