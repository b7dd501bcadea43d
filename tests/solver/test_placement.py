"""Keys in blocks: by hash, and the heavy ones so that the blocks are even."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.solver.placement import Placement, balance

KEYS = st.one_of(st.integers(-8, 8), st.integers(-(2**63), 2**63 - 1))


@given(keys=st.lists(KEYS), num_blocks=st.integers(1, 9), data=st.data())
def test_blocks_are_never_negative_and_heavy_keys_are_where_they_were_put(
    keys: list[int], num_blocks: int, data: st.DataObject
) -> None:
    heavy = data.draw(st.dictionaries(KEYS, st.integers(0, num_blocks - 1)))
    found = Placement(num_blocks, heavy).block_of(np.array(keys, np.int64))
    assert found.tolist() == [heavy.get(key, key % num_blocks) for key in keys]


def test_heavy_keys_go_where_the_load_is_least() -> None:
    counts = {7: 5.0, 8: 9.0, 9: 5.0, 10: 1.0}
    # 8 to block 1 (load 10), then 7 to block 0 (7) and 9 to block 2 (8), 10 to block 0.
    assert balance(counts, [2.0, 1.0, 3.0]) == {8: 1, 7: 0, 9: 2, 10: 0}


def test_power_law_blocks_are_even() -> None:
    rng = np.random.default_rng(0)
    counts = 1e6 * (np.arange(50_000) + 10.0) ** -0.8
    keys = rng.integers(-(2**63), 2**63 - 1, len(counts))
    by_hash = Placement(20).block_of(keys)
    heavy = counts > 0.01 * counts.sum() / 20
    loads = np.bincount(by_hash[~heavy], counts[~heavy], 20)
    placed = balance(
        dict(zip(keys[heavy].tolist(), counts[heavy].tolist(), strict=True)), loads.tolist()
    )

    def unevenness(blocks: np.ndarray) -> float:
        totals = np.bincount(blocks, counts, 20)
        return float(totals.max() / totals.mean())

    assert unevenness(by_hash) > 1.1
    assert unevenness(Placement(20, placed).block_of(keys)) < 1.02
