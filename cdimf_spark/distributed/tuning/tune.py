"""Search for good options on a validation set, with the distributed training."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import DomainConfig, ModelConfig, TrainConfig
from cdimf_spark.configuration.options import check_names
from cdimf_spark.distributed.input.reading import read_interactions, read_test
from cdimf_spark.distributed.output.guard import Inputs, check_local_target
from cdimf_spark.distributed.tuning.trial_run import TrialSettings, run_trial
from cdimf_spark.distributed.tuning.validation_split import Frames, hold_out
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.reports.tuning_report import (
    IN_MEMORY,
    best_of,
    trial_line,
    trials_text,
    tuned_options,
    write_best,
)
from cdimf_spark.results.folders import Order, claim_folder
from cdimf_spark.results.marker import Kind
from cdimf_spark.tuning.search_space import Range, propose, search_space, start_of
from cdimf_spark.tuning.trials import Trial, TrialLog
from cdimf_spark.tuning.tuning_options import TuningOptions

logger = logging.getLogger(__name__)

DEFAULT_TUNING_OUTPUT = "cdimf_tuning"


@dataclass(frozen=True)
class Tuned:
    """What a search found. `print` shows the best trials.

    Attributes
    ----------
    options : dict
        The best options of the model, for ``CDIMF(**options)``.
    trials : list of Trial
        All trials in order.
    best_file : str
        The same as a YAML file for `jobs/train_cdimf.py`.
    """

    options: dict[str, Any]
    trials: list[Trial]
    best_file: str
    tuning: TuningOptions

    def __str__(self) -> str:
        return trials_text(self.trials, self.tuning)


def tune(
    interactions: Frames,
    validation: Frames | None = None,
    output: str = DEFAULT_TUNING_OUTPUT,
    search: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    domain_options: Mapping[str, Mapping[str, Any]] | None = None,
    **tuning: Any,
) -> Tuned:
    """Search for good options of the model.

    Parameters
    ----------
    interactions
        A frame a domain, as for `CDIMF.fit`.
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
    >>> tuned = tune({"sport": sport, "cloth": cloth}, trials=30, options={"max_iter": 16})
    >>> print(tuned)
    >>> model = CDIMF(output="models/shops", **tuned.options).fit({"sport": sport, "cloth": cloth})
    """
    check_names(tuning, list(TuningOptions.__dataclass_fields__), "tune()")
    given, own = dict(options or {}), domain_options or {}
    check_names(given, list(ModelConfig.__dataclass_fields__), "options")
    check_names(own, list(interactions), "domain_options")
    domains = tuple(
        DomainConfig(name=name, **{"path": IN_MEMORY, **own.get(name, {})}) for name in interactions
    )
    config = TrainConfig(model=ModelConfig(**given), domains=domains)
    space = search_space(search or {}, given)
    inputs: Inputs = {
        f"the {what} of domain {name!r}": frame
        for what, frames in (("interactions", interactions), ("validation set", validation or {}))
        for name, frame in frames.items()
    }
    spark = next(iter(interactions.values())).sparkSession
    folder = check_local_target(spark, output, Order(Kind.TUNING), inputs)
    return _tune(interactions, validation, folder, config, space, TuningOptions(**tuning))


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
    frames = {domain.name: read_interactions(spark, domain) for domain in config.domains}
    held_out = {name: read_test(spark, DomainConfig(name, p)) for name, p in validation.items()}
    return _tune(frames, held_out or None, folder, config, space, tuning)


def check_named(config: TrainConfig, validation: Mapping[str, str]) -> None:
    """Raise ConfigurationError without a domain, or for a validation set of an unknown one."""
    if not config.domains:
        raise ConfigurationError("no domain: name at least one with --domain NAME=PATH")
    check_names(validation, [domain.name for domain in config.domains], "--validation")


def _tune(
    interactions: Frames,
    validation: Frames | None,
    output: Path,
    config: TrainConfig,
    space: Mapping[str, Range],
    tuning: TuningOptions,
) -> Tuned:
    claim_folder(output, Order(Kind.TUNING).marker)
    log = TrialLog(output / "trials.jsonl", _search_of(config, space, tuning, validation))
    train = dict(interactions)
    if validation is None:
        train, validation = hold_out(interactions, tuning.seed)
        if not any(frame.head(1) for frame in validation.values()):
            raise DataError(
                "no interaction can be held out: no user has two in a domain, of items with two; "
                "give a validation set"
            )
    work = replace(config, output=str(output / "model"))
    settings = TrialSettings(train, validation, work, tuning)
    best_file = output / "best.yaml"
    start = start_of(space, config.model)
    while len(log.trials) < tuning.trials:
        earlier = [(trial.options, trial.value) for trial in log.trials]
        point = propose(space, start, earlier, tuning.n_random, tuning.seed)
        log.add(run_trial(settings, point, log.trials))
        write_best(best_file, config, log.trials, tuning)
        logger.info("%s", trial_line(log.trials[-1], best_of(log.trials), tuning))
    best = best_of(log.trials)
    return Tuned(tuned_options(config, best), log.trials, str(best_file), tuning)


def _search_of(
    config: TrainConfig,
    space: Mapping[str, Range],
    tuning: TuningOptions,
    validation: Frames | None,
) -> dict[str, Any]:
    """What the trials depend on; more trials may be asked for later."""
    options = {name: value for name, value in asdict(tuning).items() if name != "trials"}
    given = {name: value for name, value in config.to_dict().items() if name != "output"}
    ranges = {name: asdict(searched) for name, searched in space.items()}
    return {**given, **options, "ranges": ranges, "validation": sorted(validation or ())}
