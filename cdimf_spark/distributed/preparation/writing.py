"""The output folder of a preparation: a table for each domain and part, and report.json.

Nothing is written before everything is computed and checked, and the folder appears when it is
complete. The report is written last: in stores where folders cannot be renamed, a folder without
one is that of a run that was stopped while it wrote.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.event_columns import TIMESTAMP
from cdimf_spark.distributed.input.read_errors import plain_path
from cdimf_spark.distributed.output.guard import Target
from cdimf_spark.distributed.preparation.splits import PART, TEST, TRAIN, VALIDATION
from cdimf_spark.errors import DataError
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID, WEIGHT

REPORT = "report.json"
PARTS = (TRAIN, VALIDATION, TEST)


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


def write_tables(frames: Mapping[str, DataFrame], target: Target, path: str) -> None:
    """Write frames by the name of their table to a folder of the target's choice."""
    for name, frame in frames.items():
        writer = target.writer(frame)
        if target.order.format == "csv":
            writer = writer.option("header", "true")
        writer.save(f"{path}/{name}")


def write_report(spark: SparkSession, report: Mapping[str, Any], output: str) -> None:
    """Write the report: a file where the driver sees the folder, else a folder with one text."""
    text = json.dumps(report, indent=2)
    path = f"{output}/{REPORT}"
    folder = plain_path(output)
    if os.path.isdir(folder):
        with open(os.path.join(folder, REPORT), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        return
    frame = spark.createDataFrame([(text,)], "value string").coalesce(1)
    frame.write.mode("overwrite").text(path)
