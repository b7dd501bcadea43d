"""One table a domain, from a mapping or from one table with a column `domain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.local.input.pairs import Data
from cdimf_spark.schemas import DOMAIN

_WANTED = "a table a domain, {'sport': frame, ...}, or one table with a column 'domain'"


def by_domain(data: Mapping[str, Data] | Data, what: str) -> dict[str, Data]:
    """Tables by the name of their domain.

    Parameters
    ----------
    what
        Who wants them, for messages: "fit() wants".

    Raises
    ------
    ConfigurationError
        If it is one table without a column `domain`.
    DataError
        If a row has no domain.
    """
    if isinstance(data, Mapping):
        return dict(data)
    table = data if isinstance(data, pd.DataFrame) else _to_table(data, what)
    names = table.columns if isinstance(table, pd.DataFrame) else table.column_names
    if DOMAIN not in names:
        raise ConfigurationError(f"{what} {_WANTED}; present: {', '.join(map(str, names))}")
    parts = _parts_of_frame if isinstance(table, pd.DataFrame) else _parts_of_table
    return dict(sorted(parts(table).items()))


def _to_table(data: Data, what: str) -> pa.Table:
    try:
        return data if isinstance(data, pa.Table) else pa.table(data)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise ConfigurationError(f"{what} {_WANTED}, not {type(data).__name__}") from error


def _parts_of_frame(data: pd.DataFrame) -> dict[str, Any]:
    if data[DOMAIN].isna().any():
        raise _without_domain(int(data[DOMAIN].isna().to_numpy().argmax()))
    rows = data.drop(columns=DOMAIN)
    return {str(name): rows[(data[DOMAIN] == name).to_numpy()] for name in data[DOMAIN].unique()}


def _parts_of_table(data: pa.Table) -> dict[str, Any]:
    names, rows = data.column(DOMAIN), data.drop_columns([DOMAIN])
    if names.null_count:
        raise _without_domain(pc.index(pc.is_null(names), True).as_py())
    return {str(one): rows.filter(pc.equal(names, one)) for one in pc.unique(names).to_pylist()}


def _without_domain(row: int) -> DataError:
    return DataError(f"row {row}, counted from 0, has no domain: fill the column 'domain'")
