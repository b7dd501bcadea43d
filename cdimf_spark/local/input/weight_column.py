"""A column of weights, and what is wrong with it: the rules of `distributed.input`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdimf_spark.input_errors import ColumnsError

_MAX_WEIGHT = 3.0e38  # about the largest number of single precision


class WeightColumn(NamedTuple):
    """Weights float64 (n,), NaN for none, and as they were given; None: every row weighs 1."""

    values: NDArray[np.float64]
    given: pa.ChunkedArray | None

    @property
    def is_bad(self) -> NDArray[np.bool_]:
        """Rows whose weight is not a finite number, 0 or more, bool (n,)."""
        # Not-a-number fails both comparisons.
        return ~((self.values >= 0) & (self.values <= _MAX_WEIGHT))

    def reason(self, row: int) -> str | None:
        """What is wrong with a weight."""
        if self.given is None or not self.is_bad[row]:
            return None
        value = self.given[row].as_py()
        if value is None:
            return "weight is empty"
        return f"weight is '{value}', but must be a finite number, 0 or more"


def read_weights(name: str, column: pa.ChunkedArray, source: str) -> WeightColumn:
    """Weights of a column of numbers, or of texts that are numbers.

    Raises
    ------
    ColumnsError
        If it is of another type.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return WeightColumn(np.full(len(column), np.nan), column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return WeightColumn(_parse(column), column)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        problem = f"column {name!r} is of type {kind}, but a weight must be a number"
        raise ColumnsError(source, problem, [name])
    values = pc.fill_null(column.cast(pa.float64(), safe=False), np.nan)
    return WeightColumn(np.array(values.to_numpy(), np.float64), column)


def _parse(column: pa.ChunkedArray) -> NDArray[np.float64]:
    texts = pd.Series(column.to_pandas(), dtype=object)
    values = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, copy=True)
    # As everywhere in this package, 1d, 1f, 0x10 and the like are no numbers.
    values[texts.str.contains("[dDfFxX]", na=True).to_numpy(bool)] = np.nan
    return values
