"""Activity: how well the length of a row tells how much a user has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr


def activity_told(
    features: Mapping[str, NDArray[np.float32]], counts: NDArray[np.int64]
) -> list[dict[str, float | str]]:
    """Rank correlation (Spearman) of the length of each kind of rows with the number of items."""
    found: list[dict[str, float | str]] = []
    for name, rows in features.items():
        lengths = np.linalg.norm(rows, axis=1)
        constant = lengths.min() == lengths.max() or counts.min() == counts.max()
        value = 0.0 if constant else float(spearmanr(lengths, counts).statistic)
        found.append({"features": name, "spearman": value})
    return found
