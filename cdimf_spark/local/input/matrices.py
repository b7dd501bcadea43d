"""Interactions as a scipy matrix with the ids of its rows and columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array, issparse

from cdimf_spark.errors import DataError
from cdimf_spark.local.input.id_columns import to_column
from cdimf_spark.schemas import ITEM_ID, USER_ID, WEIGHT


def matrix_columns(data: tuple[Any, ...], domain: str) -> tuple[list[str], list[pa.ChunkedArray]]:
    """A matrix as columns user_id, item_id and weight, a row for each stored cell.

    Parameters
    ----------
    data
        ``(user_ids, item_ids, matrix)``, the matrix (n_users, n_items) of any sparse format.

    Raises
    ------
    DataError
        If it is not such a tuple, the numbers do not fit, or an id occurs twice.
    """
    if len(data) != 3 or not issparse(data[2]):
        raise DataError(
            f"domain {domain!r}: a tuple must be (user_ids, item_ids, matrix) with a sparse matrix "
            "of scipy"
        )
    cells = coo_array(data[2])
    columns = []
    for axis, (name, ids) in enumerate(zip((USER_ID, ITEM_ID), data[:2], strict=True)):
        values = to_column(ids, name, _source(domain)).combine_chunks()
        if len(values) != cells.shape[axis]:
            raise DataError(
                f"domain {domain!r}: {len(values)} ids in {name}s, but the matrix has "
                f"{cells.shape[axis]} {('rows', 'columns')[axis]}"
            )
        _refuse_repeated(values, name, domain)
        columns.append(pa.chunked_array([values.take(pa.array(cells.coords[axis]))]))
    weights = np.asarray(cells.data)
    weights = weights.astype(np.float64) if weights.dtype == np.bool_ else weights
    return [USER_ID, ITEM_ID, WEIGHT], [*columns, pa.chunked_array([pa.array(weights)])]


def _source(domain: str) -> str:
    return f"the matrix of {domain}"


def _refuse_repeated(values: pa.Array, name: str, domain: str) -> None:
    counts = pc.value_counts(values)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        one = repeated[0]["values"].as_py()
        raise DataError(f"domain {domain!r}: {one!r} occurs twice among the {name}s of the matrix")
