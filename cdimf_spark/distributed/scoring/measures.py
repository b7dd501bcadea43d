"""Metrics of users, summed by group: the Spark half (`measures_summary` makes means of the sums).

A user's metrics (`kernel.user_metrics`) are computed where all his ranked test rows meet, and leave
as sums in fixed point: exact, so that no cut of the work changes a result. Several models that
ranked the same rows are measured together, which gives the differences user by user.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.scoring.groups import group_codes
from cdimf_spark.distributed.scoring.held_out import RANKED
from cdimf_spark.distributed.workers import GroupFunction, apply_to_groups
from cdimf_spark.kernel.user_metrics import square_halves, to_halves, user_metrics

_KEYS = ("domain", "grouping", "code", "what", "measure")
_SUMS = ("n_users", "n_test", "high", "low", "square_high", "square_low")
_SCHEMA = pa.schema(
    [("domain", pa.string()), *((name, pa.int64()) for name in (*_KEYS[1:], *_SUMS))]
)
_MEASURES = "domain string, " + ", ".join(f"{name} long" for name in (*_KEYS[1:], *_SUMS))


def stack_ranks(ranks: Sequence[DataFrame]) -> DataFrame:
    """Ranks of several models as one frame, with the position of the model in `model`."""
    numbered = (frame.withColumn("model", F.lit(n)) for n, frame in enumerate(ranks))
    return reduce(DataFrame.union, numbered)


def sum_measures(
    ranks: DataFrame, n_models: int, num_blocks: int, ks: Sequence[int], by: Sequence[str]
) -> DataFrame:
    """Sums over the users of each group, of the metrics and of their squares.

    Parameters
    ----------
    ranks
        What `stack_ranks` returned for models that ranked the same test rows.
    num_blocks
        Parts of the users.
    by
        Groupings; the group of all rows is there anyway (grouping 0; the others follow from 1).

    Returns
    -------
    DataFrame
        The columns of `measures_summary.Measured`: for each domain, grouping, group and column of
        `user_metrics` the sums of model `what`; and, for ``what = n_models - 1 + m`` with m from 1,
        those of model 0 less model m.
    """
    facts = ("source", "history", "popularity", "shared")
    rows = ranks.where(f"state = {RANKED}").selectExpr(
        "model", "domain", "user_key", "rank", *facts, f"pmod(user_key, {num_blocks}) AS block"
    )
    step = _make_step(n_models, tuple(ks), tuple(by))
    parts = apply_to_groups(rows.groupBy("domain", "block"), step, _MEASURES)
    return parts.groupBy(*_KEYS).agg(*(F.expr(f"sum({name})").alias(name) for name in _SUMS))


def _make_step(n_models: int, ks: tuple[int, ...], by: tuple[str, ...]) -> GroupFunction:
    def step(rows: pa.Table) -> pa.Table:
        codes = [np.zeros(rows.num_rows, np.int64), *(group_codes(name, rows) for name in by)]
        tables = [_sums_of(rows, n_models, ks, n, code) for n, code in enumerate(codes)]
        return pa.concat_tables(tables)

    return step


def _sums_of(
    rows: pa.Table, n_models: int, ks: tuple[int, ...], grouping: int, codes: NDArray[np.int64]
) -> pa.Table:
    """Sums of one grouping; a user counts in each group in which he has rows, with these rows."""
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
    names = ("what", "code", "measure", *_SUMS)
    found = {name: column.ravel() for name, column in zip(names, columns, strict=True)}
    found["domain"] = pa.array(rows.column("domain").slice(0, 1).to_pylist() * what.size)
    found["grouping"] = np.full(what.size, grouping)
    return pa.table({name: found[name] for name in _SCHEMA.names}, _SCHEMA)
