"""What is done to the tables of another party, and to the meeting place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.federation.rounds.publication import FINISHED_ROUND
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.federation.secrets import digest_key
from tests.faults.party_outcomes import Fault, outcome_of
from tests.support.parties import Federation
from tests.support.trained_tables import published

TABLES = ("members", "status", "alignment", "exchange/books+films")
Damage = Callable[[Path], None]


def _data(table: Path) -> list[Path]:
    return sorted(file for file in table.rglob("part-*.parquet"))


def _log(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("[0-9]*.json"))


def truncate_data(table: Path) -> None:
    for file in _data(table):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_bytes(table: Path) -> None:
    for file in _data(table):
        content = bytearray(file.read_bytes())
        for place in range(8, min(len(content) - 8, 400), 40):
            content[place] ^= 0xFF
        file.write_bytes(bytes(content))


def delete_data(table: Path) -> None:
    for file in _data(table):
        file.unlink()


def delete_newest_file(table: Path) -> None:
    max(_data(table), key=lambda file: file.stat().st_mtime_ns).unlink()


def truncate_newest_commit(table: Path) -> None:
    _log(table)[-1].write_text(_log(table)[-1].read_text()[:40])


def garble_newest_commit(table: Path) -> None:
    _log(table)[-1].write_bytes(b"\x00\xff" * 200)


def roll_back(table: Path) -> None:
    for file in _log(table)[1:]:
        file.unlink()
    for crc in (table / "_delta_log").glob("*.crc"):
        crc.unlink()


def delete_first_commit(table: Path) -> None:
    _log(table)[0].unlink()


def delete_table(table: Path) -> None:
    shutil.rmtree(table)


def replace_by_a_file(table: Path) -> None:
    shutil.rmtree(table)
    table.write_text("not a table")


def empty_folder(table: Path) -> None:
    shutil.rmtree(table)
    table.mkdir()


DAMAGES: tuple[Damage, ...] = (
    *(truncate_data, flip_bytes, delete_data, delete_newest_file, truncate_newest_commit),
    *(garble_newest_commit, roll_back, delete_first_commit, delete_table, replace_by_a_file),
    empty_folder,
)


def _rewrite(table: str, change: Callable[[DataFrame], DataFrame], federation: Federation) -> None:
    path = str(federation.place / "films" / table)
    frame = change(federation.spark.read.format("delta").load(path)).localCheckpoint()
    writer = frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.save(path)


def without_payloads(frame: DataFrame) -> DataFrame:
    return frame.withColumn("payload", F.unhex(F.lit("00")))


def of_another_round(frame: DataFrame) -> DataFrame:
    return frame.withColumn("round", F.when(F.col("round") == 4, 3).otherwise(F.col("round")))


def twice(frame: DataFrame) -> DataFrame:
    return frame.union(frame)


def with_clocks_an_hour_ahead(frame: DataFrame) -> DataFrame:
    return frame.withColumn("at", F.expr("at + INTERVAL 1 HOUR"))


def boasting(frame: DataFrame) -> DataFrame:
    return frame.withColumn("round", F.when(F.col("round") == 4, 9999).otherwise(F.col("round")))


def other_columns(frame: DataFrame) -> DataFrame:
    return frame.select(F.lit(1).alias("nothing"))


REWRITES = (
    *(("exchange/books+films", change) for change in (without_payloads, of_another_round, twice)),
    *(("status", change) for change in (with_clocks_an_hour_ahead, boasting, twice)),
    *((table, other_columns) for table in TABLES),
)


def forge(federation: Federation) -> None:
    """Somebody without the key says that films has finished a round."""
    place = Party.of(federation.spark, federation.config("films")).place
    forger = replace(place, secret=digest_key(b"another key that is long enough", "shops"))
    forger.announce("status", FINISHED_ROUND, 5, "x", {"kept_from": 1})


def _acts() -> Iterator[tuple[str, str, Callable[[Federation], object]]]:
    for table in TABLES:
        for damage in DAMAGES:
            yield "files", f"{damage.__name__} {table}", partial(_damage, damage, table)
    for table, change in REWRITES:
        yield "rows", f"{change.__name__} {table}", partial(_rewrite, table, change)
    yield "forged", "an event of somebody without the key", forge


def _damage(damage: Damage, table: str, federation: Federation) -> None:
    damage(federation.place / "films" / table)


# Kind, name, and what is done.
ACTS = tuple(_acts())
REFUSALS = ("No space left on device", "Read-only file system", "Permission denied")
HOSTILE: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("rows that are no numbers", lambda rows: rows * np.float32("nan")),
    ("infinite rows", lambda rows: rows + np.float32("inf")),
    ("rows a million times too long", lambda rows: rows * np.float32(1e6)),
)


def go_on(fault: Fault, federation: Federation, max_iter: int = 4) -> Fault:
    """Books go on by a round, after something happened to films; its earlier model stays good."""
    before = published(federation.spark, federation.output("books"))
    found = outcome_of(
        fault, lambda: federation.train("books", resume=True, max_iter=max_iter), ("films",)
    )
    if found.outcome != "went on":
        same = published(federation.spark, federation.output("books")) == before
        return found if same else found.failed("the earlier model is not as it was")
    return found


def full_place(fault: Fault, federation: Federation, words: str) -> Fault:
    """The meeting place takes nothing more from books."""
    append = OutputTables.append

    def refuse(self: OutputTables, *args: Any, **named: Any) -> None:
        if self.root.startswith(str(federation.place)):
            raise OSError(words)
        append(self, *args, **named)

    before = published(federation.spark, federation.output("books"))
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(OutputTables, "append", refuse)
        found = outcome_of(
            fault, lambda: federation.train("books", resume=True, max_iter=4), ("place",)
        )
    if published(federation.spark, federation.output("books")) != before:
        return found.failed("the earlier model is not as it was")
    return found
