"""What a training published: its tables, its options and its packed data, opened to be read."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.output.runs import Run, last_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, Sizes
from cdimf_spark.distributed.session import check_delta
from cdimf_spark.distributed.training.federation import is_party
from cdimf_spark.distributed.training.resuming import check_format
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.errors import DataError
from cdimf_spark.schemas import BLOCK_COLUMNS
from cdimf_spark.scoring.sources import Sources
from cdimf_spark.serving.manifest import FILE_NAME as MANIFEST


class FactorTables:
    """The published tables of factors of an output folder."""

    def __init__(self, output: OutputTables) -> None:
        self._output = output

    @property
    def user_factors(self) -> DataFrame:
        """Rows that score the users of each domain: domain, user_id, factors."""
        return self._output.read("user_factors")

    @property
    def item_factors(self) -> DataFrame:
        """Rows of the items: domain, item_id, factors."""
        return self._output.read("item_factors")

    @property
    def shared_factors(self) -> DataFrame:
        """Consensus rows of the users of several domains: user_id, factors."""
        return self._output.read("shared_factors")


class PublishedModel(FactorTables):
    """The published tables of an output folder, and the packed data that they were made of.

    Parameters
    ----------
    spark : SparkSession
    path : str
        Output folder of a training.
    run : Run or None
        Its published run, where the caller knows it.

    Attributes
    ----------
    path : str
        The output folder.
    run : Run
        The published run.
    config : TrainConfig
        The options that it was trained with.
    tables : ScoringTables
        The packed factors and interactions.

    Raises
    ------
    DataError
        If the folder has no published model.
    ConfigurationError
        If another version of the package wrote it in a form that this one cannot read.
    """

    def __init__(
        self, spark: SparkSession, path: str | os.PathLike[str], run: Run | None = None
    ) -> None:
        check_delta(spark)
        self.path = path = os.fspath(path)
        super().__init__(OutputTables(spark, path))
        run = run or last_run(self._output, published=True)
        if run is None:
            raise DataError(f"no published model in {path!r}: {_advice(path)}")
        check_format(run, "open the model of", "train again")
        self.run = run
        self.config = TrainConfig.from_dict(run.details["config"])
        self.tables = _scoring_tables(self._output, run, self.config)

    @property
    def spark(self) -> SparkSession:
        """The session that reads it."""
        return self._output.spark

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains."""
        return self.tables.domains

    @property
    def rank(self) -> int:
        """Length of a factor row."""
        return self.tables.rank

    def blocks(self) -> DataFrame:
        """Packed interactions of the training: ``BLOCK_ROW`` and `side`."""
        return WorkingTables(self._output, self.run.run_id).read_blocks()

    def exchanged_blocks(self) -> DataFrame | None:
        """X + U of the shared users as packed rows: what the published consensus was made of.

        None where no user is shared.
        """
        party = is_party(self.run)
        if self._output.find("state" if party else "exchange") is None:
            return None
        published = self.run.published or 0
        aggregated = published - published % self.config.model.aggregation_period
        working = WorkingTables(self._output, self.run.run_id, in_one=party)
        return working.read("exchange", aggregated, self.run.writers[aggregated - 1])

    @property
    def layout(self) -> Layout:
        """Where the packed interactions lie."""
        return self.tables.layout


def _advice(path: str) -> str:
    """What to do about a folder without a published model."""
    if (Path(path) / MANIFEST).is_file():
        return (
            "it is one that LocalCDIMFModel.save or an export wrote: open it in Python with "
            "LocalCDIMFModel.open or ServingModel.open"
        )
    return (
        "check the spelling, or finish its training (jobs/train_cdimf.py --output DIR, with "
        "--resume after a stop)"
    )


def _scoring_tables(output: OutputTables, run: Run, config: TrainConfig) -> ScoringTables:
    working = WorkingTables(output, run.run_id)
    with ThreadPoolExecutor() as pool:
        blocks, factors = pool.map(lambda read: read(), (working.read_blocks, working.read_factors))
    rows = blocks.select("side", *BLOCK_COLUMNS).union(factors.select("side", *BLOCK_COLUMNS))
    return ScoringTables(
        users=rows.where("side = 'user'"),
        items=rows.where("side = 'item'"),
        layout=Layout.from_dict(config.domain_names, run.details["layout"]),
        sizes=Sizes(**run.sizes),
        sources=Sources(config.coupled_domains),
        rank=config.model.rank,
    )
