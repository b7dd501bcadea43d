"""Test rows: what is known of each before it is ranked, as columns of an int64 matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.scoring.sources import POPULAR
from cdimf_spark.scoring.users import Users

Indexes = NDArray[np.int64]

# What a test row is: to be ranked, or why it is not.
RANKED, UNKNOWN_USER, UNKNOWN_ITEM = range(3)

# Columns of the kind `tests`: keys, number of the item in the catalogue (-1: it is not there), its
# interactions in train; and, once the user is known, the state and whether they have it in train.
USER_KEY, ITEM_KEY, NUMBER, POPULARITY, STATE, IN_TRAIN = range(6)
TEST_COLUMNS = 6


def complete_rows(located: Indexes, user: Indexes, users: Users) -> Indexes:
    """Rows of all columns from those up to `POPULARITY`, once their users are known.

    Parameters
    ----------
    located : int64 (n_tests, 4)
    user : int64 (n_tests,)
        Which of the users each row is of.
    """
    states = _states(located[:, NUMBER], users.sources[user])
    in_train = _is_seen(users.seen, user, located[:, ITEM_KEY])
    return np.column_stack([located, states, in_train])


def _states(number: Indexes, sources: Indexes) -> Indexes:
    """What each test row is, from the number of its item and the source of its user's row."""
    states = np.where(number >= 0, RANKED, UNKNOWN_ITEM)
    states[sources == POPULAR] = UNKNOWN_USER
    return states


def _is_seen(seen: Lists, user: Indexes, item_keys: Indexes) -> NDArray[np.bool_]:
    """Which pairs are among the seen ones, bool (n_pairs,)."""
    values, code = np.unique(seen.values, return_inverse=True)
    column, found = find_sorted(values, item_keys)
    n = len(values)
    pairs_seen: NDArray[np.bool_] = np.isin(user * n + column, seen.owners * n + code)
    return found & pairs_seen
