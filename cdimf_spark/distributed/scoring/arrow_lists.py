"""Columns of lists as numpy arrays, and back, without a Python object for each element."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class Lists(NamedTuple):
    """Lists one after the other: list i is ``values[offsets[i]:offsets[i + 1]]``.

    `offsets` int64 (n_lists + 1,), `values` of any type.
    """

    offsets: NDArray[np.int64]
    values: NDArray[Any]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of each list, int64 (n_lists,)."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> NDArray[np.int64]:
        """List that each value belongs to, int64 (n_values,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def __getitem__(self, i: Any) -> NDArray[Any]:  # type: ignore[override]
        """List i."""
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def take(self, rows: NDArray[np.int64]) -> Lists:
        """Some of the lists, in the given order."""
        lengths = self.lengths[rows]
        offsets = offsets_of(lengths)
        shift = np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Lists(offsets, self.values[np.arange(offsets[-1]) + shift])

    def where(self, wanted: NDArray[np.bool_]) -> Lists:
        """The same lists with only the wanted values."""
        kept = np.concatenate(([0], np.cumsum(wanted)))[self.offsets]
        return Lists(kept.astype(np.int64), self.values[wanted])


def offsets_of(lengths: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Offsets of lists of the given lengths."""
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def read_lists(column: pa.ChunkedArray) -> Lists:
    """Lists of a column without nulls."""
    lengths = pc.list_value_length(column).to_numpy()
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    values = np.concatenate(parts) if parts else _no_values(column.type.value_type)
    return Lists(offsets_of(lengths), values)


def read_matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Lists of equal length as the rows of a matrix, float32 (n, rank)."""
    lists = read_lists(column)
    n = len(lists.offsets) - 1
    return lists.values.astype(np.float32, copy=False).reshape(n, -1 if n else 0)


def write_lists(lists: Lists, values: pa.Array | None = None) -> pa.ListArray:
    """Lists as a column; `values` replaces the numbers by another array of the same length."""
    flat = pa.array(lists.values) if values is None else values
    return pa.ListArray.from_arrays(pa.array(lists.offsets.astype(np.int32)), flat)


def _no_values(kind: pa.DataType) -> NDArray[Any]:
    return np.empty(0, kind.to_pandas_dtype())
