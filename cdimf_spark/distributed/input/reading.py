"""Interactions from files and tables: delimited text, JSON lines, Parquet, Delta.

Only Spark's readers touch a path: whatever file system the session knows will do.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.event_columns import EventColumns
from cdimf_spark.distributed.input.read_errors import read_errors
from cdimf_spark.distributed.input.text_lines import read_delimited, read_json
from cdimf_spark.distributed.input.validation import annotate, clean_rows, raise_for_problems
from cdimf_spark.input_errors import EmptyInputError
from cdimf_spark.schemas import ITEM_ID, USER_ID, WEIGHT

_SUFFIXES = {
    **dict.fromkeys(("csv", "tsv", "txt", "dat", "tab", "psv", "data"), "csv"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json"),
    **dict.fromkeys(("parquet", "pq"), "parquet"),
}
_COMPRESSIONS = ("gz", "bz2", "zst", "snappy", "lz4", "deflate")


def read_interactions(spark: SparkSession, domains: Sequence[DomainConfig]) -> dict[str, DataFrame]:
    """Return the interactions of each domain by name, checked: user_id, item_id, weight.

    Reads the input once to check it, in one job, and once more when the result is used. A training
    does both in one pass: see `read_all_annotated`.

    Raises
    ------
    DataError
        An input is missing, empty, or has rows that are not interactions.
    """
    annotated = read_all_annotated(spark, domains)
    sources = {domain.name: domain.path for domain in domains}
    raise_for_problems(reduce(DataFrame.unionByName, annotated.values()), sources)
    return {
        name: clean_rows(frame).select(USER_ID, ITEM_ID, WEIGHT)
        for name, frame in annotated.items()
    }


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


def read_all_annotated(
    spark: SparkSession, domains: Sequence[DomainConfig], with_weight: bool = True
) -> dict[str, DataFrame]:
    """Return `read_annotated` of each domain by name; they are looked at side by side."""

    def read(domain: DomainConfig) -> DataFrame:
        return read_annotated(spark, domain, with_weight)

    with ThreadPoolExecutor() as pool:
        frames = list(pool.map(read, domains))
    return {domain.name: frame for domain, frame in zip(domains, frames, strict=True)}


def read_annotated(
    spark: SparkSession,
    domain: DomainConfig,
    with_weight: bool = True,
    events: EventColumns | None = None,
) -> DataFrame:
    """Return the rows of a domain's input with their problems, not yet read.

    Only names and, of text, the first lines are looked at.

    Parameters
    ----------
    spark : SparkSession
    domain : DomainConfig
    with_weight : bool
        False: every weight is 1 and weight columns are not looked at.
    events : EventColumns or None
        Read the columns of raw events as well.

    Returns
    -------
    DataFrame
        As `annotate`.

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
            return read_delimited(spark, domain, with_weight, events)
        if form == "json":
            return read_json(spark, domain, with_weight, events)
        if _is_table_name(domain, form):
            table = spark.read.table(domain.path)
        else:
            table = spark.read.format(form).load(domain.path)
        file = _file_of(table, domain)
        where = domain.name, domain.path
        return annotate(table, *where, domain.columns, with_weight, file, events, form)


def _find_format(spark: SparkSession, domain: DomainConfig) -> str:
    """Return csv, json, parquet or delta, from the names of the files."""
    form = _SUFFIXES.get(_suffix(domain.path))
    if form is None and _is_table_name(domain, "delta"):
        return "delta"
    if form is None:
        # The reader of text takes any file; nothing is read yet.
        files = spark.read.text(domain.path).inputFiles()
        if not files:
            return _format_without_files(spark, domain)
        form = _SUFFIXES.get(_suffix(files[0]), "csv")
    if form == "parquet" and is_delta(spark, domain.path):
        return "delta"
    return form


def _format_without_files(spark: SparkSession, domain: DomainConfig) -> str:
    """Return delta for a table without rows, which has no file that the reader of text sees."""
    if not is_delta(spark, domain.path):
        raise EmptyInputError(domain.path, domain.name)
    return "delta"


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


def is_delta(spark: SparkSession, path: str) -> bool:
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
