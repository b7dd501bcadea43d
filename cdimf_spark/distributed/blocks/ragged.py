"""Lists one after the other, and texts as arrays of bytes: what packed rows are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Indexes = NDArray[np.int64]


class Lists(NamedTuple):
    """Lists one after the other: list i is ``values[offsets[i]:offsets[i + 1]]``.

    `offsets` int64 (n_lists + 1,), `values` of any type.
    """

    offsets: Indexes
    values: NDArray[Any]

    @classmethod
    def of(cls, lengths: NDArray[np.integer[Any]], values: NDArray[Any]) -> Lists:
        """Lists of the given lengths."""
        return cls(offsets_of(lengths), values)

    @property
    def lengths(self) -> Indexes:
        """Length of each list, int64 (n_lists,)."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> Indexes:
        """List that each value belongs to, int64 (n_values,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def row(self, i: int) -> NDArray[Any]:
        """List i."""
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def take(self, rows: Indexes) -> Lists:
        """Some of the lists, in the given order."""
        lengths = self.lengths[rows]
        offsets = offsets_of(lengths)
        shift = np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Lists(offsets, self.values[np.arange(offsets[-1]) + shift])

    def cut(self, rows: slice) -> Lists:
        """Lists from `rows.start` to `rows.stop`."""
        offsets = self.offsets[rows.start : rows.stop + 1]
        return Lists(offsets - offsets[0], self.values[offsets[0] : offsets[-1]])

    def where(self, wanted: NDArray[np.bool_]) -> Lists:
        """The same lists with only the wanted values."""
        kept = offsets_of(wanted)[self.offsets]
        return Lists(kept, self.values[wanted])


def offsets_of(lengths: NDArray[Any]) -> Indexes:
    """Offsets of lists of the given lengths, int64 (n + 1,)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def pack_texts(texts: pa.Array | pa.ChunkedArray, kind: str) -> dict[str, NDArray[Any]]:
    """Texts as packed rows of the kinds `kind`_bytes and `kind`_lengths."""
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    lengths = [pc.binary_length(chunk).to_numpy() for chunk in chunks if len(chunk)]
    data = [_bytes_of(chunk) for chunk in chunks if len(chunk)]
    return {
        f"{kind}_lengths": np.concatenate([np.empty(0, np.int32), *lengths]),
        f"{kind}_bytes": np.concatenate([np.empty(0, np.uint8), *data]),
    }


def unpack_texts(arrays: dict[str, NDArray[Any]], kind: str) -> pa.Array:
    """Texts from what `pack_texts` returned."""
    lengths, data = arrays[f"{kind}_lengths"], arrays[f"{kind}_bytes"]
    offsets = pa.py_buffer(offsets_of(lengths).astype(np.int32))
    return pa.StringArray.from_buffers(len(lengths), offsets, pa.py_buffer(data))


def _bytes_of(texts: pa.Array) -> NDArray[np.uint8]:
    """The bytes of the texts of an array without nulls, of which it may be a part."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    if data is None:
        return np.empty(0, np.uint8)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[1]]
