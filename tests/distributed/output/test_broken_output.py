"""Full disks and damaged tables: one clear error, nothing lost, and it goes on after the repair."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.output.storage_errors import storage_error
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.errors import CDIMFError, DataError, StorageError
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of, published

Damage = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def half_of(files: list[Path]) -> Iterator[None]:
    """Files that end in the middle, with no checksum to tell."""
    contents = {file: file.read_bytes() for file in files}
    for file, content in contents.items():
        file.write_bytes(content[: len(content) // 2])
        (file.parent / f".{file.name}.crc").unlink(missing_ok=True)
    try:
        yield
    finally:
        for file, content in contents.items():
            file.write_bytes(content)


@contextmanager
def replaced(path: Path, content: str | None) -> Iterator[None]:
    """A folder that is gone, or has become a file."""
    away = path.with_name(f"_{path.name}")
    shutil.move(path, away)
    if content is not None:
        path.write_text(content)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        shutil.move(away, path)


def truncated_state(output: Path) -> AbstractContextManager[None]:
    return half_of(list((output / "state").rglob("*.parquet")))


def truncated_blocks(output: Path) -> AbstractContextManager[None]:
    return half_of(list((output / "blocks").rglob("*.parquet")))


def torn_log(output: Path) -> AbstractContextManager[None]:
    return half_of(sorted((output / "runs" / "_delta_log").glob("[0-9]*.json"))[-1:])


def missing_table(output: Path) -> AbstractContextManager[None]:
    return replaced(output / "consensus", None)


def file_for_a_folder(output: Path) -> AbstractContextManager[None]:
    return replaced(output / "item_factors", "")


@pytest.fixture(scope="module")
def unfinished(
    spark: SparkSession, domains: Domains, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, DataFrame, TrainConfig]:
    """Three iterations, published; the fourth is to come."""
    output = tmp_path_factory.mktemp("unfinished") / "model"
    data = to_spark(spark, domains)
    train(spark, data, config_of(domains, output, max_iter=3))
    return output, data, config_of(domains, output)


@pytest.mark.long
def test_damage_is_named_and_repaired(
    spark: SparkSession,
    unfinished: tuple[Path, DataFrame, TrainConfig],
    at_once: tuple[Path, Run],
) -> None:
    output, data, config = unfinished
    before = published(spark, output)
    damages: list[tuple[Damage, type[CDIMFError], str]] = [
        (truncated_state, DataError, r"the file '\S*/state/\S+parquet' is damaged or gone"),
        (truncated_blocks, DataError, r"the file '\S*/blocks/\S+parquet' is damaged or gone"),
        (torn_log, DataError, r"'\S*/runs\S*' is damaged or gone"),
        (missing_table, DataError, "no table 'consensus' in "),
    ]
    for damage, kind, message in damages:
        with damage(output), pytest.raises(kind, match=message):
            train(spark, data, config, resume=True)
        assert published(spark, output) == before
    with file_for_a_folder(output), pytest.raises(StorageError, match="cannot write to the output"):
        train(spark, data, config, resume=True)
    train(spark, data, config, resume=True)
    assert published(spark, output) == published(spark, at_once[0])


@pytest.mark.long
def test_a_full_disk_costs_an_iteration(
    spark: SparkSession,
    domains: Domains,
    at_once: tuple[Path, Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, config = to_spark(spark, domains), config_of(domains, tmp_path / "model")
    append = OutputTables.append

    def full(self: OutputTables, frame: DataFrame, name: str, *args: Any, **kw: Any) -> None:
        if name == "consensus":
            raise OSError("java.io.IOException: No space left on device")
        append(self, frame, name, *args, **kw)

    with monkeypatch.context() as patches:
        patches.setattr(OutputTables, "append", full)
        with pytest.raises(StorageError, match="free some space and go on with --resume"):
            train(spark, data, config)
    run = train(spark, data, config, resume=True)
    assert len(run.iterations) == 4
    assert published(spark, tmp_path / "model") == published(spark, at_once[0])


def test_other_errors_keep_their_words() -> None:
    program = "Cannot run program 'python9': error=13, Permission denied"
    assert storage_error(ValueError("bad"), "/models") is None
    assert storage_error(OSError(program), "/models") is None
