"""What callers of a served model give, checked: ids and rows of factors."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import DataError

Matrix = NDArray[np.float32]


def check_id(value: object, noun: str) -> str:
    """An id as it is.

    Parameters
    ----------
    noun
        What it is the id of: item or user.

    Raises
    ------
    DataError
        If it is not a text.
    """
    if not isinstance(value, str):
        raise DataError(f"{noun} id {value!r} is not a text: ids are texts, as in the tables")
    return value


def check_ids(values: Iterable[str], noun: str, name: str) -> list[str]:
    """Several ids as a list.

    Parameters
    ----------
    noun
        What they are ids of: item or user.
    name
        The argument that has them.

    Raises
    ------
    DataError
        If it is one text (whose letters would be taken for ids), not iterable, or an id is not a
        text.
    """
    if isinstance(values, str | bytes):
        raise DataError(
            f"{name} is {values!r}, but must be several {noun} ids, not a text: [{values!r}]"
        )
    if not isinstance(values, Iterable):
        raise DataError(f"{name} is {values!r}, but must be {noun} ids, as a list")
    return [check_id(one, noun) for one in values]


def check_row(factors: object, rank: int) -> Matrix:
    """A row of factors as float32 (rank,).

    Raises
    ------
    DataError
        If it is not `rank` finite numbers.
    """
    row = _to_numbers(factors, f"a row of {rank} numbers")
    if row.shape != (rank,):
        raise DataError(f"a row of {rank} numbers is wanted, its shape is {row.shape}")
    return _check_finite(row)


def check_rows(factors: object, rank: int) -> Matrix:
    """Rows of factors as float32 (n, rank).

    Raises
    ------
    DataError
        If they are not rows of `rank` finite numbers.
    """
    rows = _to_numbers(factors, f"rows of {rank} numbers")
    if rows.ndim != 2 or rows.shape[1] != rank:
        raise DataError(f"rows of {rank} numbers are wanted, their shape is {rows.shape}")
    return _check_finite(rows)


def _to_numbers(factors: object, wanted: str) -> Matrix:
    try:
        # What is too large for float32 becomes infinite, and is refused as that.
        with np.errstate(over="ignore"):
            return np.asarray(factors, np.float32)
    except (TypeError, ValueError):
        raise DataError(
            f"{wanted}: cannot be read as such from {type(factors).__name__}; of what fold_in "
            "returns, give `.factors`"
        ) from None


def _check_finite(rows: Matrix) -> Matrix:
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise DataError(
            f"{len(bad)} of the {rows.size} numbers are not finite, the first at [{place}] is "
            f"{rows[tuple(bad[0])]}"
        )
    return rows
