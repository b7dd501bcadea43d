"""Interactions of a domain from pandas, Arrow or scipy, checked as strictly as those of Spark."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.configuration.columns import choose_columns
from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import BadRowsError, EmptyInputError
from cdimf_spark.local.input.id_columns import IdColumn, read_ids, to_column
from cdimf_spark.local.input.matrices import matrix_columns
from cdimf_spark.local.input.weight_column import WeightColumn, read_weights
from cdimf_spark.schemas import ITEM_ID, USER_ID

logger = logging.getLogger(__name__)

# A pandas DataFrame, an Arrow table (or what offers one), or (user_ids, item_ids, matrix).
Data = Any
_WIDTH = 200  # characters of a bad row that are shown


class Pairs(NamedTuple):
    """Usable rows: those of a weight above 0.

    Attributes
    ----------
    users, items : pyarrow.LargeStringArray
        Ids; some may have no row.
    user_codes, item_codes : int64 (n,)
        The ids of the rows.
    weights : float64 (n,)
    """

    users: pa.Array
    items: pa.Array
    user_codes: NDArray[np.int64]
    item_codes: NDArray[np.int64]
    weights: NDArray[np.float64]


def read_pairs(
    data: Data,
    domain: str,
    source: str = "the DataFrame",
    columns: Sequence[str] | None = None,
    with_weight: bool = True,
) -> Pairs:
    """Read and check the rows of a domain.

    Parameters
    ----------
    data
        A frame or table with columns of user, item and (if wanted) weight, or a tuple (user_ids,
        item_ids, matrix) with a scipy matrix of the weights.
    source
        What messages call the data.
    columns
        Columns of user, item and weight; None: see `choose_columns`.
    with_weight
        False: every row weighs 1.

    Raises
    ------
    ColumnsError
        Columns are missing, ambiguous, or of a type that cannot be used.
    BadRowsError
        Rows that are not interactions; the message shows the first one.
    EmptyInputError
        No row has a weight above 0.
    """
    if isinstance(data, tuple):
        names, found = matrix_columns(data, domain)
        positions: tuple[int | None, ...] = (0, 1, 2)
    else:
        table = _as_table(data, domain)
        names = [str(name) for name in (table.columns if _is_pandas(table) else table.column_names)]
        positions = choose_columns(names, columns, source, with_weight=with_weight)
        found = [
            _column(table, position, names[position], source)
            for position in positions
            if position is not None
        ]
    users = read_ids(names[positions[0] or 0], found[0], USER_ID, source)
    items = read_ids(names[positions[1] or 0], found[1], ITEM_ID, source)
    weights = WeightColumn(np.ones(len(users.codes)), None)
    if positions[2] is not None and with_weight:
        weights = read_weights(names[positions[2]], found[2], source)
    used = [names[position] for position in positions if position is not None]
    _refuse_bad_rows(users, items, weights, domain, source, dict(zip(used, found, strict=True)))
    return _usable(users, items, weights, domain, source)


def _is_pandas(data: object) -> bool:
    return isinstance(data, pd.DataFrame)


def _as_table(data: Data, domain: str) -> Any:
    if _is_pandas(data) or isinstance(data, pa.Table):
        return data
    try:
        return pa.table(data)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"domain {domain!r}: a pandas DataFrame, an Arrow table or (user_ids, item_ids, "
            f"matrix) is wanted, not {type(data).__name__}"
        ) from error


def _column(table: Any, position: int, name: str, source: str) -> pa.ChunkedArray:
    values = table.iloc[:, position] if _is_pandas(table) else table.column(position)
    return to_column(values, name, source)


def _refuse_bad_rows(
    users: IdColumn,
    items: IdColumn,
    weights: WeightColumn,
    domain: str,
    source: str,
    columns: dict[str, pa.ChunkedArray],
) -> None:
    bad = np.flatnonzero(users.is_bad | items.is_bad | weights.is_bad)
    if not len(bad):
        return
    row = int(bad[0])
    reasons = (
        users.inexact_reason(row),
        items.inexact_reason(row),
        users.empty_reason(row),
        items.empty_reason(row),
        weights.reason(row),
    )
    cells = {name: column[row].as_py() for name, column in columns.items()}
    raise BadRowsError(
        domain=domain,
        source=source,
        line=None,
        row=json.dumps(cells, default=str, ensure_ascii=False)[:_WIDTH],
        problem=next(reason for reason in reasons if reason),
        n_bad=len(bad),
        n_rows=len(users.codes),
        hint=f"The first one is row {row}, counted from 0",
    )


def _usable(
    users: IdColumn, items: IdColumn, weights: WeightColumn, domain: str, source: str
) -> Pairs:
    kept = weights.values > 0
    n_zero = len(kept) - int(np.count_nonzero(kept))
    if n_zero == len(kept):
        raise EmptyInputError(source, domain)
    if n_zero:
        logger.info("domain %s: %d rows of weight 0 left out", domain, n_zero)
    return Pairs(users.ids, items.ids, users.codes[kept], items.codes[kept], weights.values[kept])
