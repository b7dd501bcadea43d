"""Validation of interactions: one pass over the rows of all domains, one clear error.

`annotate` adds a column `problem` to the rows and costs nothing by itself. The caller unites the
domains, persists the frame if it will be used again, and calls `raise_for_problems`: one aggregate
finds the first bad row of each domain and the counts. `clean_rows` are what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from cdimf_spark.configuration.columns import choose_columns
from cdimf_spark.distributed.input.cell_checks import (
    bad_weight,
    column_named,
    empty_id,
    id_text,
    inexact_id,
    wrong_type,
)
from cdimf_spark.distributed.input.content import Content, content_sums
from cdimf_spark.distributed.input.event_columns import EventColumns, event_cells
from cdimf_spark.distributed.input.how_read import Reading
from cdimf_spark.distributed.input.line_numbers import line_number, shown
from cdimf_spark.distributed.input.read_errors import plain_path, read_errors
from cdimf_spark.distributed.input.same_data import warn_of_same_data
from cdimf_spark.distributed.input.summary import figures, log_summary
from cdimf_spark.input_errors import BadRowsError, EmptyInputError
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID, WEIGHT

PROBLEM = "problem"
_READING = "reading"
_HEADER_HINT = "If the first line has the names of the columns, set the option header: true"


@dataclass(frozen=True)
class Cells:
    """Where the parts of an interaction are in the rows of a source.

    Parameters
    ----------
    user, item : Column
        Ids as text.
    weight : Column or None
        A number or a text; None: 1 for every row.
    row : Column
        The whole row as text, for the message.
    file : Column
        The file that the row comes from.
    reading : Reading
        Which columns these are.
    block : Column or None
        Where in a file of lines the row's part of the file starts; None where there are no lines.
    weight_is_text : bool
    reasons : sequence of Column
        Texts, null for a row in order, that say what is wrong with its form.
    more : sequence of Column
        Further columns of the result.
    """

    user: Column
    item: Column
    weight: Column | None
    row: Column
    file: Column
    reading: Reading
    block: Column | None = None
    weight_is_text: bool = False
    reasons: Sequence[Column] = ()
    more: Sequence[Column] = ()


def annotate(
    df: DataFrame,
    domain: str,
    source: str = "the DataFrame",
    columns: Sequence[str] | None = None,
    with_weight: bool = True,
    file: Column | None = None,
    events: EventColumns | None = None,
    form: str = "",
) -> DataFrame:
    """Bring a frame with typed columns into the form of interactions, with its problems.

    Ids may be texts, whole numbers of any width, or floating-point numbers that are whole (as
    pandas makes of whole numbers with gaps); they become the decimal text without a point. Texts
    stay as they are: blanks around them count, but an id of blanks only is empty.

    Parameters
    ----------
    df : DataFrame
        Any columns.
    domain : str
    source : str
        What messages call the data.
    columns : sequence of str or None
        Columns of user, item and weight; None: see `choose_columns`.
    with_weight : bool
        False: the weight is 1 and weight columns are not looked at.
    file : Column, optional
        The file of each row, for messages; `source` if left out.
    events : EventColumns, optional
        Read the columns of raw events as well.
    form : str, optional
        The format of the file or table that the frame was read from.

    Returns
    -------
    DataFrame
        domain, user_id, item_id, weight, problem, which is null for a row in order, and reading;
        with `events` also those of `event_cells`.

    Raises
    ------
    ColumnsError
        Columns are missing, ambiguous, or of a type that cannot be used.
    """
    roles = choose_columns(df.columns, columns, source, with_weight=with_weight)
    fields = df.schema.fields
    used = [fields[position] for position in roles if position is not None]
    user, item = (id_text(field, source) for field in used[:2])
    weight, is_text = None, False
    if roles.weight is not None:
        if not isinstance(used[2].dataType, T.NumericType | T.StringType):
            raise wrong_type(used[2], "a weight must be a number", source)
        weight = column_named(used[2].name)
        is_text = isinstance(used[2].dataType, T.StringType)
    row = F.to_json(F.struct(*(column_named(field.name) for field in used)))
    more = event_cells(
        df.columns,
        events,
        source,
        lambda position: (column_named(fields[position].name), fields[position].dataType),
        roles.weight,
    )
    reasons = (inexact_id(used[0], USER_ID), inexact_id(used[1], ITEM_ID), *more.reasons)
    reading = Reading.of(source, df.columns, columns, roles, with_weight, more.taken)
    reading = reading.stored(form) if form else reading
    place = F.lit(source) if file is None else file
    cells = Cells(user, item, weight, row, place, reading, None, is_text, reasons, more.columns)
    return annotate_cells(df, domain, cells)


def annotate_cells(df: DataFrame, domain: str, cells: Cells) -> DataFrame:
    """Return domain, user_id, item_id, weight, problem and reading of each row, lazily."""
    weight = F.lit(1.0) if cells.weight is None else cells.weight.try_cast("double")
    reason = F.coalesce(
        *cells.reasons,
        empty_id(cells.user, USER_ID),
        empty_id(cells.item, ITEM_ID),
        F.lit(None).cast("string")
        if cells.weight is None
        else bad_weight(cells.weight, cells.weight_is_text),
    )
    # The first three fields put the rows of a file in their order. The texts are made for bad
    # rows only: the frame may be persisted.
    problem = F.struct(
        cells.file.alias("file"),
        (F.lit(None) if cells.block is None else cells.block).cast("long").alias("block"),
        F.monotonically_increasing_id().alias("position"),
        reason.alias("reason"),
        shown(cells.row).alias("row"),
    )
    return df.select(
        F.lit(domain).alias(DOMAIN),
        cells.user.alias(USER_ID),
        cells.item.alias(ITEM_ID),
        weight.alias(WEIGHT),
        F.when(reason.isNotNull(), problem).alias(PROBLEM),
        F.lit(cells.reading.to_text()).alias(_READING),
        *cells.more,
    )


def raise_for_problems(
    annotated: DataFrame, sources: Mapping[str, str] | None = None
) -> dict[str, Content]:
    """Sum up the usable rows of each domain, also in the log, and raise for the first bad row.

    Parameters
    ----------
    annotated : DataFrame
        Rows of any number of domains, as `annotate` makes them; read once, in one job.
    sources : mapping of str to str, optional
        Path or description of every domain that must be there.

    Returns
    -------
    dict of str to Content
        By domain.

    Raises
    ------
    BadRowsError
        Rows that are not interactions; the message shows the first one.
    EmptyInputError
        A domain has no row with a weight above 0.
    DataError
        A file cannot be read to its end.
    """
    sources = sources or {}
    with read_errors(", ".join(sources.values()), ", ".join(sources)):
        found = annotated.groupBy(DOMAIN).agg(
            F.count(F.lit(1)).alias("n_rows"),
            F.count(PROBLEM).alias("n_bad"),
            F.count(F.when(F.col(WEIGHT) == 0, 1)).alias("n_zero"),
            F.min(PROBLEM).alias("first"),
            F.first(_READING).alias(_READING),
            *content_sums(),
            *figures(),
        )
        rows = sorted(found.collect(), key=lambda row: str(row[DOMAIN]))
    readings = {row[DOMAIN]: Reading.from_text(row[_READING]) for row in rows}
    for row in rows:
        if row["n_bad"]:
            raise _bad_rows_error(annotated.sparkSession, row)
        if row["n_rows"] > row["n_zero"]:
            log_summary(row, readings[row[DOMAIN]])
    contents = {row[DOMAIN]: Content.of(row) for row in rows if row["n_rows"] > row["n_zero"]}
    for domain in (*sources, *(row[DOMAIN] for row in rows)):
        if domain not in contents:
            raise EmptyInputError(sources.get(domain, "the data"), domain)
    warn_of_same_data(readings, contents)
    return contents


def clean_rows(annotated: DataFrame) -> DataFrame:
    """Return domain, user_id, item_id and weight of the rows that have an effect."""
    usable = F.col(PROBLEM).isNull() & (F.col(WEIGHT) > 0)
    return annotated.where(usable).select(DOMAIN, USER_ID, ITEM_ID, WEIGHT)


def _bad_rows_error(spark: SparkSession, row: Row) -> BadRowsError:
    """Compose the error from the aggregate of a domain."""
    first = row["first"]
    line = None if first["block"] is None else line_number(spark, first["file"], first["row"])
    return BadRowsError(
        domain=row[DOMAIN],
        source=plain_path(first["file"]),
        line=line,
        row=first["row"],
        problem=first["reason"],
        n_bad=row["n_bad"],
        n_rows=row["n_rows"],
        hint=_HEADER_HINT if line == 1 else "",
    )
