"""A whole training: check the output, pack the data (or find them packed), iterate, publish."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.sizing import num_blocks
from cdimf_spark.distributed.blocks.balance import balanced_layout
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import (
    StaticBlocks,
    block_sizes,
    build_blocks,
    persist_blocks,
)
from cdimf_spark.distributed.input.content import Content
from cdimf_spark.distributed.input.read_errors import plain_path
from cdimf_spark.distributed.input.validation import clean_rows, raise_for_problems
from cdimf_spark.distributed.output.commits import Commits
from cdimf_spark.distributed.output.guard import Target
from cdimf_spark.distributed.output.holder import Hold
from cdimf_spark.distributed.output.holding import Holding, hold_output
from cdimf_spark.distributed.output.runs import (
    PACKED,
    RESUMED,
    STARTED,
    Run,
    last_run,
    new_run,
)
from cdimf_spark.distributed.output.storage_errors import storage_errors_named
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.checked_output import check_output
from cdimf_spark.distributed.training.publishing import publish
from cdimf_spark.distributed.training.recovering import survive_losses
from cdimf_spark.distributed.training.resuming import (
    check_data,
    check_options,
    start_details,
)
from cdimf_spark.distributed.training.steps.iteration import Steps
from cdimf_spark.distributed.training.steps.warm_start import EarlierModel
from cdimf_spark.distributed.training.timing import Stopwatch
from cdimf_spark.distributed.training.trainer import Trainer, first_kept, frees_disk
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.errors import NumericalError
from cdimf_spark.progress import stage
from cdimf_spark.solver.rules import DomainSize

logger = logging.getLogger(__name__)


def train(
    spark: SparkSession,
    interactions: DataFrame,
    config: TrainConfig,
    resume: bool = False,
    holding: Holding = hold_output,
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
            return _train(held, target, interactions, config, resume, hold)


def _train(
    tables: OutputTables,
    target: Target,
    interactions: DataFrame,
    config: TrainConfig,
    resume: bool,
    hold: Hold,
) -> Run:
    """Train and publish, in an output folder that is held."""
    run = _find_run(tables, config) if resume else None
    run = run if run is not None and run.packed else None
    if run is not None:
        # Also of a finished run: its model is not that of other data.
        check_data(run, raise_for_problems(interactions, _sources(config)))
        if run.published == run.iteration == config.model.max_iter:
            logger.info("run %s is finished and published: nothing to do", run.run_id)
            return run
    earlier = EarlierModel.find(tables.spark, config, run)
    if run is None:
        run = _pack(tables, target, interactions, config, hold, earlier)
    else:
        hold.name(run.run_id)
        run.claim = hold.claim
        run.record(RESUMED, run.iteration)
    layout = Layout.from_dict(config.domain_names, run.details["layout"])
    blocks = WorkingTables(tables, run.run_id).read_blocks()
    static = persist_blocks(blocks, layout, config.model.shared_user_weight)
    try:
        survive_losses(
            run, partial(_iterate_and_publish, tables, run, config, layout, blocks, static, earlier)
        )
    finally:
        static.unpersist()
    return run


def _find_run(tables: OutputTables, config: TrainConfig) -> Run | None:
    """The run to go on with, if any."""
    run = last_run(tables)
    if run is None:
        logger.warning("nothing to resume in %s: a new training begins", config.output)
        return None
    check_options(run, config)
    return run


def _pack(
    tables: OutputTables,
    target: Target,
    interactions: DataFrame,
    config: TrainConfig,
    hold: Hold,
    earlier: EarlierModel | None,
) -> Run:
    """Start a run: validate the data, pack them, write the blocks."""
    watch = Stopwatch()
    stage("packing")
    output = plain_path(tables.location())
    logger.info("reading, checking and packing the interactions; the model goes to %s", output)
    annotated = interactions.persist()
    try:
        contents = raise_for_problems(annotated, _sources(config))
        keyed = with_keys(clean_rows(annotated))
        n_rows = [content.n_rows for content in contents.values()]
        given = config.model.num_blocks, config.model.num_item_blocks
        blocks = num_blocks(sum(n_rows), max(n_rows), *given)
        layout = balanced_layout(keyed, config.domain_names, blocks, sum(n_rows))
        run = new_run(tables, start_details(config, layout, contents, earlier), hold.claim)
        hold.name(run.run_id)
        logger.info("run %s in %s", run.run_id, config.output)
        target.claim()
        rows = build_blocks(keyed, layout, config.coupled_domains, config.model.duplicates)
        with Commits() as commits:
            commits.add(
                [
                    partial(run.write, STARTED, 0, run.details),
                    partial(WorkingTables(tables, run.run_id).write_blocks, rows),
                ],
                partial(run.record, PACKED, 0),
            )
    finally:
        annotated.unpersist()
    logger.info(
        "packed into %d blocks of users and %d of items, seconds=%.1f", *blocks, watch.seconds()
    )
    return run


def _sources(config: TrainConfig) -> dict[str, str]:
    return {domain.name: domain.path for domain in config.domains}


def _iterate_and_publish(
    tables: OutputTables,
    run: Run,
    config: TrainConfig,
    layout: Layout,
    blocks: DataFrame,
    static: StaticBlocks,
    earlier: EarlierModel | None,
) -> None:
    found = block_sizes(static.users, static.items, layout)
    sizes = found.domains
    _log_sizes(run, sizes)
    steps = replace(Steps.of(config, layout, static, sizes), earlier=earlier)
    working = WorkingTables(
        tables,
        run.run_id,
        coupled=any(size.n_shared for size in sizes.values()),
        own=any(size.n_shared < size.n_users for size in sizes.values()),
        claim=run.claim,
    )
    trained = Trainer(config.model, steps, run, working).train()
    watch = Stopwatch()
    stage("publishing")
    logger.info("publishing")
    publish(tables, run, blocks, steps, trained.state, trained.messages, found)
    logger.info("published in %s, seconds=%.1f", config.output, watch.seconds())
    stage("published")
    cleaning = Stopwatch()
    working.forget(
        first_kept(run.iteration, config.model),
        other_runs=not run.first,
        free_disk=frees_disk(run),
    )
    logger.info("rows of old iterations deleted, seconds=%.1f", cleaning.seconds())
    if trained.breakdown is not None:
        raise NumericalError(
            f"{trained.breakdown}. The model of iteration {run.iteration} is published"
        ) from trained.breakdown


def _log_sizes(run: Run, sizes: Mapping[str, DomainSize]) -> None:
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
