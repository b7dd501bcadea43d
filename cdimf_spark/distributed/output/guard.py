"""The one guard of everything that is written: nothing is harmed that this package did not make.

An output is new, or empty, or a result of the same kind, known by its marker; it has no file in
common with the model or the data that are read. An earlier result stays until the new one is
complete:

one Delta table
    The first is written beside and renamed; a later one is one commit.
any other folder of this machine
    It is written beside and takes the place of the earlier one (`results.replacing`).
any other folder elsewhere
    No store can do that, so only new and empty folders are taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
from pyspark.sql.utils import is_remote

from cdimf_spark.distributed.output.remote_folder import (
    check_remote_folder,
    escaped,
    mark_remote_folder,
    matches,
)
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import Order, Recognise, by_marker_only, claim_folder
from cdimf_spark.results.marker import MARKER
from cdimf_spark.results.overlaps import Named, refuse_overlap
from cdimf_spark.results.places import LOCAL, Place, input_places, place_of
from cdimf_spark.results.replacing import check_output, local_place, new_result

# What a job reads, by what messages call it: paths, names of tables, or frames.
Inputs = Mapping[str, str | DataFrame | None]

# Operations of Delta that leave the rows of a table as they are.
_MAINTENANCE = re.compile(
    r"OPTIMIZE|VACUUM.*|REORG.*|RESTORE|FSCK.*|(UN)?SET TBLPROPERTIES|UPGRADE PROTOCOL|"
    r"CLUSTER BY|COMPUTE STATS.*|ADD FEATURE|DROP FEATURE"
)
_TABLE_NAME = re.compile(r"[\w-]+(\.[\w-]+){1,2}")


@dataclass(frozen=True)
class Target:
    """An output that may be written.

    Attributes
    ----------
    spark : SparkSession
    place : Place
    order : Order
        What is to be written.
    folder : Path or None
        The folder, links followed, if it is one of this machine.
    is_replaced : bool
        Whether one commit to the Delta table that is there replaces it.
    """

    spark: SparkSession
    place: Place
    order: Order
    folder: Path | None
    is_replaced: bool

    @property
    def uri(self) -> str:
        """The path for Spark."""
        return self.place.uri if self.folder is None else f"{LOCAL}:{self.folder}"

    @contextmanager
    def writing(self) -> Iterator[str]:
        """Give the path to write to; at the end it is in its place."""
        if self.folder is None:
            mark_remote_folder(self.spark, self.uri, self.order.marker)
            yield self.uri
        elif self.is_replaced:
            yield self.uri
        else:
            with new_result(self.folder, self.place.given, self.order) as scratch:
                yield f"{LOCAL}:{scratch}"
            self.spark.catalog.refreshByPath(self.uri)

    def claim(self) -> None:
        """Mark the folder of a result that grows, before anything else is written to it."""
        if self.folder is None:
            mark_remote_folder(self.spark, self.uri, self.order.marker)
        else:
            claim_folder(self.folder, self.order.marker)

    def write_table(self, rows: DataFrame) -> None:
        """Write a frame as the result, which is one table."""
        with self.writing() as path:
            self.writer(rows).save(path)

    def writer(self, rows: DataFrame) -> DataFrameWriter:
        """The writer of a table of the result; whose commits are known as ours."""
        mode = "overwrite" if self.is_replaced else "append"
        writer = rows.write.format(self.order.format).mode(mode)
        if self.order.format == "delta":
            writer = writer.option("userMetadata", json.dumps({MARKER: self.order.kind.word}))
            writer = writer.option("overwriteSchema", str(self.is_replaced).lower())
        return writer


def check_target(
    spark: SparkSession,
    path: str,
    order: Order,
    inputs: Inputs,
    recognise: Recognise = by_marker_only,
) -> Target:
    """Check an output before any work.

    Parameters
    ----------
    spark : SparkSession
    path : str
        The output, any path that Spark can write.
    order : Order
        What is to be written there.
    inputs : mapping of str to str or DataFrame
        What is read, by what messages call it: ``{"the model": "models/shops"}``. Globs and names
        of tables are understood; None is passed over.
    recognise : callable
        Tells whether a folder without a marker is a result of the kind all the same.

    Raises
    ------
    ConfigurationError
        The output is not new, empty, or a result of the same kind that may be replaced; or it is,
        contains, or lies inside something that is read.
    """
    here = session_place(spark)
    place = place_of(path, here)
    named = places_of(spark, inputs, here)
    if place.local is not None and not is_remote():
        folder = check_output(place, order, named, recognise)
        replaced = order.is_delta_table and (folder / "_delta_log").is_dir()
        target = Target(spark, place, order, folder, replaced)
    else:
        refuse_overlap(place, named)
        check_remote_folder(spark, place.uri, path, order, recognise)
        log = f"{escaped(place.uri)}/_delta_log/*.json"
        replaced = order.is_delta_table and matches(spark, log)
        target = Target(spark, place, order, None, replaced)
    if replaced:
        _refuse_changed(target)
    return target


def check_local_target(spark: SparkSession, path: str, order: Order, inputs: Inputs) -> Path:
    """Check an output that is written by this process, and return its real path.

    Raises
    ------
    ConfigurationError
        As `check_target`, or the path belongs to another store.
    """
    place = local_place(path, order)
    return check_output(place, order, places_of(spark, inputs, session_place(spark)))


def session_place(spark: SparkSession) -> Place:
    """The folder that relative paths of a session start from."""
    location = OutputTables(spark, ".").location()
    root = Place(LOCAL, (), location)
    return place_of(location, root)


def places_of(spark: SparkSession, inputs: Inputs, here: Place) -> list[Named]:
    """Where the inputs lie."""
    found = list[Named]()
    for name, source in inputs.items():
        if isinstance(source, DataFrame):
            found += [(name, place) for place in _places_of_frame(source, here)]
        elif source:
            found += [(name, place) for place in input_places(source, here)]
            found += [(name, place) for place in _places_of_table(spark, source, here)]
    return found


def _places_of_frame(frame: DataFrame, here: Place) -> set[Place]:
    """The files that a frame is read from, or the folder where Spark wrote them."""
    places = set()
    for file in frame.inputFiles():
        folder, _, name = unquote(file).rpartition("/")
        if name.startswith("part-"):
            # Folders of partitions belong to their table.
            folder = re.sub(r"(/[^/=]+=[^/]*)+$", "", folder)
            places.add(place_of(folder, here))
        else:
            places.add(place_of(f"{folder}/{name}", here))
    return places


def _places_of_table(spark: SparkSession, name: str, here: Place) -> list[Place]:
    """The folder of a Delta table of a catalog."""
    if not _TABLE_NAME.fullmatch(name):
        return []
    quoted = ".".join(f"`{part}`" for part in name.split("."))
    try:
        location = spark.sql(f"DESCRIBE DETAIL {quoted}").collect()[0]["location"]
    except PySparkException:
        # A path, or a table of another format.
        return []
    return [place_of(unquote(location), here)]


def _refuse_changed(target: Target) -> None:
    """Refuse a Delta table that somebody else has written to since."""
    quoted = target.uri.replace("`", "``")
    history = target.spark.sql(f"DESCRIBE HISTORY delta.`{quoted}`")
    for row in history.select("version", "operation", "userMetadata").collect():
        ours = f'"{MARKER}"' in (row["userMetadata"] or "")
        if not ours and not _MAINTENANCE.fullmatch(row["operation"]):
            raise ConfigurationError(
                f"output {target.place.given!r}: somebody else has changed this table (version "
                f"{row['version']}, {row['operation']}), and would lose it: use another path"
            )
