"""Ranking metrics of held-out items: the protocol of `distributed.evaluation`, on one machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.evaluation.draws import choose_draws
from cdimf_spark.evaluation.protocol import Negatives, Protocol
from cdimf_spark.evaluation.rank_sums import read_sums, sum_part
from cdimf_spark.evaluation.ranks import finish_ranks, rank_in_group
from cdimf_spark.evaluation.result import evaluation_result
from cdimf_spark.evaluation.test_rows import ITEM_KEY, USER_KEY, complete_rows
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.local.input.catalogue import catalogue_order
from cdimf_spark.local.input.pairs import Data, Pairs, read_pairs
from cdimf_spark.local.scoring_data import ScoringData, items_of

Indexes = NDArray[np.int64]
# Keys of the user and the item of each test row, int64 (n_tests, 2).
Tests = Mapping[str, Indexes]


def evaluate(data: ScoringData, tests: Mapping[str, Data], protocol: Protocol) -> dict[str, Any]:
    """Metrics and measures of all domains of `tests`, see `evaluation_result`."""
    data.check_domains(tests)
    keyed = {
        name: _keys(read_pairs(table, name, f"the test set of {name}", with_weight=False))
        for name, table in tests.items()
    }
    n_tests = {name: len(keys) for name, keys in keyed.items()}
    protocol.check(data, n_tests)
    draws = choose_draws(data, n_tests, protocol.negatives, partial(_most_test_items, keyed))
    rows: list[dict[str, Any]] = []
    for name in sorted(keyed):
        ranks = _rank(data, name, keyed[name], protocol, draws[name])
        model = pa.array(np.zeros(ranks.num_rows, np.int64))
        sums = sum_part(ranks.append_column("model", model), 1, protocol.ks, protocol.by)
        rows.extend(sums.to_pylist())
    return evaluation_result(*read_sums(rows), data, draws, protocol)


def _keys(pairs: Pairs) -> Indexes:
    columns = [
        id_keys(["" if one is None else one for one in ids.to_pylist()])[codes]
        for ids, codes in ((pairs.users, pairs.user_codes), (pairs.items, pairs.item_codes))
    ]
    return np.column_stack(columns)


def _most_test_items(tests: Tests, domains: Sequence[str]) -> dict[str, int]:
    """Distinct test items of the user who has most, by domain."""
    distinct = {name: np.unique(tests[name], axis=0) for name in domains}
    return {
        name: int(np.unique(keys[:, USER_KEY], return_counts=True)[1].max())
        for name, keys in distinct.items()
    }


def _rank(
    data: ScoringData, domain: str, tests: Indexes, protocol: Protocol, negatives: Negatives
) -> pa.Table:
    """Ranks (``RANKS``) of the test rows of a domain."""
    table = data.serving.domain(domain).items
    order = catalogue_order(table.keys, data.training.items)
    group = items_of(data.serving.domain(domain), order)
    tests = tests[np.lexsort((tests[:, ITEM_KEY], tests[:, USER_KEY]))]
    position, found = find_sorted(table.keys, tests[:, ITEM_KEY])
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    located = np.column_stack(
        [tests, np.where(found, number[position], -1), np.where(found, table.marks[position], 0)]
    )
    keys, user = np.unique(tests[:, USER_KEY], return_inverse=True)
    users = data.find_users(domain, keys, with_seen=True)
    seen = _by_number(users.seen, table.keys, number)
    arrays: dict[str, NDArray[Any]] = {
        "tests": complete_rows(located, user, users),
        "targets": np.zeros((0, data.serving.rank), np.float32),
        "test_counts": np.bincount(user, minlength=len(keys)),
        "factors": users.factors,
        "sources": users.sources,
        "is_shared": users.is_shared,
        "seen_counts": users.seen.lengths,
        "seen": seen,
    }
    n_items, ks = len(order), protocol.ks
    partial_ranks = rank_in_group(group, arrays, 0, n_items, max(ks), negatives, protocol.seed)
    return finish_ranks(domain, [partial_ranks], ks, n_items)


def _by_number(seen: Lists, keys: Indexes, number: Indexes) -> Indexes:
    """Keys of the seen items, those of each user in the order of the catalogue."""
    position, _ = find_sorted(keys, seen.values)
    return seen.values[np.lexsort((number[position], seen.owners))]
