"""What Spark alone can tell and do about a folder: in a store that this process cannot see.

There is no public way to list a folder with its hidden files, or to rename one. But a reader says
of a pattern whether anything matches it, hidden or not, and a writer makes files anywhere.
"""

from __future__ import annotations

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import Order, existing, refuse_other
from cdimf_spark.results.marker import MARKER, Kind, Marker

_TABLE_MARKS = f"{{_delta_log,_SUCCESS,{MARKER}}}"


def matches(spark: SparkSession, pattern: str) -> bool:
    """Tell whether a pattern, or a path, matches anything."""
    try:
        # Where plans are analysed late, only the schema shows it.
        return bool(_files(spark, pattern).schema)
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in (error.getCondition() or ""):
            return False
        raise


def _files(spark: SparkSession, pattern: str) -> DataFrame:
    return spark.read.format("text").option("recursiveFileLookup", "true").load(pattern)


def escaped(path: str) -> str:
    """A path as a pattern that matches nothing else."""
    return "".join(f"\\{letter}" if letter in "*?[]{}\\" else letter for letter in path)


def check_remote_folder(
    spark: SparkSession, root: str, given: str, order: Order, known: bool = False
) -> None:
    """Raise ConfigurationError if a folder may not be written: see `results.folders.check_folder`.

    What is not one Delta table cannot be replaced there, as no folder can take another one's name.

    Parameters
    ----------
    root : str
        The folder, with its scheme.
    """
    _refuse_above(spark, root, given, order.kind)
    plain = escaped(root)
    if not matches(spark, f"{plain}/*"):
        if matches(spark, plain) and _files(spark, plain).inputFiles():
            raise ConfigurationError(f"output {given!r} is a file: name a new or empty folder")
        return
    if known:
        return
    marker = remote_marker(spark, root)
    if marker is None:
        raise ConfigurationError(
            f"output {given!r} has files but is not {order.kind.noun}: name an empty or new folder"
        )
    refuse_other(marker, given, order)
    if order.kind.grows:
        return
    if not order.is_delta_table:
        raise ConfigurationError(
            f"output {given!r} exists, and in its store no folder can be replaced in one step: "
            "remove it, name another folder, or (for a single table) use the format delta"
        )
    if matches(spark, f"{plain}/_delta_log/*.json") and not order.overwrite:
        raise existing(given)


def remote_marker(spark: SparkSession, root: str) -> Marker | None:
    """Read the marker of a folder; None if there is none."""
    path = f"{escaped(root)}/{MARKER}"
    if not matches(spark, path):
        return None
    lines = [row[0] for row in _files(spark, path).take(2)]
    return Marker.from_json(lines[0]) if len(lines) == 1 else None


def mark_remote_folder(spark: SparkSession, root: str, marker: Marker) -> None:
    """Mark a folder, before anything else is written to it."""
    if remote_marker(spark, root) is None:
        line = spark.createDataFrame([(marker.to_json(),)], "value string").coalesce(1)
        line.write.mode("overwrite").text(f"{root}/{MARKER}")


def _refuse_above(spark: SparkSession, root: str, given: str, kind: Kind) -> None:
    """Refuse a folder inside a table or another result."""
    start = root.index("/", root.index(":") + 3) if "://" in root else root.index("/")
    above = root.rpartition("/")[0]
    while len(above) > start:
        if _is_marked(spark, above):
            marker = remote_marker(spark, above)
            nearest = above == root.rpartition("/")[0]
            if not (nearest and kind is Kind.MODEL and marker == Marker(Kind.TUNING)):
                found = "a table" if marker is None else marker.kind.noun
                raise ConfigurationError(
                    f"output {given!r} lies inside {above!r}, which is {found}: name a folder "
                    "outside of it"
                )
        above = above.rpartition("/")[0]


def _is_marked(spark: SparkSession, folder: str) -> bool:
    try:
        return matches(spark, f"{escaped(folder)}/{_TABLE_MARKS}")
    except Exception:
        # Folders above may be closed to this user, who may write below all the same.
        return False
