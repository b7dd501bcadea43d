"""Search for good options on a validation set, with the distributed training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.domains import given_domains
from cdimf_spark.configuration.options import check_names
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.failures import public
from cdimf_spark.distributed.input.given import Domains, Given
from cdimf_spark.distributed.input.reading import read_interactions, read_test
from cdimf_spark.distributed.input.validation import clean_rows, raise_for_problems
from cdimf_spark.distributed.output.guard import Inputs, check_local_target
from cdimf_spark.distributed.tuning.search import Tuned, search_options
from cdimf_spark.distributed.tuning.validation_split import Frames
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.progress import showing
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.schemas import ITEM_ID, USER_ID, WEIGHT
from cdimf_spark.tuning.search_space import Range, search_space
from cdimf_spark.tuning.tuning_options import TuningOptions

DEFAULT_TUNING_OUTPUT = "cdimf_tuning"


@public
def tune(
    interactions: Domains,
    validation: Domains | None = None,
    *,
    output: str | os.PathLike[str],
    search: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    domain_options: Mapping[str, Mapping[str, Any]] | None = None,
    verbose: bool = True,
    **tuning: Any,
) -> Tuned:
    """Search for good options of the model.

    Parameters
    ----------
    interactions
        Data of each domain, as for `CDIMF.fit`.
    validation
        Held-out pairs (user_id, item_id) a domain, not in `interactions`. None: one interaction of
        each user is held out (see `hold_out`), to tune for users with a history.
    output
        Folder for the trials, the best options and the model of the last trial; on the file
        system of the driver. A search that was stopped goes on from the trials there.
    search
        Other ranges than the default ones: ``{"rank": "64:512", "rho": "none"}``.
    options
        Options of `ModelConfig` that are not searched; `max_iter` is the most that a trial runs.
    domain_options
        Options of single domains, as for `CDIMF.fit`.
    verbose
        As in `CDIMF.fit`; the bar counts trials.
    **tuning
        Options of `TuningOptions`: trials, step, metric, k, negatives, seed.

    Raises
    ------
    ConfigurationError
        An option is unknown or out of range, or the folder holds another search.
    DataError
        The data cannot be used, or nothing can be held out.

    Examples
    --------
    >>> shops = {"sport": sport, "cloth": cloth}
    >>> tuned = tune(shops, output="tuning", trials=30, options={"max_iter": 16})
    >>> print(tuned)
    >>> model = CDIMF(output="models/shops", **tuned.options).fit(shops)
    """
    check_names(tuning, list(TuningOptions.__dataclass_fields__), "tune()")
    fixed = dict(options or {})
    check_names(fixed, list(ModelConfig.__dataclass_fields__), "options")
    settings, space = TuningOptions(**tuning), search_space(search or {}, fixed)
    given = Given.of(interactions, "tune()")
    domains = given_domains(DomainConfig, given.paths, domain_options)
    config = TrainConfig(model=ModelConfig(**fixed), domains=domains)
    held = None if validation is None else Given.of(validation, "validation", given.spark)
    folder = check_local_target(
        given.spark, os.fspath(output), Order(Kind.TUNING), _inputs(given, held)
    )
    frames = _checked(given.annotated(domains), config)
    held_out = None if held is None else _validation(held, config)
    with showing(verbose, settings.trials, "trial"):
        return search_options(frames, held_out, folder, config, space, settings)


def _inputs(given: Given, held_out: Given | None) -> Inputs:
    """What a tuning reads, by what messages call it."""
    sources = {
        "interactions": given.sources,
        "validation set": {} if held_out is None else held_out.sources,
    }
    return {
        f"the {what} of domain {name!r}": source
        for what, found in sources.items()
        for name, source in found.items()
    }


def _checked(annotated: Frames, config: TrainConfig) -> dict[str, DataFrame]:
    """Interactions of each domain, checked: user_id, item_id, weight."""
    rows = reduce(DataFrame.unionByName, annotated.values())
    raise_for_problems(rows, {domain.name: domain.path for domain in config.domains})
    return {
        name: clean_rows(frame).select(USER_ID, ITEM_ID, WEIGHT)
        for name, frame in annotated.items()
    }


def _validation(given: Given, config: TrainConfig) -> dict[str, DataFrame]:
    """Held-out pairs of each domain, checked: user_id, item_id."""
    check_names(given.sources, [domain.name for domain in config.domains], "validation")
    domains = given_domains(DomainConfig, given.paths, None)
    annotated = given.annotated(domains, with_weight=False, called="the validation set")
    return {
        name: pairs.select(USER_ID, ITEM_ID) for name, pairs in _checked(annotated, config).items()
    }


def tune_from_config(
    spark: SparkSession,
    config: TrainConfig,
    validation: Mapping[str, str],
    output: str,
    space: Mapping[str, Range],
    tuning: TuningOptions,
) -> Tuned:
    """Search for good options with the files or tables that a configuration names.

    Parameters
    ----------
    validation
        Paths of held-out pairs by domain; empty: they are held out of the interactions.
    """
    check_named(config, validation)
    inputs: Inputs = {
        **{f"the input of domain {domain.name!r}": domain.path for domain in config.domains},
        **{f"the validation set of domain {name!r}": path for name, path in validation.items()},
    }
    folder = check_local_target(spark, output, Order(Kind.TUNING), inputs)
    frames = read_interactions(spark, config.domains)
    held_out = {name: read_test(spark, DomainConfig(name, p)) for name, p in validation.items()}
    with showing(True, tuning.trials, "trial"):
        return search_options(frames, held_out or None, folder, config, space, tuning)


def check_named(config: TrainConfig, validation: Mapping[str, str]) -> None:
    """Raise ConfigurationError without a domain, or for a validation set of an unknown one."""
    if not config.domains:
        raise ConfigurationError("no domain: name at least one with --domain NAME=PATH")
    check_names(validation, [domain.name for domain in config.domains], "--validation")
