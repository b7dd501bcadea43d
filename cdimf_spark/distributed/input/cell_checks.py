"""Ids and weights as Spark expressions: their text, and what is wrong with them.

A check is a text that names the column and what was found, or null for a cell in order.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from cdimf_spark.input_errors import ColumnsError

_MAX_WEIGHT = 3.0e38  # about the largest number of single precision


def column_named(name: str) -> Column:
    """Return a top-level column, whatever characters its name has."""
    return F.col("`" + name.replace("`", "``") + "`")


def id_text(field: T.StructField, source: str) -> Column:
    """Return an id column as text."""
    column, kind = column_named(field.name), field.dataType
    if isinstance(kind, T.StringType | T.IntegralType):
        # For texts the cast drops a collation: ids are equal if their bytes are.
        return column.cast("string")
    if isinstance(kind, T.FractionalType):
        # Rows that lose something on the way are reported by `inexact_id`.
        return column.try_cast("decimal(38,0)").cast("string")
    raise wrong_type(field, "ids must be texts or whole numbers", source)


def inexact_id(field: T.StructField, name: str) -> Column:
    """Return what is wrong with an id that is a fraction or beyond its type's whole numbers."""
    column, nothing = column_named(field.name), F.lit(None).cast("string")
    if not isinstance(field.dataType, T.FractionalType):
        return nothing
    exact = column % 1 == 0
    if not isinstance(field.dataType, T.DecimalType):
        digits = 24 if isinstance(field.dataType, T.FloatType) else 53
        exact = exact & (F.abs(column) <= F.lit(2.0**digits))
        column = F.nanvl(column, F.lit(None))
    said = F.concat(F.lit(f"{name} is "), column.cast("string"), F.lit(", not a whole number"))
    return F.when(column.isNotNull() & ~exact, said)


def wrong_type(field: T.StructField, wanted: str, source: str) -> ColumnsError:
    """Return the error for a column whose type cannot be used."""
    problem = f"column {field.name!r} is of type {field.dataType.simpleString()}, but {wanted}"
    return ColumnsError(source, problem, [field.name])


def empty_id(column: Column, name: str) -> Column:
    """Return what is wrong with an id that is null, empty or blank."""
    return F.when(column.isNull() | (F.trim(column) == ""), F.lit(f"{name} is empty"))


def bad_weight(weight: Column, is_text: bool) -> Column:
    """Return what is wrong with a weight that is not a finite number, 0 or more."""
    number, text = weight.try_cast("double"), weight.cast("string")
    # Spark takes not-a-number for greater than all numbers.
    good = (number >= 0) & (number <= _MAX_WEIGHT)
    if is_text:
        # The letters are those of 1d, 1f and 0x1p3, which are numbers in Java only.
        good = good & ~text.rlike("[dDfFxX]")
    said = F.concat(F.lit("weight is '"), text, F.lit("', but must be a finite number, 0 or more"))
    empty = F.when(weight.isNull(), F.lit("weight is empty"))
    return F.coalesce(empty, F.when(~F.coalesce(good, F.lit(False)), said))
