"""Ranks of test rows among the items of a catalogue, or of parts of it that are put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.arrow_schemas import arrow_schema
from cdimf_spark.evaluation import test_rows as held_out
from cdimf_spark.evaluation.protocol import Negatives
from cdimf_spark.kernel.compilation import plain_array
from cdimf_spark.kernel.ranking.held_out import Rows, Targets, rank_among_all
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.sampling import rank_among_drawn
from cdimf_spark.kernel.ranking.top_k import merge_columns
from cdimf_spark.schemas import RANKS
from cdimf_spark.scoring.item_group import ItemGroup
from cdimf_spark.scoring.sources import SOURCES

Indexes = NDArray[np.int64]
Matrix = NDArray[np.float32]
# By kind: `tests` (columns of `test_rows`), and `targets`, the factors of their items (empty if the
# group has all items); of the users `test_counts`, `factors`, `sources`, `seen_counts`, `seen`
# (keys of items) and `is_shared`.
Arrays = Mapping[str, NDArray[Any]]

RANKS_SCHEMA = arrow_schema(RANKS)
# Bits of what Spark's bitmap functions take as one bitmap.
_BUCKET = 1 << 15
# 2^64 divided by the golden ratio: makes one key of two, in which their order counts.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def rank_in_group(
    group: ItemGroup,
    arrays: Arrays,
    first: int,
    n_items: int,
    k: int,
    negatives: Negatives,
    seed: int,
) -> dict[str, NDArray[Any]]:
    """Counts and lists of tests against a group of items.

    Parameters
    ----------
    group
        Rows `first` and following of a catalogue of `n_items`.
    negatives
        There are as many beside the test items of each user.

    Returns
    -------
    dict
        Arrays for `finish_ranks`.
    """
    rows, tests, ranked = _prepare(group, arrays, group.factors.shape[1], first)
    if negatives == "all":
        found = rank_among_all(rows, tests, group.factors, group.keys, first, k)
    else:
        found = rank_among_drawn(
            rows, tests, group.factors, group.keys, first, n_items, negatives, seed, k
        )
    there = found.top >= 0
    facts = {kind: arrays[kind] for kind in _FACTS}
    return facts | {
        "higher": _spread(found.higher, ranked, 0),
        "equal": _spread(found.equal, ranked, 0),
        "top_keys": _spread(np.append(group.keys, 0)[found.top], ranked, 0),
        "top_numbers": _spread(np.where(there, found.top + first, -1), ranked, -1),
        "top_scores": _spread(found.scores, ranked, -np.inf),
    }


# What is known of the tests before they are ranked.
_FACTS = ("tests", "test_counts", "sources", "seen_counts", "is_shared")


def _spread(values: NDArray[Any], ranked: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    """Values of the ranked tests as those of all tests."""
    spread = np.full((len(ranked), *values.shape[1:]), fill, values.dtype)
    spread[ranked] = values
    return spread


def _prepare(
    group: ItemGroup, arrays: Arrays, rank: int, first: int
) -> tuple[Rows, Targets, NDArray[np.bool_]]:
    """Users, the tests to rank, and which of the tests these are."""
    tests = arrays["tests"].reshape(-1, held_out.TEST_COLUMNS)
    own = Lists.of(arrays["test_counts"], tests[:, held_out.NUMBER])
    seen = group.find(Lists.of(arrays["seen_counts"], arrays["seen"]))
    parts = (own.offsets, own.values, seen.offsets, seen.values)
    rows = Rows(
        plain_array(arrays["factors"].reshape(-1, rank), np.float32),
        *(plain_array(part, np.int64) for part in parts),
    )
    ranked = tests[:, held_out.STATE] == held_out.RANKED
    chosen, targets = tests[ranked], arrays["targets"].reshape(-1, rank)
    number = np.ascontiguousarray(chosen[:, held_out.NUMBER])
    targets = targets[ranked] if len(targets) else group.factors[number - first]
    user, item = (
        np.ascontiguousarray(chosen[:, column]).view(np.uint64)
        for column in (held_out.USER_KEY, held_out.ITEM_KEY)
    )
    prepared = Targets(
        user=own.owners[ranked],
        items=number,
        draw_keys=user * _GOLDEN + item,
        in_train=chosen[:, held_out.IN_TRAIN].astype(np.bool_),
        targets=plain_array(targets, np.float32),
    )
    return rows, prepared, ranked


def finish_ranks(
    domain: str, partials: Sequence[Arrays], ks: Sequence[int], n_items: int
) -> pa.Table:
    """Ranks (``RANKS``) of some users' tests from what all item groups say about them.

    Parameters
    ----------
    partials
        What `rank_in_group` returned for each group, in their order.
    ks
        Lengths of the lists; the groups were ranked for the largest.
    """
    k = max(ks)
    if not partials:
        return RANKS_SCHEMA.empty_table()
    higher, equal = (
        np.sum([part[kind] for part in partials], axis=0) for kind in ("higher", "equal")
    )
    ranks = _test_rows(domain, partials[0], 1 + higher + equal / 2)
    keys, numbers, scores = (
        np.concatenate([part[f"top_{kind}"].reshape(-1, k) for part in partials], axis=1)
        for kind in ("keys", "numbers", "scores")
    )
    columns = merge_columns(keys, scores, k)
    best = np.take_along_axis(numbers, columns, axis=1)
    bitmaps = [_bitmaps(domain, n, best[:, :n], n_items) for n in ks]
    return pa.concat_tables([ranks, *bitmaps])


def _test_rows(domain: str, facts: Arrays, ranks: NDArray[np.float64]) -> pa.Table:
    tests = facts["tests"].reshape(-1, held_out.TEST_COLUMNS)
    user = np.repeat(np.arange(len(facts["test_counts"])), facts["test_counts"])
    states, n = tests[:, held_out.STATE], len(tests)
    columns = {
        "domain": pa.array([domain] * n, pa.string()),
        "user_key": tests[:, held_out.USER_KEY],
        "source": pa.array(np.array(SOURCES, object)[facts["sources"][user]], pa.string()),
        "state": states.astype(np.int32),
        "in_train": tests[:, held_out.IN_TRAIN].astype(np.bool_),
        "rank": pa.array(ranks, mask=states != held_out.RANKED),
        "history": facts["seen_counts"][user],
        "popularity": tests[:, held_out.POPULARITY],
        "shared": facts["is_shared"][user].astype(np.bool_),
        "k": pa.nulls(n, pa.int32()),
        "bucket": pa.nulls(n, pa.int32()),
        "bitmap": pa.nulls(n, pa.binary()),
    }
    return pa.table(columns, RANKS_SCHEMA)


def _bitmaps(domain: str, k: int, lists: Indexes, n_items: int) -> pa.Table:
    """Rows that say which items are in some list; -1 in a list is no item."""
    covered = np.zeros(-(-n_items // _BUCKET) * _BUCKET, np.bool_)
    covered[lists[lists >= 0]] = True
    bits = np.packbits(covered.reshape(-1, _BUCKET), axis=1)
    used = np.flatnonzero(bits.any(axis=1))
    columns = {
        "domain": pa.array([domain] * len(used), pa.string()),
        "k": np.full(len(used), k, np.int32),
        "bucket": used.astype(np.int32),
        "bitmap": pa.array([bits[bucket].tobytes() for bucket in used], pa.binary()),
    }
    nulls = {f.name: pa.nulls(len(used), f.type) for f in RANKS_SCHEMA if f.name not in columns}
    return pa.table({**nulls, **columns}).select(RANKS_SCHEMA.names).cast(RANKS_SCHEMA)
