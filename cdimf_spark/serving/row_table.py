"""Rows of factors with their ids: in memory, or files (`row_files`) that are mapped into it.

An id is found by a binary search for its key: nothing is read when a table is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.ranking.scoring import find_sorted
from cdimf_spark.kernel.rows.eigenbasis import gram
from cdimf_spark.serving.row_files import Rows, row_weights

Matrix = NDArray[np.float32]
Int64 = NDArray[np.int64]


class RowTable:
    """A table, read only: arrays in memory, or files that are mapped into it.

    Attributes
    ----------
    keys, factors, ids, id_ends, marks
        See `row_files`; `marks` may be empty.
    """

    def __init__(
        self,
        keys: Int64,
        factors: Matrix,
        ids: NDArray[np.uint8],
        id_ends: Int64,
        marks: Int64,
        gram: NDArray[np.float64],
        sum: NDArray[np.float64],
    ) -> None:
        self.keys, self.factors, self.marks = keys, factors, marks
        self.ids, self.id_ends = ids, id_ends
        self._gram, self._sum = gram, sum

    @classmethod
    def open(cls, folder: Path, name: str, mark: str | None = None) -> Self:
        """Map the files of a table.

        Raises
        ------
        DataError
            If one cannot be read.
        """
        path = folder / name
        marks = np.zeros(0, np.int64) if mark is None else _open(path, mark)
        keys, factors, ids, id_ends, gram, total = (
            _open(path, part) for part in ("keys", "factors", "ids", "id_ends", "gram", "sum")
        )
        return cls(keys, factors, ids, id_ends, marks, gram, total)

    @classmethod
    def of(cls, rows: Rows, marked_weight: float = 1.0) -> Self:
        """A table of rows in memory; `marked_weight` as for `RowWriter`."""
        return cls(
            rows.keys,
            rows.factors,
            rows.ids,
            np.cumsum(rows.id_lengths),
            rows.marks,
            gram(rows.factors, row_weights(rows.marks, marked_weight)),
            rows.factors.sum(axis=0, dtype=np.float64),
        )

    @property
    def rows(self) -> Rows:
        """All rows."""
        marks = self.marks if len(self.marks) else np.zeros(len(self), np.int64)
        lengths = np.diff(self.id_ends, prepend=0)
        return Rows(self.keys, self.factors, self.ids, lengths, marks)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.keys)

    @property
    def gram(self) -> NDArray[np.float64]:
        """Gram matrix of the rows."""
        return np.array(self._gram)

    @property
    def sum(self) -> NDArray[np.float64]:
        """Sum of the rows."""
        return np.array(self._sum)

    def find(self, ids: Sequence[str]) -> tuple[Int64, NDArray[np.bool_]]:
        """Positions int64 (n,) of some ids, 0 where unknown, and which are known, bool (n,)."""
        positions, found = find_sorted(self.keys, id_keys(ids))
        for i in np.flatnonzero(found).tolist():
            found[i] = self.id_of(int(positions[i])) == ids[i]
        return positions, found

    def row_of(self, one: str) -> Matrix | None:
        """Factors float32 (rank,) of an id, or None if it is not there."""
        (position,), (known,) = self.find([one])
        return np.array(self.factors[position]) if known else None

    def id_of(self, position: int) -> str:
        """Id of a row."""
        start = self.id_ends[position - 1] if position else 0
        return self.ids[start : self.id_ends[position]].tobytes().decode("utf-8")

    @property
    def id_texts(self) -> pa.Array:
        """Ids of all rows."""
        offsets = np.concatenate(([0], self.id_ends)).astype(np.int64)
        buffers = pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(self.ids))
        return pa.LargeStringArray.from_buffers(len(self), *buffers)


def _open(path: Path, part: str) -> NDArray[Any]:
    file = f"{path}.{part}.npy"
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the export is damaged: cannot read {file!r} ({error}). Export the model again"
        ) from error
    # Plain arrays: a memmap's own slicing is slow Python.
    return array.view(np.ndarray)
