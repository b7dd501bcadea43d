"""Raw events to interactions: what is read, what is left out and why, and repeated pairs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.distributed.input.event_columns import (
    EVENT,
    IS_RATING,
    TIMESTAMP,
    EventColumns,
)
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.input.validation import annotate
from cdimf_spark.preparation.prepare_config import PrepareConfig
from cdimf_spark.preparation.prepare_options import EventsConfig, PrepareOptions, inherited
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID, WEIGHT

FATE = "fate"
# Why an event is left out; the first that applies counts.
FATES = ("time", "event_type", "rating", "zero")
COLUMNS = (DOMAIN, USER_ID, ITEM_ID, WEIGHT, TIMESTAMP)


def read_events(
    spark: SparkSession, config: PrepareConfig, frames: Mapping[str, DataFrame] | None = None
) -> DataFrame:
    """Return the raw events of all domains with their problems, not yet read.

    Parameters
    ----------
    spark : SparkSession
    config : PrepareConfig
    frames : mapping of str to DataFrame, optional
        Events of domains that have no path.

    Returns
    -------
    DataFrame
        domain, user_id, item_id, weight, problem, timestamp, event, is_rating.

    Raises
    ------
    DataError
        An input is missing or has not the columns that the options need.
    """
    annotated, given = [], frames or {}
    for domain in config.domains:
        source, events = domain.source, event_columns(domain, config.options)
        with_weight = "event" not in events.needs
        if domain.name in given:
            frame, path, columns = given[domain.name], source.path, source.columns
            annotated.append(
                annotate(frame, domain.name, path, columns, with_weight, events=events)
            )
        else:
            annotated.append(read_annotated(spark, source, with_weight, events))
    return reduce(DataFrame.unionByName, annotated)


def event_columns(domain: EventsConfig, options: PrepareOptions) -> EventColumns:
    """Return which columns of a domain are read besides user, item and value."""
    names = domain.columns or {}
    needs = {}
    if _own(options, domain, "event_weights") is not None:
        needs["event"] = "event_weights"
    elif _own(options, domain, "min_rating") is not None:
        needs["value"] = "min_rating"
    for name, needed in {
        "time_from": options.time_from is not None,
        "time_to": options.time_to is not None,
        "duplicates: last": options.duplicates == "last",
        "order: last": options.order == "last",
        "split: time": options.split == "time",
    }.items():
        if needed:
            needs.setdefault("time", name)
    return EventColumns(names.get("time"), names.get("event"), domain.columns is None, needs)


def _own(options: PrepareOptions, domain: EventsConfig, name: str) -> object:
    return inherited(options, [domain], name)[domain.name]


def judge_events(events: DataFrame, config: PrepareConfig) -> DataFrame:
    """Return events with their weight and, for those to leave out, why.

    Parameters
    ----------
    events : DataFrame
        Rows of `read_events` without problems.

    Returns
    -------
    DataFrame
        `COLUMNS` and fate: one of `FATES`, null for an event that stays.
    """
    options, domains = config.options, config.domains
    least = _by_domain(inherited(options, domains, "min_rating"), "double")
    value = F.col(WEIGHT)
    typed = F.lit(False)
    for domain, weights in inherited(options, domains, "event_weights").items():
        if weights is not None:
            here = F.col(DOMAIN) == domain
            typed = typed | here
            value = F.when(here, _weight_of_event(weights)).otherwise(value)
    rated = least.isNotNull() & ~typed
    weight = F.when(value > 0, _weight(value, rated, options.weights))
    early = (
        F.lit(False) if options.time_from is None else F.col(TIMESTAMP) < _time(options.time_from)
    )
    late = F.lit(False) if options.time_to is None else F.col(TIMESTAMP) >= _time(options.time_to)
    fate = (
        F.when(early | late, F.lit("time"))
        .when(typed & value.isNull(), F.lit("event_type"))
        .when(rated & (value < least), F.lit("rating"))
        .when(value == 0, F.lit("zero"))
    )
    return events.select(
        DOMAIN, USER_ID, ITEM_ID, weight.alias(WEIGHT), TIMESTAMP, fate.alias(FATE)
    )


def _by_domain(values: Mapping[str, object], kind: str) -> Column:
    """Return a value by the row's domain."""
    column = F.lit(None)
    for domain, value in values.items():
        column = F.when(F.col(DOMAIN) == domain, F.lit(value)).otherwise(column)
    return column.cast(kind)


def _weight_of_event(weights: Mapping[str, float]) -> Column:
    column = F.lit(None).cast("double")
    for name, weight in weights.items():
        column = F.when(F.col(EVENT) == name, F.lit(float(weight))).otherwise(column)
    return column


def _weight(value: Column, rated: Column, choice: str | None) -> Column:
    """Return what an event weighs: its value, or 1."""
    if choice == "one":
        return F.lit(1.0)
    if choice == "value":
        return value
    # Marked before the types of events were: a rating that has a type has no weight of its own.
    return F.when(F.col(IS_RATING) | rated, F.lit(1.0)).otherwise(value)


def _time(seconds: float) -> Column:
    return F.timestamp_micros(F.lit(round(seconds * 1e6)))


def count_events(judged: DataFrame) -> dict[str, dict[str, int]]:
    """Count, by domain, the events, those with a time, and those left out for each reason."""
    fates = [F.count(F.when(F.col(FATE) == fate, 1)).alias(fate) for fate in FATES]
    counts = judged.groupBy(DOMAIN).agg(
        F.count(F.lit(1)).alias("events"), F.count(TIMESTAMP).alias("timed"), *fates
    )
    return {row[DOMAIN]: row.asDict() for row in counts.collect()}


def merge_duplicates(judged: DataFrame, rule: str) -> DataFrame:
    """Return one row for each (domain, user, item) of the events that stay.

    Parameters
    ----------
    judged : DataFrame
        Rows of `judge_events`.
    rule : str
        sum: the sum of the weights; once: the largest; last: that of the latest event, of several
        at that time the largest. The time is that of the latest event.

    Returns
    -------
    DataFrame
        `COLUMNS`.
    """
    latest = F.max(F.struct(TIMESTAMP, WEIGHT))["weight"]
    # Added up in order of size: the sum does not depend on where the rows are.
    ordered = F.array_sort(F.collect_list(WEIGHT))
    total = F.aggregate(ordered, F.lit(0.0), lambda done, weight: done + weight)
    weight = {"sum": total, "once": F.max(WEIGHT), "last": latest}[rule]
    pairs = judged.where(F.col(FATE).isNull()).groupBy(DOMAIN, USER_ID, ITEM_ID)
    return pairs.agg(weight.alias(WEIGHT), F.max(TIMESTAMP).alias(TIMESTAMP))
