"""Columns of ids as texts, and what is wrong with them: the rules of `distributed.input`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.input_errors import ColumnsError

Indexes = NDArray[np.int64]
Mask = NDArray[np.bool_]


class IdColumn(NamedTuple):
    """Ids of n rows.

    Attributes
    ----------
    role : str
        user_id or item_id, for messages.
    ids : pyarrow.LargeStringArray
        Distinct values as texts; null for one that is no id.
    codes : int64 (n,)
        Value of each row, -1 for null.
    inexact : dict of int to str
        By code: a number that is not whole, or beyond its type's whole numbers.
    """

    role: str
    ids: pa.Array
    codes: Indexes
    inexact: dict[int, str]

    @property
    def is_bad(self) -> Mask:
        """Rows without an id, bool (n,)."""
        blank = pc.equal(pc.utf8_trim(self.ids, characters=" "), "")
        bad = pc.fill_null(blank, True).to_numpy(zero_copy_only=False)
        # The last one is that of code -1.
        bad_values: Mask = np.append(bad, True)
        return bad_values[self.codes]

    def inexact_reason(self, row: int) -> str | None:
        """What is wrong with a number."""
        said = self.inexact.get(int(self.codes[row]))
        return said and f"{self.role} is {said}, not a whole number"

    def empty_reason(self, row: int) -> str | None:
        """Say that there is no id."""
        return f"{self.role} is empty" if self.is_bad[row] else None


def read_ids(name: str, column: pa.ChunkedArray, role: str, source: str) -> IdColumn:
    """Ids of a column: texts as they are, whole numbers as decimal texts.

    Raises
    ------
    ColumnsError
        If it is of another type.
    """
    values = pa.chunked_array(column)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    to_text = _conversion(values.type)
    if to_text is None:
        wanted = "ids must be texts or whole numbers"
        problem = f"column {name!r} is of type {values.type}, but {wanted}"
        raise ColumnsError(source, problem, [name])
    encoded = pa.chunked_array(values.dictionary_encode()).unify_dictionaries()
    parts = [part.indices.fill_null(-1).to_numpy() for part in encoded.chunks]
    codes = np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
    distinct = encoded.chunk(0).dictionary if encoded.num_chunks else pa.array([], values.type)
    ids, inexact = to_text(distinct)
    return IdColumn(role, ids, codes, inexact)


_Texts = tuple[pa.Array, dict[int, str]]


def _conversion(kind: pa.DataType) -> Callable[[pa.Array], _Texts] | None:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return _plain
    if kind == pa.string_view():
        return _plain
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return _numbers
    return None


def _plain(values: pa.Array) -> _Texts:
    return values.cast(pa.large_string()), {}


def _numbers(values: pa.Array) -> _Texts:
    """Floating-point and decimal numbers, such as pandas makes of whole numbers with gaps."""
    digits = {pa.float16(): 11, pa.float32(): 24}.get(values.type, 53)
    most = None if pa.types.is_decimal(values.type) else 2**digits
    texts: list[str | None] = []
    inexact = {}
    for code, value in enumerate(values.to_pylist()):
        if value is None or value != value:
            texts.append(None)
        elif value % 1 != 0 or (most is not None and abs(value) > most):
            inexact[code] = str(value)
            texts.append(None)
        else:
            texts.append(str(int(value)))
    return pa.array(texts, pa.large_string()), inexact


def texts_of(ids: Any, role: str, source: str) -> pa.Array:
    """A list of ids as texts, by the same rules, in its order; null where one is no id."""
    column = read_ids(role, to_column(ids, role, source), role, source)
    return column.ids.take(pa.array(column.codes, mask=column.codes < 0))


def to_column(values: Any, name: str, source: str) -> pa.ChunkedArray:
    """Any one-dimensional data as an Arrow column.

    Raises
    ------
    ColumnsError
        If Arrow has no single type for them.
    """
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return pa.chunked_array(values if isinstance(values, pa.ChunkedArray) else [values])
    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as why:
        problem = f"column {name!r} has values of several types, or of one that is not known"
        raise ColumnsError(source, f"{problem} ({why})", [name]) from why
    return pa.chunked_array(found if isinstance(found, pa.ChunkedArray) else [found])
