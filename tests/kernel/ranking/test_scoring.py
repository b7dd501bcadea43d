"""Lists over a whole catalogue equal a plain sort, whatever the parts it is computed in."""

import numpy as np
import pytest

from cdimf_spark.kernel.ranking.scoring import best_items

# More users than a batch has and more items than a tile of them: 256 and 1,024.
USERS, ITEMS = 600, 3000


@pytest.mark.parametrize("n_users", [USERS, 1, 0])
def test_lists_in_batches_and_tiles_equal_a_sort(n_users: int) -> None:
    rng = np.random.default_rng(3)
    # Small whole numbers: products are exact, and ties are everywhere.
    users, items = (rng.integers(-2, 3, (n, 5)).astype(np.float32) for n in (n_users, ITEMS))
    keys = rng.choice(10**6, ITEMS, replace=False) - 500_000
    seen = [rng.choice(ITEMS, rng.integers(0, 40), replace=False) for _ in range(n_users)]
    pointers = np.cumsum([0, *map(len, seen)])
    columns = np.concatenate([np.empty(0, np.int64), *seen])
    found = best_items(users, items, keys, 20, (pointers, columns))
    assert found.items.shape == found.scores.shape == (n_users, 20)
    scores = users.astype(np.float64) @ items.T.astype(np.float64)
    for user in range(0, n_users, 7):
        left = sorted(set(range(ITEMS)) - set(seen[user].tolist()))
        best = np.array(left)[np.lexsort((keys[left], -scores[user, left]))][:20]
        assert found.items[user].tolist() == best.tolist()
        np.testing.assert_array_equal(found.scores[user], scores[user, best])


def test_lists_are_shorter_where_everything_is_left_out() -> None:
    items = np.ones((3, 2), np.float32)
    seen = np.array([0, 2, 5]), np.array([2, 0, 0, 1, 2])
    found = best_items(np.ones((2, 2), np.float32), items, np.arange(3), 2, seen)
    assert found.items.tolist() == [[1, -1], [-1, -1]]
    assert found.scores.tolist() == [[2.0, -np.inf], [-np.inf, -np.inf]]


def test_no_items() -> None:
    none = np.empty((0, 2), np.float32)
    seen = np.zeros(2, np.int64), np.empty(0, np.int64)
    found = best_items(np.ones((1, 2), np.float32), none, np.empty(0, np.int64), 2, seen)
    assert found.items.tolist() == [[-1, -1]]
