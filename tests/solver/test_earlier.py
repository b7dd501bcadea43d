"""What a training takes from an earlier model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.solver.earlier import EarlierRows, KeyedRows, StartOf
from cdimf_spark.solver.local import train_local
from tests.support.helpers import random_domains, to_local
from tests.support.small_trainings import MODEL, train

USERS = [f"u{n}" for n in range(8)]
NAMES = st.sampled_from(["a", "b", "c"])


def keyed(rows: Mapping[str, np.ndarray]) -> KeyedRows:
    if not rows:
        return KeyedRows(np.empty(0, np.int64), np.empty((0, 2), np.float32))
    keys = id_keys(list(rows))
    order = np.argsort(keys)
    return KeyedRows(keys[order], np.array(list(rows.values()), np.float32)[order])


@given(
    members=st.fixed_dictionaries({n: st.sets(st.sampled_from(USERS)) for n in "abc"}),
    coupled=st.frozensets(NAMES),
    domain=st.sampled_from(["a", "b", "new"]),
    now_coupled=st.booleans(),
    shared=st.sets(st.sampled_from(USERS)),
)
def test_each_user_starts_where_the_rules_say(
    members: dict[str, set[str]],
    coupled: frozenset[str],
    domain: str,
    now_coupled: bool,
    shared: set[str],
) -> None:
    tables = {
        name: {user: np.array([ord(name), int(user[1:])], np.float32) for user in users}
        for name, users in members.items()
    }
    earlier = EarlierRows({name: keyed(table) for name, table in tables.items()}, coupled)
    keys = id_keys(USERS)
    start = np.arange(16, dtype=np.float32).reshape(8, 2)
    rows = start.copy()
    known = earlier.put(rows, keys, np.isin(USERS, list(shared)), StartOf(domain, now_coupled))
    for n, user in enumerate(USERS):
        if user in shared:
            sources = [name for name in "abc" if name in coupled and user in members[name]]
        else:
            is_there = user in members.get(domain, ())
            sources = [domain] if is_there and (domain in coupled or not now_coupled) else []
        expected = tables[sources[0]][user] if sources else start[n]
        np.testing.assert_array_equal(rows[n], expected)
        known -= bool(sources)
    assert known == 0


def test_a_separate_domain_goes_on_where_the_earlier_training_ended(
    rng: np.random.Generator,
) -> None:
    """Without a consensus nothing but the users' rows is carried on: 2 + 2 iterations are 4."""
    domains = random_domains(rng, names=("a",), weighted=True)
    half = replace(MODEL, max_iter=2)
    data = to_local(domains)
    first = train_local(data, half)
    earlier = EarlierRows.of({"a": data["a"].user_ids}, first.user_factors, {"a"})
    second = train_local(data, half, earlier)
    at_once = train(domains, replace(MODEL, max_iter=4))
    np.testing.assert_array_equal(second.user_factors["a"], at_once.user_factors["a"])
    np.testing.assert_array_equal(second.item_factors["a"], at_once.item_factors["a"])
