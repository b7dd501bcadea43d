"""Where in a file a bad row is: what messages show of it, and the number of its line."""

import logging
import re
from urllib.parse import unquote

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

logger = logging.getLogger(__name__)

_WIDTH = 200  # characters of a bad row that are shown


def shown(row: Column) -> Column:
    """Return the part of a row that messages show; it must come back from Python unchanged."""
    return F.make_valid_utf8(F.substring(row, 1, _WIDTH))


def line_number(spark: SparkSession, file: str, start: str) -> int | None:
    """Return the number, from 1, of the first line of a file that starts like a bad row.

    Equal lines are bad for equal reasons, so it is the first bad row's. This reads the file
    again, but only on the way to an error.
    """
    try:
        # A name may have characters that mean something in a pattern.
        pattern = re.sub(r"[\[\]{}*?\\]", "?", unquote(file))
        text = spark.read.text(pattern).where(F.col("_metadata.file_path") == file)
        lines = text.select(
            shown(F.col("value")).alias("row"),
            F.col("_metadata.file_block_start").alias("block"),
            F.monotonically_increasing_id().alias("position"),
        )
        same = lines.where(F.col("row") == start)
        block, position = same.agg(F.min(F.struct("block", "position"))).collect()[0][0]
        earlier = (F.col("block") == block) & (F.col("position") <= position)
        return lines.where((F.col("block") < block) | earlier).count()
    except Exception:  # The number is a courtesy: without it the error is still the right one.
        logger.debug("no line number for %s", file, exc_info=True)
        return None
