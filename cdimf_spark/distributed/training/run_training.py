"""A whole training: check the output, pack the data (or find them packed), iterate, publish."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import (
    StaticBlocks,
    block_sizes,
    persist_blocks,
)
from cdimf_spark.distributed.input.content import Content
from cdimf_spark.distributed.input.validation import raise_for_problems
from cdimf_spark.distributed.output.guard import Target
from cdimf_spark.distributed.output.holder import Hold
from cdimf_spark.distributed.output.holding import Holding, hold_output
from cdimf_spark.distributed.output.runs import (
    RESUMED,
    Run,
    last_run,
)
from cdimf_spark.distributed.output.storage_errors import storage_errors_named
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.beginning import begin_run, sources_of
from cdimf_spark.distributed.training.checked_output import check_output
from cdimf_spark.distributed.training.federation import Federation, is_party
from cdimf_spark.distributed.training.publishing import publish
from cdimf_spark.distributed.training.recovering import survive_losses
from cdimf_spark.distributed.training.resuming import (
    check_data,
    check_options,
)
from cdimf_spark.distributed.training.steps.iteration import Steps
from cdimf_spark.distributed.training.steps.warm_start import EarlierModel
from cdimf_spark.distributed.training.timing import Stopwatch
from cdimf_spark.distributed.training.trainer import Trainer, clears_up, first_kept
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.errors import NumericalError
from cdimf_spark.progress import stage
from cdimf_spark.solver.rules import DomainSize, warn_if_alone

logger = logging.getLogger(__name__)


def train(
    spark: SparkSession,
    interactions: DataFrame,
    config: TrainConfig,
    resume: bool = False,
    holding: Holding = hold_output,
    federation: Federation | None = None,
) -> Run:
    """Train and publish.

    Parameters
    ----------
    interactions
        Annotated interactions of all domains (`annotate`).
    config
        Options; the names in `config.domains` are those in the data.
    resume
        Go on with the last run of the output folder instead of beginning a new one.
    holding
        How the output folder is kept from other trainings.
    federation
        The parties to train with; None: all domains are here.

    Raises
    ------
    DataError
        If the data cannot be used; the output is untouched.
    ConfigurationError
        If the output folder holds something else, or `resume` does not fit its last run.
    OutputInUseError
        If another training holds the output folder.
    StorageError
        If something cannot be written; what was recorded and published before stays.
    NumericalError
        If the factors or the loss are no longer finite, or explode; the last good iteration is
        published, if there is one.
    """
    tables = OutputTables(spark, config.output)
    with storage_errors_named(config.output):
        target = check_output(spark, config, interactions)
        if target.folder is None:
            # The claim on the folder is a table already.
            target.claim()
        with holding(tables) as hold:
            held = replace(tables, guard=hold.check)
            return _train(held, target, interactions, config, resume, hold, federation)


def _train(
    tables: OutputTables,
    target: Target,
    interactions: DataFrame,
    config: TrainConfig,
    resume: bool,
    hold: Hold,
    federation: Federation | None,
) -> Run:
    """Train and publish, in an output folder that is held."""
    run = _find_run(tables, config) if resume else None
    run = run if run is not None and run.packed else None
    if run is not None:
        # Also of a finished run: its model is not that of other data.
        check_data(run, raise_for_problems(interactions, sources_of(config)))
        if run.published == run.iteration == config.model.max_iter:
            logger.info("run %s is finished and published: nothing to do", run.run_id)
            return run
    earlier = EarlierModel.find(tables.spark, config, run)
    if run is None:
        run = begin_run(tables, target, interactions, config, hold, earlier, federation)
    else:
        if federation is not None:
            federation.rejoin(run.details)
        hold.name(run.run_id)
        run.claim = hold.claim
        run.record(RESUMED, run.iteration)
    layout = Layout.from_dict(config.domain_names, run.details["layout"])
    blocks = WorkingTables(tables, run.run_id).read_blocks()
    static = persist_blocks(blocks, layout, config.model.shared_user_weight)
    make = partial(_make_steps, run, config, layout, static, earlier, federation)
    try:
        survive_losses(
            run, partial(_iterate_and_publish, tables, run, config, layout, blocks, static, make)
        )
    finally:
        static.unpersist()
    if federation is not None:
        federation.finish(run)
    return run


def _make_steps(
    run: Run,
    config: TrainConfig,
    layout: Layout,
    static: StaticBlocks,
    earlier: EarlierModel | None,
    federation: Federation | None,
    sizes: Mapping[str, DomainSize],
) -> Steps:
    steps = replace(Steps.of(config, layout, static, sizes), earlier=earlier)
    return steps if federation is None else federation.steps(steps, run)


def _find_run(tables: OutputTables, config: TrainConfig) -> Run | None:
    """The run to go on with, if any."""
    run = last_run(tables)
    if run is None:
        logger.warning("nothing to resume in %s: a new training begins", config.output)
        return None
    check_options(run, config)
    return run


def _iterate_and_publish(
    tables: OutputTables,
    run: Run,
    config: TrainConfig,
    layout: Layout,
    blocks: DataFrame,
    static: StaticBlocks,
    make_steps: Callable[[Mapping[str, DomainSize]], Steps],
) -> None:
    found = block_sizes(static.users, static.items, layout)
    sizes = found.domains
    _log_sizes(run, sizes, config.coupled_domains)
    steps = make_steps(sizes)
    working = WorkingTables(
        tables,
        run.run_id,
        coupled=any(size.n_shared for size in sizes.values()),
        own=any(size.n_shared < size.n_users for size in sizes.values()),
        claim=run.claim,
        in_one=is_party(run),
    )
    trained = Trainer(config.model, steps, run, working).train()
    watch = Stopwatch()
    stage("publishing")
    logger.info("publishing")
    publish(tables, run, blocks, steps, trained.state, trained.messages, found)
    logger.info("published in %s, seconds=%.1f", config.output, watch.seconds())
    stage("published")
    if clears_up(run):
        cleaning = Stopwatch()
        kept = first_kept(run.iteration, config.model)
        working.forget(kept, other_runs=not run.first, free_disk=True)
        logger.info("rows of old iterations deleted, seconds=%.1f", cleaning.seconds())
    if trained.breakdown is not None:
        raise NumericalError(
            f"{trained.breakdown}. The model of iteration {run.iteration} is published"
        ) from trained.breakdown


def _log_sizes(run: Run, sizes: Mapping[str, DomainSize], coupled: Collection[str]) -> None:
    """Log exact counts, which packing has made; those of the input's summary may be estimates."""
    for domain, size in sorted(sizes.items()):
        n_rows = Content(*run.details["data"][domain]).n_rows
        logger.info(
            "domain=%s users=%d shared=%d items=%d interactions=%d repeated=%d",
            domain,
            size.n_users,
            size.n_shared,
            size.n_items,
            size.n_interactions,
            n_rows - size.n_interactions,
        )
    warn_if_alone({name: size.n_shared for name, size in sizes.items()}, coupled)
