"""The whole preparation in order: read, judge, link, merge, hash, filter, divide, check."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.input.validation import raise_for_problems
from cdimf_spark.distributed.preparation.checks import check_split, refuse_empty
from cdimf_spark.distributed.preparation.dividing import divide
from cdimf_spark.distributed.preparation.events import (
    count_events,
    judge_events,
    merge_duplicates,
    read_events,
)
from cdimf_spark.distributed.preparation.filters import filter_k_core, filter_once
from cdimf_spark.distributed.preparation.identity import hash_users, keep_apart, read_key
from cdimf_spark.distributed.preparation.links import apply_links, read_links
from cdimf_spark.distributed.preparation.numbering import find_accidents
from cdimf_spark.distributed.preparation.overlap import count_overlap, count_parts
from cdimf_spark.distributed.preparation.splits import DROPPED, PART
from cdimf_spark.errors import DataError
from cdimf_spark.preparation.prepare_config import PrepareConfig
from cdimf_spark.preparation.prepare_options import PrepareOptions, inherited
from cdimf_spark.progress import stage, step
from cdimf_spark.schemas import DOMAIN

logger = logging.getLogger(__name__)

# Reading, filtering, dividing, checking.
N_STAGES = 4


def run_preparation(
    spark: SparkSession,
    config: PrepareConfig,
    frames: Mapping[str, DataFrame] | None = None,
    links: DataFrame | str | None = None,
) -> tuple[DataFrame, dict[str, Any]]:
    """Prepare the events of all domains; nothing is written.

    Parameters
    ----------
    spark : SparkSession
    config : PrepareConfig
    frames : mapping of str to DataFrame, optional
        Events of domains that have no path.
    links : DataFrame or str, optional
        Link table, or its path, instead of what is at the option's path.

    Returns
    -------
    parts : DataFrame
        domain, user_id, item_id, weight, timestamp, part; computed.
    report : dict
        Everything that was counted, ready for JSON.

    Raises
    ------
    DataError
        The data cannot be used, or nothing is left of them.
    """
    options, domains = config.options, [domain.name for domain in config.domains]
    key = read_key(options.key_file, options.key_env)
    table = links if links is not None else options.links
    known = None if table is None else read_links(spark, table)
    report: dict[str, Any] = {"config": config.to_dict()}
    _done(0, "reading")
    logger.info("reading and checking the events of %s", ", ".join(domains))
    pairs = _interactions(spark, config, frames, known, report)
    _done(1, "filtering")
    report["accidental_ids"] = [] if known is not None else _accidents(pairs, options, domains)
    clean = _filter(hash_users(keep_apart(pairs, options, domains), key), config)
    report["interactions"] = _count_filtered(pairs, clean, config)
    for name, counts in sorted(report["interactions"].items()):
        logger.info("domain %s: %d interactions, %d after the filter", name, *counts.values())
    _done(2, "dividing")
    report["overlap"] = count_overlap(clean, domains)
    timed = all(counts["timed"] > 0 for counts in report["events"].values())
    divided, report["split"] = divide(clean, options, domains, timed)
    parts = divided.where(f"{PART} != '{DROPPED}'").select(*clean.columns, PART)
    _done(3, "checking")
    logger.info("split %s made; counting and checking", options.split)
    report["sizes"] = count_parts(parts, domains)
    refuse_empty(report["sizes"], options)
    report["checks"] = check_split(parts, options)
    _done(N_STAGES, "prepared")
    return parts, report


def _done(n_stages: int, following: str) -> None:
    step(n_stages)
    stage(following)


def _interactions(
    spark: SparkSession,
    config: PrepareConfig,
    frames: Mapping[str, DataFrame] | None,
    links: DataFrame | None,
    report: dict[str, Any],
) -> DataFrame:
    """Return the interactions before any filter of users and items."""
    domains = [domain.name for domain in config.domains]
    events = read_events(spark, config, frames).persist()
    try:
        sources = {domain.name: domain.path for domain in config.domains}
        raise_for_problems(events, sources)
        judged = judge_events(events, config)
        report["events"] = count_events(judged)
        for name in domains:
            logger.info("domain %s: %d events read", name, report["events"][name]["events"])
        if links is not None:
            judged, report["links"] = apply_links(judged, links, domains)
        # A copy of its own: the events can go.
        return merge_duplicates(judged, config.options.duplicates).localCheckpoint()
    finally:
        events.unpersist()


def _accidents(
    pairs: DataFrame, options: PrepareOptions, domains: list[str]
) -> list[dict[str, Any]]:
    """Look for accidental ids, unless they are kept apart."""
    if options.keep_apart == "all":
        return []
    return find_accidents(keep_apart(pairs, options, domains), domains)


def _filter(interactions: DataFrame, config: PrepareConfig) -> DataFrame:
    options, domains = config.options, config.domains
    if options.filter == "keep_all":
        return interactions.localCheckpoint()
    users = inherited(options, domains, "min_user_interactions")
    items = inherited(options, domains, "min_item_interactions")
    if options.filter == "k_core":
        return filter_k_core(interactions, users, items)
    first = options.filter_order == "users_first"
    return filter_once(interactions, users, items, first).localCheckpoint()


def _count_filtered(
    pairs: DataFrame, clean: DataFrame, config: PrepareConfig
) -> dict[str, dict[str, int]]:
    """Count the interactions of each domain before and after the filter.

    Raises
    ------
    DataError
        The options leave a domain without interactions.
    """
    before, after = (
        {row[DOMAIN]: row["count"] for row in frame.groupBy(DOMAIN).count().collect()}
        for frame in (pairs, clean)
    )
    for name in (domain.name for domain in config.domains):
        if name not in before:
            raise DataError(
                f"domain {name!r}: no event is left after the options of time, rating and event "
                "type: check them against the data"
            )
        if name not in after:
            raise DataError(
                f"domain {name!r}: none of {before[name]} interactions is left after filter: "
                f"{config.options.filter}. Lower min_user_interactions and min_item_interactions, "
                "or use filter: keep_all"
            )
    return {name: {"merged": before[name], "filtered": after[name]} for name in before}
