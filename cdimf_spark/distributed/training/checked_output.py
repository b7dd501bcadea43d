"""The output folder of a training, checked before any work."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.output.guard import Inputs, Target, check_target, session_place
from cdimf_spark.distributed.output.runs import has_log
from cdimf_spark.distributed.output.tables import TABLES, OutputTables
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.results.places import place_of

# What a process that died in its first commit to a table leaves: data files without a log.
_DATA_FILE = re.compile(r"([^/=]+=[^/]*/)*\.?part-[^/]*[.]parquet(\.crc)?|_delta_log/.*")


def check_output(
    spark: SparkSession, config: TrainConfig, interactions: DataFrame | None = None
) -> Target:
    """Check the output folder of a training.

    Parameters
    ----------
    interactions
        The data, if they are frames; else they are where the domains' paths say.

    Raises
    ------
    ConfigurationError
        If the folder holds something else than the output of a training, or has a file in common
        with the data or with the model of the warm start.
    """
    tables = OutputTables(spark, config.output)
    known = has_log(tables)
    inputs = _inputs(spark, config, interactions)
    target = check_target(spark, config.output, Order(Kind.MODEL), inputs, known)
    if target.folder is not None:
        _refuse_strangers(target.folder, config.output)
    return target


def _inputs(spark: SparkSession, config: TrainConfig, interactions: DataFrame | None) -> Inputs:
    """What a training reads; the model that it replaces may be that of the warm start."""
    here = session_place(spark)
    warm = config.warm_start
    if warm and place_of(warm, here).parts == place_of(config.output, here).parts:
        warm = None
    if interactions is not None:
        return {"the interactions in": interactions, "the model of the warm start": warm}
    return {
        **{f"the input of domain {domain.name!r}": domain.path for domain in config.domains},
        "the model of the warm start": warm,
    }


def _refuse_strangers(folder: Path, given: str) -> None:
    """Refuse to make a table in a folder that has something else in it."""
    for table in TABLES:
        root = folder / table
        if not root.is_dir() or any((root / "_delta_log").glob("[0-9]*")):
            continue
        for path in (Path(at, name) for at, _, names in os.walk(root) for name in names):
            name = path.relative_to(root).as_posix()
            if not _DATA_FILE.fullmatch(name):
                raise ConfigurationError(
                    f"output {given!r} has {str(path.relative_to(folder))!r} where a table of the "
                    "training belongs: move it away, or name another folder"
                )
