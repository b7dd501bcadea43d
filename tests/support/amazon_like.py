"""Events that look like the Amazon review files of 2014, for two domains with common people."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd

DAY = 86400
FIRST_DAY = 15000


def make_reviews(
    seed: int, users: range, n_items: int = 25, mean_count: float = 7.0
) -> pd.DataFrame:
    """Reviews of random items: reviewerID, asin, overall, unixReviewTime; no pair twice."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / np.arange(1, n_items + 1) ** 0.7
    popularity /= popularity.sum()
    rows = []
    for user in users:
        count = min(1 + rng.poisson(mean_count - 1), n_items)
        for item in rng.choice(n_items, size=count, replace=False, p=popularity):
            day = FIRST_DAY + int(rng.integers(200))
            stars = float(rng.integers(1, 6))
            rows.append((f"A{user:04d}", f"B{seed}{item:03d}", stars, day * DAY))
    return pd.DataFrame(rows, columns=["reviewerID", "asin", "overall", "unixReviewTime"])


def two_domains() -> dict[str, pd.DataFrame]:
    """Two shops: 80 and 70 people, 50 of them in both."""
    return {"sport": make_reviews(1, range(80)), "cloth": make_reviews(2, range(30, 100))}


def write_reviews(path: Path, reviews: pd.DataFrame) -> Path:
    """Write JSON lines with all keys of the real files, compressed."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for row in reviews.itertuples(index=False):
            record = {
                "reviewerID": row.reviewerID,
                "asin": row.asin,
                "reviewerName": 'J. "Joe" Doe, Ph.D.',
                "helpful": [0, 3],
                "reviewText": "Good.\nVery, very {good} \u00fc",
                "overall": row.overall,
                "summary": "Fine",
                "unixReviewTime": row.unixReviewTime,
                "reviewTime": "02 5, 2011",
            }
            file.write(json.dumps(record) + "\n")
    return path


def pairs_of(reviews: pd.DataFrame) -> set[tuple[str, str]]:
    """The (user, item) pairs."""
    return set(zip(reviews["reviewerID"], reviews["asin"], strict=True))
