"""Interactions from files and tables: delimited text, JSON lines, Parquet, Delta.

Text is read line by line and each line is taken apart on its own, so that every line that is not
an interaction can be shown as it is in the file. A quoted cell therefore cannot span lines.
Only Spark's readers touch a path: whatever file system the session knows will do.
"""

import re

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from cdimf_spark.distributed.read_errors import read_errors
from cdimf_spark.distributed.sniffing import (
    ITEM_NAMES,
    USER_NAMES,
    Roles,
    TextLayout,
    choose_columns,
    find_text_layout,
    json_keys,
    plain_name,
)
from cdimf_spark.distributed.validation import (
    Cells,
    annotate,
    annotate_cells,
    clean_rows,
    raise_for_problems,
)
from cdimf_spark.errors import EmptyInputError
from cdimf_spark.schemas import ITEM_ID, USER_ID, WEIGHT
from cdimf_spark.settings import DomainConfig

_SUFFIXES = {
    **dict.fromkeys(("csv", "tsv", "txt", "dat", "tab", "psv", "data"), "csv"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json"),
    **dict.fromkeys(("parquet", "pq"), "parquet"),
}
_COMPRESSIONS = ("gz", "bz2", "zst", "snappy", "lz4", "deflate")
_SAMPLE_LINES = 20
_MALFORMED = "__malformed"


def read_interactions(spark: SparkSession, domain: DomainConfig) -> DataFrame:
    """Return the interactions of a domain, checked: user_id, item_id, weight.

    Reads the input once to check it, and once more when the result is used. A training of many
    domains does both in one pass: see `read_annotated`.

    Raises
    ------
    DataError
        The input is missing, empty, or has rows that are not interactions.
    """
    annotated = read_annotated(spark, domain)
    raise_for_problems(annotated, {domain.name: domain.path})
    return clean_rows(annotated).select(USER_ID, ITEM_ID, WEIGHT)


def read_test(spark: SparkSession, domain: DomainConfig) -> DataFrame:
    """Return the pairs of a test set, checked: user_id, item_id. Other columns do not matter.

    Raises
    ------
    DataError
        As `read_interactions`.
    """
    annotated = read_annotated(spark, domain, with_weight=False)
    raise_for_problems(annotated, {domain.name: domain.path})
    return clean_rows(annotated).select(USER_ID, ITEM_ID)


def read_annotated(
    spark: SparkSession, domain: DomainConfig, with_weight: bool = True
) -> DataFrame:
    """Return the rows of a domain's input with their problems, not yet read.

    Only names and, of text, the first lines are looked at.

    Parameters
    ----------
    spark : SparkSession
    domain : DomainConfig
    with_weight : bool
        False: every weight is 1 and weight columns are not looked at.

    Returns
    -------
    DataFrame
        domain, user_id, item_id, weight and problem, which is null for a row in order.

    Raises
    ------
    MissingInputError, EmptyInputError
        There is nothing at the path.
    ColumnsError
        It is not clear which columns to use.
    DataError
        The input cannot be read.
    """
    with read_errors(domain.path, domain.name):
        form = domain.format or _find_format(spark, domain)
        if form == "csv":
            return _read_delimited(spark, domain, with_weight)
        if form == "json":
            return _read_json(spark, domain, with_weight)
        if _is_table_name(domain, form):
            table = spark.read.table(domain.path)
        else:
            table = spark.read.format(form).load(domain.path)
        return annotate(
            table, domain.name, domain.path, domain.columns, with_weight, _file_of(table, domain)
        )


def _find_format(spark: SparkSession, domain: DomainConfig) -> str:
    """Return csv, json, parquet or delta, from the names of the files."""
    form = _SUFFIXES.get(_suffix(domain.path))
    if form is None and _is_table_name(domain, "delta"):
        return "delta"
    if form is None:
        # The reader of text takes any file; nothing is read yet.
        files = spark.read.text(domain.path).inputFiles()
        form = _SUFFIXES.get(_suffix(files[0]), "csv") if files else "parquet"
    if form == "parquet" and _is_delta(spark, domain.path):
        return "delta"
    return form


def _suffix(path: str) -> str:
    """Return the last suffix of a path in small letters, that of a compression aside."""
    suffixes = path.rstrip("/").rsplit("/", 1)[-1].lower().split(".")[1:]
    while suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _is_table_name(domain: DomainConfig, form: str) -> bool:
    """Tell catalog.schema.table from a path; with the format given, schema.table as well."""
    parts = "{1,2}" if domain.format == "delta" else "{2}"
    return form == "delta" and bool(re.fullmatch(rf"[\w-]+(\.[\w-]+){parts}", domain.path))


def _is_delta(spark: SparkSession, path: str) -> bool:
    """Tell a Delta table from a folder of Parquet files.

    Read as Parquet, a Delta table would show the rows that it no longer has.
    """
    try:
        return bool(spark.read.format("delta").load(path).columns)
    except Exception as error:
        # No such table, or no Delta in this session; anything else is worth an error.
        if re.search(r"DELTA_TABLE_NOT_FOUND|DATA_SOURCE_NOT_FOUND|PATH_NOT_FOUND", str(error)):
            return False
        raise


def _file_of(table: DataFrame, domain: DomainConfig) -> Column:
    """Return the file that a row comes from; a view has none."""
    try:
        file = F.col("_metadata.file_path")
        # Where plans are analysed late, only the schema shows whether the column is there.
        return file if table.select(file).schema else F.lit(domain.path)
    except Exception:
        return F.lit(domain.path)


def _first_lines(lines: DataFrame, domain: DomainConfig) -> list[str]:
    """Return the first lines of a file that are not blank; the first file comes first."""
    starts = lines.where(F.col("_metadata.file_block_start") == 0)
    sample = starts.where(F.trim("value") != "").select("value").take(_SAMPLE_LINES)
    if not sample:
        raise EmptyInputError(domain.path, domain.name)
    return [row["value"] for row in sample]


def _read_delimited(spark: SparkSession, domain: DomainConfig, with_weight: bool) -> DataFrame:
    """Read lines of cells."""
    lines = spark.read.text(domain.path)
    layout = find_text_layout(_first_lines(lines, domain), domain, with_weight)
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
    return annotate_cells(rows, domain.name, _delimited_cells(layout, domain))


def _delimited_cells(layout: TextLayout, domain: DomainConfig) -> Cells:
    """Say where the parts of an interaction are in the rows of `_read_delimited`."""
    user, item, weight = (
        None if position is None else F.col(f"cells.c{position}") for position in layout.roles
    )
    assert user is not None and item is not None
    count = f"the line does not have {layout.n_columns} columns, as the first line has"
    reasons = [F.when(F.col(f"cells.{_MALFORMED}").isNotNull(), F.lit(count))]
    if domain.header is not False:
        another = F.lower(user).isin(*_spellings(USER_NAMES)) & F.lower(item).isin(
            *_spellings(ITEM_NAMES)
        )
        reasons.append(F.when(another, F.lit("the line looks like another header")))
    return _text_cells(user, item, weight, reasons)


def _spellings(names: tuple[str, ...]) -> list[str]:
    return sorted({*names, *(plain_name(name) for name in names)})


def _read_json(spark: SparkSession, domain: DomainConfig, with_weight: bool) -> DataFrame:
    """Read lines of JSON objects; numbers keep the digits that they have in the file."""
    lines = spark.read.text(domain.path)
    names = json_keys(_first_lines(lines, domain), domain.path)
    roles = choose_columns(names, domain.columns, domain.path, False, with_weight)
    used = [names[position] for position in roles if position is not None]
    fields = [T.StructField(name, T.StringType()) for name in (*used, _MALFORMED)]
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _MALFORMED}
    cells = F.from_json("value", T.StructType(fields), options)
    rows = lines.where(F.trim("value") != "").select("value", *_place(), cells.alias("cells"))
    user, item, *weight = (F.col("cells").getField(name) for name in used)
    broken = F.when(
        F.col(f"cells.{_MALFORMED}").isNotNull(), F.lit("the line is not a JSON object")
    )
    return annotate_cells(
        rows, domain.name, _text_cells(user, item, weight[0] if weight else None, [broken])
    )


def _place() -> list[Column]:
    """Return the columns that say where a line is."""
    return [
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.file_block_start").alias("block"),
    ]


def _text_cells(user: Column, item: Column, weight: Column | None, reasons: list[Column]) -> Cells:
    """Return the cells of a line, with what may be wrong with any text."""
    line = F.col("value")
    foreign = F.when(~F.is_valid_utf8(line), F.lit("the line is not UTF-8 text"))
    return Cells(user, item, weight, line, F.col("file"), F.col("block"), [foreign, *reasons])
