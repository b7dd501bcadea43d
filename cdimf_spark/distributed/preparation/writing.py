"""The output folder of a preparation: a table for each domain and part, and report.json.

Nothing is written before everything is computed and checked. The report is written last: a folder
without one is that of a run that was stopped while it wrote.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlparse

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.event_columns import TIMESTAMP
from cdimf_spark.distributed.input.read_errors import plain_path
from cdimf_spark.distributed.input.reading import is_delta
from cdimf_spark.distributed.preparation.splits import PART, TEST, TRAIN, VALIDATION
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID, WEIGHT

REPORT = "report.json"
PARTS = (TRAIN, VALIDATION, TEST)


def refuse_used(
    spark: SparkSession, output: str, tables: Sequence[str], form: str, overwrite: bool
) -> None:
    """Raise ConfigurationError if the output cannot be written without harm.

    Parameters
    ----------
    tables : sequence of str
        What will be written, ``sport/train``.
    overwrite : bool
        An earlier preparation may be replaced: it has the same tables in the same format, so that
        nothing of it stays behind, and nothing else is there.
    """
    files = _files(spark, output)
    if not files:
        return
    if not overwrite:
        complete = any(file.startswith(REPORT) for file in files)
        state = "" if complete else f" (without {REPORT}: the run that wrote it did not finish)"
        raise ConfigurationError(
            f"output {output!r} exists{state}: use --overwrite to replace it, or another folder"
        )
    for file in files:
        table = "/".join(file.split("/")[:2])
        if file.startswith(REPORT):
            continue
        if table not in tables:
            raise ConfigurationError(
                f"output {output!r} has {file!r}, which this run would not replace: remove it, or "
                "use another folder"
            )
    found = _format_of(spark, output, files)
    if found not in (None, form):
        raise ConfigurationError(
            f"output {output!r} has tables of the format {found}: keep that format, remove them, "
            "or use another folder"
        )


def _format_of(spark: SparkSession, output: str, files: Sequence[str]) -> str | None:
    """Return the format of the tables in an output folder, None if there are none."""
    tables = [file for file in files if not file.startswith(REPORT)]
    if not tables:
        return None
    if any(re.search(r"\.csv(\.\w+)?$", file) for file in tables):
        return "csv"
    table = "/".join(tables[0].split("/")[:2])
    return "delta" if is_delta(spark, f"{output.rstrip('/')}/{table}") else "parquet"


def _files(spark: SparkSession, output: str) -> list[str]:
    """Return the files below a folder, relative to it; hidden ones do not count."""
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    try:
        found = [plain_path(path) for path in reader.load(output).inputFiles()]
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in (error.getCondition() or ""):
            return []
        raise
    root = unquote(urlparse(output).path) if "://" in output else output
    name = root.rstrip("/").rsplit("/", 1)[-1]
    return [path.rsplit(f"/{name}/", 1)[-1] for path in found]


def table_frame(parts: DataFrame, domain: str, part: str, timed: bool) -> DataFrame:
    """Return the rows of one table: user_id, item_id, weight and, if there are times, timestamp."""
    columns = [USER_ID, ITEM_ID, WEIGHT, *([TIMESTAMP] if timed else [])]
    return parts.where((F.col(DOMAIN) == domain) & (F.col(PART) == part)).select(*columns)


def refuse_unfit_ids(parts: DataFrame) -> None:
    """Raise DataError for ids that a text file would not give back.

    A line holds a row, and blanks around a cell do not count.
    """
    unfit = [F.col(name).rlike(r'[\r\n"]') | (F.trim(name) != F.col(name)) for name in _IDS]
    first = parts.where(unfit[0] | unfit[1]).agg(F.min(F.struct(*_IDS))).collect()[0][0]
    if first is not None:
        raise DataError(
            f"user {first[USER_ID]!r} or item {first[ITEM_ID]!r} has a line break, a quotation "
            "mark or a blank at its end, which csv would not keep: use the format delta or parquet"
        )


_IDS = (USER_ID, ITEM_ID)


def write_tables(frames: Mapping[str, DataFrame], output: str, form: str) -> None:
    """Write frames by the name of their table; each replaces what was there."""
    for name, frame in frames.items():
        writer = frame.write.format(form).mode("overwrite")
        if form == "delta":
            writer = writer.option("overwriteSchema", "true")
        if form == "csv":
            writer = writer.option("header", "true")
        writer.save(f"{output.rstrip('/')}/{name}")


def write_report(spark: SparkSession, report: Mapping[str, Any], output: str) -> None:
    """Write the report: a file where the driver sees the folder, else a folder with one text."""
    text = json.dumps(report, indent=2)
    path = f"{output.rstrip('/')}/{REPORT}"
    folder = plain_path(output)
    if os.path.isdir(folder):
        temporary = os.path.join(folder, f".{REPORT}")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(temporary, os.path.join(folder, REPORT))
        return
    frame = spark.createDataFrame([(text,)], "value string").coalesce(1)
    frame.write.mode("overwrite").text(path)
