"""Interactions from lines of text: delimited cells and JSON objects.

Each line is taken apart on its own, so that a line that is not an interaction can be shown as it
is in the file. A quoted cell therefore cannot span lines.
"""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from cdimf_spark.configuration.columns import ITEM_NAMES, USER_NAMES, choose_columns, plain_name
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.event_columns import EventCells, EventColumns, event_cells
from cdimf_spark.distributed.input.how_read import Reading
from cdimf_spark.distributed.input.read_errors import plain_path
from cdimf_spark.distributed.input.sniffing import TextLayout, find_text_layout, json_keys
from cdimf_spark.distributed.input.validation import Cells, annotate_cells
from cdimf_spark.input_errors import EmptyInputError

_SAMPLE_LINES = 200
_MALFORMED = "__malformed"


def _first_lines(lines: DataFrame, domain: DomainConfig) -> tuple[list[str], str]:
    """Return the first lines that are not blank, the first file's first, and that file."""
    starts = lines.where(F.col("_metadata.file_block_start") == 0)
    file = F.col("_metadata.file_path").alias("file")
    sample = starts.where(F.trim("value") != "").select("value", file).take(_SAMPLE_LINES)
    if not sample:
        raise EmptyInputError(domain.path, domain.name)
    return [row["value"] for row in sample], plain_path(sample[0]["file"])


def read_delimited(
    spark: SparkSession, domain: DomainConfig, with_weight: bool, events: EventColumns | None = None
) -> DataFrame:
    """Return the annotated rows of delimited text (see `read_annotated`)."""
    lines = spark.read.text(domain.path)
    first, file = _first_lines(lines, domain)
    layout = find_text_layout(first, domain, with_weight, file)
    line, separator = F.col("value"), layout.separator
    text = line
    if separator == " ":
        text, separator = F.regexp_replace(F.trim(line), r"[ \t]+", "\t"), "\t"
    schema = ", ".join(f"c{position} string" for position in range(layout.n_columns))
    options = {
        "sep": separator,
        # A quotation mark within quotation marks is doubled, as everywhere but in Spark.
        "escape": '"',
        "ignoreLeadingWhiteSpace": "true",
        "ignoreTrailingWhiteSpace": "true",
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": _MALFORMED,
    }
    # Every file of a folder may start with the header.
    wanted = F.trim(line) != ""
    if layout.header is not None:
        wanted = wanted & (line != layout.header)
    cells = F.from_csv(text, f"{schema}, {_MALFORMED} string", options)
    rows = lines.where(wanted).select("value", *_place(), cells.alias("cells"))
    return annotate_cells(rows, domain.name, _delimited_cells(layout, domain, with_weight, events))


def _delimited_cells(
    layout: TextLayout, domain: DomainConfig, with_weight: bool, events: EventColumns | None
) -> Cells:
    """Say where the parts of an interaction are in the rows of `read_delimited`."""
    user, item = F.col(f"cells.c{layout.roles.user}"), F.col(f"cells.c{layout.roles.item}")
    weight = None if layout.roles.weight is None else F.col(f"cells.c{layout.roles.weight}")
    count = f"the line does not have {layout.n_columns} columns, as the first line has"
    reasons = [F.when(F.col(f"cells.{_MALFORMED}").isNotNull(), F.lit(count))]
    if domain.header is not False:
        another = F.lower(user).isin(*_spellings(USER_NAMES)) & F.lower(item).isin(
            *_spellings(ITEM_NAMES)
        )
        reasons.append(F.when(another, F.lit("the line looks like another header")))
    more = event_cells(
        layout.names,
        events,
        domain.path,
        lambda position: (F.col(f"cells.c{position}"), T.StringType()),
        layout.roles.weight,
    )
    wanted = layout.roles, with_weight, more.taken
    reading = Reading.of(domain.path, layout.names, domain.columns, *wanted).stored(_form(layout))
    return _text_cells(user, item, weight, reading, reasons, more)


def _form(layout: TextLayout) -> str:
    header = "without a header" if layout.header is None else "with a header"
    separator = "blanks" if layout.separator == " " else repr(layout.separator)
    return f"text {header}, separator {separator}"


def _spellings(names: tuple[str, ...]) -> list[str]:
    return sorted({*names, *(plain_name(name) for name in names)})


def read_json(
    spark: SparkSession, domain: DomainConfig, with_weight: bool, events: EventColumns | None = None
) -> DataFrame:
    """Return the annotated rows of JSON lines (see `read_annotated`).

    Numbers keep the digits that they have in the file.
    """
    lines = spark.read.text(domain.path)
    names = json_keys(_first_lines(lines, domain)[0], domain.path)
    roles = choose_columns(names, domain.columns, domain.path, False, with_weight)
    used = [names[position] for position in roles if position is not None]

    def cell(position: int) -> tuple[Column, T.DataType]:
        used.append(names[position])
        return F.col("cells").getField(names[position]), T.StringType()

    user, item, *weight = (F.col("cells").getField(name) for name in used)
    more = event_cells(names, events, domain.path, cell, roles.weight, positional=False)
    fields = [T.StructField(name, T.StringType()) for name in dict.fromkeys((*used, _MALFORMED))]
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _MALFORMED}
    parsed = F.from_json("value", T.StructType(fields), options)
    rows = lines.where(F.trim("value") != "").select("value", *_place(), parsed.alias("cells"))
    broken = F.when(
        F.col(f"cells.{_MALFORMED}").isNotNull(), F.lit("the line is not a JSON object")
    )
    reading = Reading.of(domain.path, names, domain.columns, roles, with_weight, more.taken)
    reading = reading.stored("JSON lines")
    cells = _text_cells(user, item, weight[0] if weight else None, reading, [broken], more)
    return annotate_cells(rows, domain.name, cells)


def _place() -> list[Column]:
    """Return the columns that say where a line is."""
    return [
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.file_block_start").alias("block"),
    ]


def _text_cells(
    user: Column,
    item: Column,
    weight: Column | None,
    reading: Reading,
    reasons: list[Column],
    more: EventCells,
) -> Cells:
    """Return the cells of a line, with what may be wrong with any text."""
    line = F.col("value")
    foreign = F.when(~F.is_valid_utf8(line), F.lit("the line is not UTF-8 text"))
    reasons = [foreign, *reasons, *more.reasons]
    file, block = F.col("file"), F.col("block")
    return Cells(user, item, weight, line, file, reading, block, True, reasons, more.columns)
