"""Ids that somebody asks about, as texts with their keys."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.local.input.id_columns import texts_of
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.scoring.requests import check_list, report_unknown_items
from cdimf_spark.serving.row_table import RowTable

# Several ids, or a pandas DataFrame or Arrow table with their column.
Ids = Any
Indexes = NDArray[np.int64]


class Requested(NamedTuple):
    """Ids that are asked about.

    Attributes
    ----------
    keys : int64 (n,)
        Ascending.
    ids : list of str
    in_order : int64 (n,)
        Their positions in the order in which they were asked for.
    """

    keys: Indexes
    ids: list[str]
    in_order: Indexes


def read_ids(ids: Ids, column: str, noun: str) -> Requested:
    """Distinct ids.

    Raises
    ------
    ConfigurationError
        If it is one text: its letters are not meant.
    DataError
        If there are none, or the frame has no such column.
    """
    check_list(ids, column, noun)
    texts = distinct_texts(ids, column, noun)
    if not texts:
        raise DataError(f"the list of {noun} is empty")
    keys = id_keys(texts)
    order = np.argsort(keys)
    return Requested(keys[order], [texts[i] for i in order.tolist()], np.argsort(order))


def distinct_texts(ids: Ids, column: str, noun: str) -> list[str]:
    """Ids as texts, each once, in their order; those that are null are left out."""
    if not isinstance(ids, pd.DataFrame | pa.Table):
        return list(dict.fromkeys(str(one) for one in ids))
    (values,) = frame_columns(ids, noun, column)
    found = texts_of(values, column, f"the list of {noun}").to_pylist()
    return list(dict.fromkeys(one for one in found if one is not None))


def frame_columns(frame: Any, noun: str, *names: str) -> list[Any]:
    """Columns of a frame.

    Raises
    ------
    DataError
        If one is not there.
    """
    present = [
        str(n) for n in (frame.columns if isinstance(frame, pd.DataFrame) else frame.column_names)
    ]
    for name in names:
        if name not in present:
            listed = ", ".join(present) or "none"
            raise DataError(f"{noun}: no column {name!r}; present: {listed}")
    return [frame[name] for name in names]


def denied_pairs(pairs: Any) -> tuple[Indexes, Indexes]:
    """Keys of the users and of the items of denied pairs; those with a null say nothing."""
    if pairs is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    columns = frame_columns(pairs, "denied pairs", USER_ID, ITEM_ID)
    users, items = (
        texts_of(column, name, "denied pairs").to_pylist()
        for column, name in zip(columns, (USER_ID, ITEM_ID), strict=True)
    )
    kept = [(u, i) for u, i in zip(users, items, strict=True) if u is not None and i is not None]
    return id_keys([u for u, _ in kept]), id_keys([i for _, i in kept])


def find_items(table: RowTable, asked: Requested, name: str, domain: str) -> Indexes:
    """Positions of the items of a list that a domain has, as asked; the log counts the others.

    Raises
    ------
    DataError
        If it has none of them.
    """
    positions, found = find_sorted(table.keys, asked.keys)
    unknown = [asked.ids[i] for i in np.flatnonzero(~found).tolist()]
    report_unknown_items(name, domain, len(asked.ids), len(unknown), min(unknown, default=None))
    return positions[asked.in_order][found[asked.in_order]]
