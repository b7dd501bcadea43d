"""Membership: how well a reader who knows some histories tells what others have.

The reader learns maps from rows to items on the users whose histories they know (`maps`), and
applies them to held-out users. The strongest map counts: a reader would use it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.audit.intervals import Estimate, ratio_of_sums
from cdimf_spark.audit.maps import MAPS
from cdimf_spark.audit.pairs import MatchedPairs, matched_pairs, pair_auc

Matrix = NDArray[np.float32]
Indexes = NDArray[np.int64]

LIST = 10
FALSE_POSITIVES = 0.001


class Split(NamedTuple):
    """Users whose histories the reader knows, and held-out ones; int64 rows of the histories."""

    known: Indexes
    held_out: Indexes


def attack(
    features: Mapping[str, Matrix], histories: csr_array, split: Split, seed: int
) -> list[dict[str, Any]]:
    """Measure what each kind of rows tells of the held-out users, on the same pairs.

    Parameters
    ----------
    features : name -> float32 (n_users, d)
        What the reader sees of each user.
    histories : (n_users, n_items)
        What each user has; the weights are not used.

    Returns
    -------
    list of dict
        One for each kind: features, method (the map with the highest AUC), auc, precision_at_10,
        tpr_at_0.001_fpr, each of its own strongest map and with `_low` and `_high`, and coverage.
    """
    binary = csr_array(
        (np.ones(histories.nnz, np.float32), histories.indices, histories.indptr), histories.shape
    )
    known, held_out = binary[split.known], binary[split.held_out]
    popularity = np.bincount(known.indices, minlength=binary.shape[1]).astype(np.int64)
    pairs = matched_pairs(held_out, popularity, np.random.default_rng(seed))
    results = []
    for name, rows in features.items():
        scored = {
            method: one(rows[split.known], known, rows[split.held_out])
            for method, one in MAPS.items()
        }
        results.append({"features": name, **_strongest(scored, held_out, popularity, pairs)})
    return results


def _strongest(
    scored: Mapping[str, Matrix],
    held_out: csr_array,
    popularity: NDArray[np.int64],
    pairs: MatchedPairs,
) -> dict[str, Any]:
    """Each measure of the map that does best in it."""
    measures = {
        "auc": [pair_auc(scores, pairs) for scores in scored.values()],
        f"precision_at_{LIST}": [_precision(scores, held_out) for scores in scored.values()],
        f"tpr_at_{FALSE_POSITIVES}_fpr": [
            _true_positives(scores, held_out, popularity > 0) for scores in scored.values()
        ],
    }
    best = {name: max(found, key=_height) for name, found in measures.items()}
    method = list(scored)[measures["auc"].index(best["auc"])]
    return {"method": method, **_flat(best), "coverage": pairs.coverage}


def _height(one: Estimate) -> float:
    return -1.0 if math.isnan(one.mean) else one.mean


def _flat(measures: Mapping[str, Estimate]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, one in measures.items():
        flat |= {name: one.mean, f"{name}_low": one.low, f"{name}_high": one.high}
    return flat


def _precision(scores: Matrix, histories: csr_array) -> Estimate:
    """Share of the items named first that the user has."""
    count = min(LIST, scores.shape[1])
    first = np.argpartition(scores, -count, axis=1)[:, -count:]
    users = np.repeat(np.arange(len(first)), count)
    hits = np.asarray(histories[users, first.ravel()]).ravel() > 0
    return ratio_of_sums(hits.astype(np.float64), users, len(first))


def _true_positives(scores: Matrix, histories: csr_array, covered: NDArray[np.bool_]) -> Estimate:
    """Share of the interactions that are found where one in a thousand others is named by mistake.

    Scores are made comparable item by item: by their mean and deviation over users without it.
    """
    dense = histories.toarray()[:, covered] > 0
    values = np.where(dense, np.nan, scores[:, covered].astype(np.float64))
    mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    calibrated = (scores[:, covered] - mean) / np.where(deviation > 0, deviation, 1.0)
    threshold = np.quantile(calibrated[~dense], 1 - FALSE_POSITIVES)
    users = np.nonzero(dense)[0]
    hits = (calibrated[dense] > threshold).astype(np.float64)
    return ratio_of_sums(hits, users, len(dense))
