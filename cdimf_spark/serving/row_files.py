"""Rows of factors with their ids as plain ``.npy`` files that can be mapped into memory.

A table NAME is a group of files, a row of each belonging to one id, ordered by ascending key::

    NAME.keys.npy       int64 (n,)         64-bit xxhash of the id
    NAME.factors.npy    float32 (n, rank)
    NAME.ids.npy        uint8 (n_bytes,)   the ids as UTF-8, one after another
    NAME.id_ends.npy    int64 (n,)         where each id ends in NAME.ids
    NAME.MARK.npy       int64 (n,)         if the table has it: `interactions` of an item (its
                                           popularity), `shared` (1 or 0) of a user
    NAME.gram.npy       float64 (rank, rank)   sum of v f f' over all rows
    NAME.sum.npy        float64 (rank,)        sum of f over all rows

An id is found by a binary search for its key: nothing is read when a table is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.eigenbasis import gram
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.scoring import find_sorted

Matrix = NDArray[np.float32]
Int64 = NDArray[np.int64]


class Rows(NamedTuple):
    """Some rows of a table, by ascending key.

    `keys` int64 (n,), `factors` float32 (n, rank), `ids` uint8 (n_bytes,), `id_lengths` int64
    (n,), `marks` int64 (n,): 0 where the table has none.
    """

    keys: Int64
    factors: Matrix
    ids: NDArray[np.uint8]
    id_lengths: Int64
    marks: Int64

    @classmethod
    def of(
        cls, ids: Sequence[str], factors: Matrix, marks: Sequence[int] | Int64 | None = None
    ) -> Self:
        """Rows in any order, sorted here."""
        marks = np.zeros(len(ids), np.int64) if marks is None else marks
        keys = id_keys(ids)
        order = np.argsort(keys)
        texts = [ids[i].encode("utf-8") for i in order]
        return cls(
            keys[order],
            np.asarray(factors, np.float32)[order],
            np.frombuffer(b"".join(texts), np.uint8),
            np.array([len(text) for text in texts], np.int64),
            np.asarray(marks, np.int64)[order],
        )


class RowWriter:
    """Writer of a table whose size is known, part by part; holds one part in memory.

    Parameters
    ----------
    folder, name
        Where, and the name of the table.
    n_rows, n_id_bytes, rank
        Its size.
    mark
        Name of the marks, or None.
    marked_weight
        Weight v in the Gram matrix of the rows whose mark is not 0; the others weigh 1.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        n_rows: int,
        n_id_bytes: int,
        rank: int,
        mark: str | None = None,
        marked_weight: float = 1.0,
    ) -> None:
        self._path, self._weight = f"{folder}/{name}", marked_weight
        self._rows = self._ids = 0
        self._last_key: int | None = None
        self._gram, self._sum = np.zeros((rank, rank)), np.zeros(rank)
        self._arrays = {
            "keys": self._create("keys", np.int64, (n_rows,)),
            "factors": self._create("factors", np.float32, (n_rows, rank)),
            "ids": self._create("ids", np.uint8, (n_id_bytes,)),
            "id_ends": self._create("id_ends", np.int64, (n_rows,)),
        }
        if mark is not None:
            self._arrays["marks"] = self._create(mark, np.int64, (n_rows,))

    def append(self, rows: Rows) -> None:
        """Write the next rows.

        Raises
        ------
        DataError
            If there are more than announced, keys do not ascend, or factors are not finite.
        """
        ends = self._ids + np.cumsum(rows.id_lengths)
        stop, id_stop = self._rows + len(rows.keys), self._ids + len(rows.ids)
        if stop > len(self._arrays["keys"]) or id_stop > len(self._arrays["ids"]):
            raise self._changed()
        self._check(rows)
        columns = {"keys": rows.keys, "factors": rows.factors, "id_ends": ends, "marks": rows.marks}
        for name in columns.keys() & self._arrays.keys():
            self._arrays[name][self._rows : stop] = columns[name]
        self._arrays["ids"][self._ids : id_stop] = rows.ids
        self._gram += gram(rows.factors, _row_weights(rows.marks, self._weight))
        self._sum += rows.factors.sum(axis=0, dtype=np.float64)
        self._rows, self._ids = stop, id_stop

    def close(self) -> None:
        """Finish the files.

        Raises
        ------
        DataError
            If there were fewer rows than announced.
        """
        if self._rows < len(self._arrays["keys"]) or self._ids < len(self._arrays["ids"]):
            raise self._changed()
        for array in self._arrays.values():
            array.flush()
        np.save(f"{self._path}.gram.npy", self._gram)
        np.save(f"{self._path}.sum.npy", self._sum)

    def _create(self, part: str, dtype: type, shape: tuple[int, ...]) -> Any:
        path = f"{self._path}.{part}.npy"
        return np.lib.format.open_memmap(path, "w+", dtype, shape)

    def _check(self, rows: Rows) -> None:
        before = np.array([] if self._last_key is None else [self._last_key], np.int64)
        keys = np.concatenate((before, rows.keys))
        if (keys[1:] <= keys[:-1]).any():
            raise DataError(f"table {self._path!r}: an id occurs twice. Train the model again")
        if not np.isfinite(rows.factors).all():
            raise DataError(f"table {self._path!r}: some factors are not finite numbers")
        self._last_key = int(keys[-1]) if len(keys) else None

    def _changed(self) -> DataError:
        return DataError(
            f"the model changed while {self._path!r} was written: do not train into its folder "
            "during an export; start the export again"
        )


class RowTable:
    """A table, read only: arrays in memory, or files that are mapped into it.

    Attributes
    ----------
    keys, factors, ids, id_ends, marks
        See the module; `marks` may be empty.
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
            gram(rows.factors, _row_weights(rows.marks, marked_weight)),
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


def _row_weights(marks: Int64, marked: float) -> NDArray[np.float32] | None:
    """Weights of the rows in the Gram matrix; None where all weigh 1."""
    return None if marked == 1 else np.where(marks != 0, marked, 1.0).astype(np.float32)


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
