"""Lists of different lengths, one after the other in one array."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
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
