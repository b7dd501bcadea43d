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

`RowTable` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.kernel.rows.eigenbasis import gram

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
        self._gram += gram(rows.factors, row_weights(rows.marks, self._weight))
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


def row_weights(marks: Int64, marked: float) -> NDArray[np.float32] | None:
    """Weights of the rows in the Gram matrix; None where all weigh 1."""
    return None if marked == 1 else np.where(marks != 0, marked, 1.0).astype(np.float32)
