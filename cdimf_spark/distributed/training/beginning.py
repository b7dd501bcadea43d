"""The beginning of a run: check the data, find the shared users, pack and write the blocks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from pyspark.sql import DataFrame

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.sizing import num_blocks
from cdimf_spark.distributed.blocks.balance import balanced_layout
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.packing import (
    build_blocks,
)
from cdimf_spark.distributed.input.read_errors import plain_path
from cdimf_spark.distributed.input.validation import clean_rows, raise_for_problems
from cdimf_spark.distributed.output.commits import Commits
from cdimf_spark.distributed.output.guard import Target
from cdimf_spark.distributed.output.holder import Hold
from cdimf_spark.distributed.output.runs import (
    PACKED,
    STARTED,
    Run,
    last_run,
    new_run,
)
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.federation import Federation
from cdimf_spark.distributed.training.resuming import (
    start_details,
)
from cdimf_spark.distributed.training.steps.warm_start import EarlierModel
from cdimf_spark.distributed.training.timing import Stopwatch
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.progress import stage

logger = logging.getLogger(__name__)


def begin_run(
    tables: OutputTables,
    target: Target,
    interactions: DataFrame,
    config: TrainConfig,
    hold: Hold,
    earlier: EarlierModel | None,
    federation: Federation | None,
) -> Run:
    """Start a run: validate the data, pack them, write the blocks."""
    watch = Stopwatch()
    more: Mapping[str, Any]
    stage("packing")
    output = plain_path(tables.location())
    logger.info("reading, checking and packing the interactions; the model goes to %s", output)
    annotated = interactions.persist()
    try:
        contents = raise_for_problems(annotated, sources_of(config))
        keyed, more = with_keys(clean_rows(annotated)), {}
        if federation is not None:
            keyed, more = federation.align(keyed)
        n_rows = [content.n_rows for content in contents.values()]
        given = config.model.num_blocks, config.model.num_item_blocks
        blocks = num_blocks(sum(n_rows), max(n_rows), *given)
        layout = balanced_layout(keyed, config.domain_names, blocks, sum(n_rows))
        details = start_details(config, layout, contents, earlier) | dict(more)
        run = new_run(tables, details, hold.claim)
        hold.name(run.run_id)
        logger.info("run %s in %s", run.run_id, config.output)
        if not run.first:
            _tell_what_is_replaced(tables, config)
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


def _tell_what_is_replaced(tables: OutputTables, config: TrainConfig) -> None:
    """Say which model is there; warn if it is one of other domains, which a slip may replace."""
    found = last_run(tables, published=True)
    if found is None:
        return
    # Its configuration may be one of an earlier version, which cannot be read as such any more.
    names = sorted(found.details.get("data", {}))
    level = logging.INFO if names == sorted(config.domain_names) else logging.WARNING
    logger.log(
        level,
        "the model of run %s (domains %s) is replaced when this training is finished",
        found.run_id,
        ", ".join(names),
    )


def sources_of(config: TrainConfig) -> dict[str, str]:
    """Path of each domain, by name."""
    return {domain.name: domain.path for domain in config.domains}
