"""Ranks of test rows to sums.

Test rows are counted by kind and rank, and the items of all lists by the bits of their bitmaps. A
user's metrics (`kernel.ranking.user_metrics`) are computed where all their ranked test rows meet,
and leave as sums in fixed point: exact, so that no cut of the work changes a result. Several models
that ranked the same rows are measured together, which gives the differences user by user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.evaluation.evaluation_summary import Found
from cdimf_spark.evaluation.groups import group_codes
from cdimf_spark.evaluation.measures_summary import Measured, add_up
from cdimf_spark.evaluation.test_rows import RANKED
from cdimf_spark.kernel.ranking.user_metrics import square_halves, to_halves, user_metrics

# Rows of `Found`, and rows of `Measured` (where `grouping` is not null).
SUMS_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("domain", "source")),
        ("in_train", pa.bool_()),
        ("rank", pa.float64()),
        *((name, pa.int64()) for name in ("state", "n", "n_items", "k", "model")),
        *((name, pa.int64()) for name in Measured._fields[1:]),
    ]
)


def sum_part(rows: pa.Table, n_models: int, ks: Sequence[int], by: Sequence[str]) -> pa.Table:
    """Sums of the rows of one domain and part of the users.

    Parameters
    ----------
    rows
        ``RANKS`` with the position of the model in `model`, of models that ranked the same tests.
    by
        Groupings; the group of all rows is there anyway (grouping 0; the others follow from 1).

    Returns
    -------
    pyarrow.Table
        ``SUMS_SCHEMA``, to be added up by `read_sums`.
    """
    is_test = rows.column("state").is_valid()
    tests = rows.filter(is_test)
    ranked = tests.filter(pc.equal(tests.column("state"), RANKED))
    tables = [_counts(tests, ks[0]), _covered(rows.filter(pc.invert(is_test)))]
    if ranked.num_rows:
        codes = [np.zeros(ranked.num_rows, np.int64), *(group_codes(n, ranked) for n in by)]
        tables += [_sums_of(ranked, n_models, ks, n, code) for n, code in enumerate(codes)]
    merged = pa.concat_tables([SUMS_SCHEMA.empty_table(), *tables], promote_options="default")
    return merged.select(SUMS_SCHEMA.names)


def read_sums(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Found], list[Measured]]:
    """Counts and sums from the rows of all parts.

    Returns
    -------
    list of Found, list of Measured
        Counts with ranks up to ``ks[0]``. For each domain, grouping, group and column of
        `user_metrics` the sums of model `what`, and of their squares; and, for
        ``what = n_models - 1 + m`` with m from 1, those of model 0 less model m.
    """
    found, measured = [], []
    for row in rows:
        values = {name: value for name, value in row.items() if value is not None}
        if "grouping" in values:
            measured.append(Measured(**values))
        else:
            found.append(Found(**values))
    return found, add_up(measured)


def _counts(tests: pa.Table, k: int) -> pa.Table:
    """Test rows by what the metrics need, ranks above k as one; sums of 1 / rank as halves."""
    rank, is_ranked = tests.column("rank"), pc.equal(tests.column("state"), RANKED)
    high, low = to_halves(1 / rank.fill_null(np.inf).to_numpy())
    kinds = {
        "domain": tests.column("domain"),
        "model": tests.column("model").cast(pa.int64()),
        "state": tests.column("state").cast(pa.int64()),
        "source": pc.if_else(is_ranked, tests.column("source"), pa.scalar(None, pa.string())),
        "in_train": tests.column("in_train"),
        "rank": pc.if_else(pc.less_equal(rank, k), rank, pa.scalar(None, pa.float64())),
    }
    sums = {"n": np.ones(tests.num_rows, np.int64), "high": high, "low": low}
    groups = pa.table({**kinds, **sums}).group_by(list(kinds))
    found = groups.aggregate([(name, "sum") for name in sums])
    return found.rename_columns([name.removesuffix("_sum") for name in found.column_names])


def _covered(bitmaps: pa.Table) -> pa.Table:
    """Distinct items of the lists, by model and k."""
    domains = set(bitmaps.column("domain").to_pylist())
    items: dict[tuple[int, ...], NDArray[np.uint8]] = {}
    columns = (bitmaps.column(name).to_pylist() for name in ("model", "k", "bucket", "bitmap"))
    for *key, bitmap in zip(*columns, strict=True):
        bits = np.frombuffer(bitmap, np.uint8)
        known = items.get(tuple(key))
        items[tuple(key)] = bits if known is None else known | bits
    return pa.table(
        {
            "domain": pa.array([*domains] * len(items), pa.string()),
            "model": pa.array([model for model, _, _ in items], pa.int64()),
            "k": pa.array([k for _, k, _ in items], pa.int64()),
            "n_items": pa.array(
                [int(np.bitwise_count(bits).sum()) for bits in items.values()], pa.int64()
            ),
        }
    )


def _sums_of(
    rows: pa.Table, n_models: int, ks: Sequence[int], grouping: int, codes: NDArray[np.int64]
) -> pa.Table:
    """Sums of one grouping; a user counts in each group that they have rows in, with these."""
    model, user, rank = (rows.column(name).to_numpy() for name in ("model", "user_key", "rank"))
    order = np.lexsort((rank, user, codes, model)).reshape(n_models, -1)
    code, key = codes[order], user[order]
    if (code != code[0]).any() or (key != key[0]).any():
        raise ValueError("the models did not rank the same test rows")
    is_new = np.append(True, (np.diff(code[0]) != 0) | (np.diff(key[0]) != 0))
    owner = np.cumsum(is_new) - 1
    values = [user_metrics(owner, rank[mine], ks) for mine in order]
    values += [values[0] - other for other in values[1:]]
    groups, first_row = np.unique(code[0], return_index=True)
    n_test = np.diff(np.append(first_row, len(owner)))
    first_user = owner[first_row]
    n_users = np.diff(np.append(first_user, owner[-1] + 1))
    shape = (len(values), len(groups), values[0].shape[1])
    high, low = to_halves(np.stack(values))
    halves = (high, low, *square_halves(high))
    sums = [np.add.reduceat(half, first_user, axis=1) for half in halves]
    what, group, measure = np.indices(shape)
    columns = [what, groups[group], measure, n_users[group], n_test[group], *sums]
    names = ("what", "code", "measure", *Measured._fields[5:])
    found = {name: column.ravel() for name, column in zip(names, columns, strict=True)}
    found["domain"] = pa.array(rows.column("domain").slice(0, 1).to_pylist() * what.size)
    found["grouping"] = np.full(what.size, grouping)
    return pa.table(found)
