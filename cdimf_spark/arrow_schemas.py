"""Arrow schemas of the rows that tasks return, from their one declaration as DDL (`schemas`)."""

from __future__ import annotations

import re

import pyarrow as pa

_SIMPLE = {
    "string": pa.string(),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}
# A comma that is inside no pair of angle brackets.
_COMMA = re.compile(r",\s*(?![^<]*>)")
_ARRAY = re.compile(r"array<(.*)>")
_STRUCT = re.compile(r"struct<(.*)>")


def arrow_schema(ddl: str) -> pa.Schema:
    """Schema of a table that a task returns.

    Parameters
    ----------
    ddl : str
        ``name type, ...`` as Spark reads it. Types: string, binary, boolean, int, long, float,
        double, an array of a type, and a struct of simple types (``struct<name: type, ...>``).

    Raises
    ------
    ValueError
        If a type is none of these.
    """
    return pa.schema([_field(column, " ") for column in _COMMA.split(ddl)])


def _field(text: str, separator: str) -> pa.Field:
    name, _, kind = text.partition(separator)
    return pa.field(name, _type(kind.strip()))


def _type(text: str) -> pa.DataType:
    if array := _ARRAY.fullmatch(text):
        return pa.list_(_type(array[1]))
    if struct := _STRUCT.fullmatch(text):
        return pa.struct([_field(part, ":") for part in struct[1].split(", ")])
    if text not in _SIMPLE:
        raise ValueError(f"no Arrow type is known for {text!r}")
    return _SIMPLE[text]
