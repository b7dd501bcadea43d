"""Starting a training from a published model: its user rows, where the new users are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.blocks.indexing import place
from cdimf_spark.distributed.blocks.layout import Side
from cdimf_spark.distributed.output.runs import Run, last_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.schemas import DOMAIN, FACTORS, USER_ID
from cdimf_spark.solver.earlier import EarlierRows, KeyedRows, check_earlier

logger = logging.getLogger(__name__)

# Of the event `started`: the run whose model a training starts from.
EARLIER_RUN = "earlier_run"


@dataclass(frozen=True)
class EarlierModel:
    """A published model to start from.

    Attributes
    ----------
    run_id
        Its run.
    users
        Rows that score its users: domain, user_id, factors.
    coupled
        Its domains that take part in a consensus.
    """

    run_id: str
    users: DataFrame
    coupled: frozenset[str]

    @classmethod
    def find(cls, spark: SparkSession, config: TrainConfig, run: Run | None) -> EarlierModel | None:
        """The model that a configuration names as its start.

        Parameters
        ----------
        run
            A stopped run that goes on; None for a new one.

        Returns
        -------
        EarlierModel or None
            None if the configuration names none, or the run has left its start behind: after its
            first consensus all that it needs is in its own tables.

        Raises
        ------
        DataError
            If there is none in that folder.
        ConfigurationError
            If it does not fit: another rank, none of the domains, or options that leave its rows
            unused; or if it is not the one that the run started from.
        """
        if not config.warm_start or (run and run.iteration >= config.model.aggregation_period):
            return None
        tables = OutputTables(spark, config.warm_start)
        found = last_run(tables, published=True)
        if found is None:
            raise DataError(f"warm_start: no published model in {config.warm_start!r}")
        if run is not None:
            _check_same(run, found)
        earlier = TrainConfig.from_dict(found.details["config"], f"run {found.run_id}")
        where, names = f"warm_start {config.warm_start!r}", config.domain_names
        check_earlier(where, earlier.model.rank, earlier.domain_names, config.model, names)
        logger.info("starting from run %s in %s", found.run_id, config.warm_start)
        return cls(found.run_id, tables.read("user_factors"), earlier.coupled_domains)

    def placed(self, side: Side) -> DataFrame:
        """Rows where the new training's users are: domain, key, factors, bkey."""
        keyed = self.users.select(DOMAIN, F.xxhash64(USER_ID).alias("key"), FACTORS)
        return place(keyed, "key", side).selectExpr(
            DOMAIN, "key", FACTORS, f"{side.block_key_expression()} AS bkey"
        )

    def tell_found(self, sums: Mapping[str, NDArray[np.float64]]) -> None:
        """Log how many users of each domain start from the model, of all; warn if none does."""
        for domain, (n_users, n_found) in sorted(sums.items()):
            logger.info("domain=%s users=%d known=%d", domain, n_users, n_found)
        if not any(found for _, found in sums.values()):
            logger.warning("no user is in the model of run %s: all start at random", self.run_id)


def _check_same(run: Run, found: Run) -> None:
    before = run.details.get(EARLIER_RUN)
    if before != found.run_id:
        raise ConfigurationError(
            f"cannot resume run {run.run_id}: it started from the model of run {before}, which run "
            f"{found.run_id} has replaced. Start a new run without --resume"
        )


def read_rows(table: pa.Table, coupled: frozenset[str]) -> EarlierRows:
    """Rows of one block number, as `EarlierModel.placed` has them."""
    table = table.sort_by("key")
    domains = {}
    for name in pc.unique(table.column(DOMAIN)).to_pylist():
        own = table.filter(pc.equal(table.column(DOMAIN), name)).combine_chunks()
        keys = own.column("key").to_numpy()
        factors = own.column(FACTORS).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        domains[name] = KeyedRows(keys, factors.astype(np.float32).reshape(len(keys), -1))
    return EarlierRows(domains, coupled)
