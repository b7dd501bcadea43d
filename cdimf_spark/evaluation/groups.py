"""Groups of test rows, for which the metrics are also given apart."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.configuration.options import split_names
from cdimf_spark.errors import ValueOutOfRangeError
from cdimf_spark.scoring.sources import POPULAR, SOURCES

Codes = NDArray[np.int64]

# What rows can be grouped by: whether several domains have the user; their interactions in train in
# this domain; those of the item; where the row comes from that scores the user.
GROUPINGS = ("shared", "history", "popularity", "source")
# Bins of interactions: from each of these to below the next.
BINS = (0, 1, 5, 10, 20, 50, 100, 500)

_BIN_LABELS = (
    *(f"{a}" if b - a == 1 else f"{a}-{b - 1}" for a, b in pairwise(BINS)),
    f"{BINS[-1]} or more",
)
_LABELS = {
    "shared": ("single-domain", "shared"),
    "history": _BIN_LABELS,
    "popularity": _BIN_LABELS,
    "source": SOURCES[:POPULAR],
}


def check_groupings(by: Any) -> tuple[str, ...]:
    """The groupings asked for (names, or a text with commas between them), each once.

    Raises
    ------
    ValueOutOfRangeError
        If one does not exist.
    """
    named = split_names(by) if isinstance(by, str) else by
    names = tuple(named) if isinstance(named, Iterable) else (named,)
    for name in names:
        if name not in GROUPINGS:
            raise ValueOutOfRangeError("by", name, f"some of {', '.join(GROUPINGS)}")
    return tuple(dict.fromkeys(names))


def group_codes(by: str, rows: pa.Table) -> Codes:
    """Number of each row's group, int64 (n_rows,).

    Parameters
    ----------
    rows
        Columns of ``RANKS``: source, history, popularity, shared.
    """
    column = rows.column(by)
    if by == "shared":
        is_shared: Codes = column.to_numpy().astype(np.int64)
        return is_shared
    if by == "source":
        codes = [SOURCES.index(source) for source in column.to_pylist()]
        return np.array(codes, np.int64)
    bins: Codes = np.searchsorted(BINS, column.to_numpy(), side="right") - 1
    return bins


def group_label(by: str, code: int) -> str:
    """What a group is called in results."""
    return _LABELS[by][code]
