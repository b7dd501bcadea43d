"""Published factors, a column of lists, as numpy arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.kernel.ranking.lists import Lists, offsets_of


def read_lists(column: pa.ChunkedArray) -> Lists:
    """Lists of a column without nulls."""
    lengths = pc.list_value_length(column).to_numpy()
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    empty = np.empty(0, column.type.value_type.to_pandas_dtype())
    return Lists(offsets_of(lengths), np.concatenate([empty, *parts]))


def read_matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Lists of equal length as the rows of a matrix, float32 (n, rank)."""
    lists = read_lists(column)
    n = len(lists.offsets) - 1
    return lists.values.astype(np.float32, copy=False).reshape(n, -1 if n else 0)
