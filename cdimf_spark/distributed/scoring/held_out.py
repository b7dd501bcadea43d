"""Test items of the users of a block: their numbers and scores, and which cannot be ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.distributed.scoring.arrow_lists import Lists, offsets_of, read_matrix, write_lists
from cdimf_spark.kernel.scoring import find_sorted, pair_scores
from cdimf_spark.schemas import DOMAIN, FACTORS

Indexes = NDArray[np.int64]

# What the tests of a user are: to be ranked, or why they are not.
RANKED, UNKNOWN_USER, UNKNOWN_ITEM, FEW_ITEMS = range(4)


@dataclass(frozen=True)
class TestSettings:
    """What the tasks need to prepare the tests.

    Attributes
    ----------
    slice_starts
        See `Catalogue.slice_starts`, by domain.
    negatives
        Negatives to draw for each test; None: all items.
    """

    slice_starts: Mapping[str, Indexes]
    negatives: int | None

    __test__ = False  # not a test class

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Arithmetic of the scores: whole blocks need float64 to be the same in all of them."""
        return np.float64 if self.negatives is None else np.float32


def held_out_columns(
    rows: pa.Table,
    keys: Indexes,
    priority: Indexes,
    factors: NDArray[np.float32],
    seen: Lists,
    settings: TestSettings | None,
) -> dict[str, pa.Array]:
    """Columns of the tests; `rows` is sorted by user and item."""
    user, _ = find_sorted(keys, rows.column("user_key").to_numpy())
    if settings is None or not len(user):
        return _test_columns(np.zeros(len(keys) + 1, np.int64), *(np.empty(0, int),) * 4)
    item_keys = rows.column("item_key").to_numpy()
    starts = settings.slice_starts[rows.column(DOMAIN)[0].as_py()]
    slices = rows.column("item_slice").to_numpy()
    known = slices >= 0
    items = np.where(known, starts[slices] + rows.column("item_position").to_numpy(), -1)
    states = np.where(known, RANKED, UNKNOWN_ITEM)
    states[priority[user] < 0] = UNKNOWN_USER
    if settings.negatives is not None:
        _mark_few(states, items, user, int(starts[-1]) - settings.negatives)
    ranked = states == RANKED
    scores = np.full(len(user), -np.inf, np.float32)
    if ranked.any():
        targets = read_matrix(rows.column(FACTORS).filter(pa.array(ranked)))
        scores[ranked] = pair_scores(factors[user[ranked]], targets, settings.dtype)
    scores[_is_seen(seen, user, item_keys)] = -np.inf
    offsets = offsets_of(np.bincount(user, minlength=len(keys)))
    return _test_columns(offsets, item_keys, items, scores, states)


def _test_columns(
    offsets: Indexes,
    keys: Indexes,
    items: Indexes,
    scores: NDArray[np.floating[Any]],
    states: Indexes,
) -> dict[str, pa.Array]:
    columns: dict[str, NDArray[Any]] = {
        "test_keys": keys.astype(np.int64),
        "test_items": items.astype(np.int64),
        "test_scores": scores.astype(np.float32),
        "test_states": states.astype(np.int32),
    }
    return {name: write_lists(Lists(offsets, array)) for name, array in columns.items()}


def _mark_few(states: Indexes, items: Indexes, user: Indexes, most: int) -> None:
    """Mark the tests of users who have more than `most` distinct test items in the catalogue."""
    known = items >= 0
    n = int(items.max()) + 1
    own = np.bincount(np.unique(user[known] * n + items[known]) // max(n, 1))
    own = np.pad(own, (0, int(user.max()) + 1 - len(own)))
    states[(own[user] > most) & (states == RANKED)] = FEW_ITEMS


def _is_seen(seen: Lists, user: Indexes, item_keys: Indexes) -> NDArray[np.bool_]:
    """Which pairs are among the seen ones, bool (n_pairs,)."""
    values, code = np.unique(seen.values, return_inverse=True)
    column, found = find_sorted(values, item_keys)
    n = len(values)
    pairs_seen: NDArray[np.bool_] = np.isin(user * n + column, seen.owners * n + code)
    return found & pairs_seen
