"""The trials of a search, one after the other, and what it found."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.tuning.trial_run import TrialSettings, run_trial
from cdimf_spark.distributed.tuning.validation_split import Frames, hold_out
from cdimf_spark.errors import DataError
from cdimf_spark.progress import stage, step
from cdimf_spark.reports.tuning_report import (
    best_of,
    trial_line,
    trials_text,
    tuned_options,
    write_best,
)
from cdimf_spark.results.folders import Order, claim_folder
from cdimf_spark.results.marker import Kind
from cdimf_spark.tuning.search_space import Range, propose, start_of
from cdimf_spark.tuning.trials import Trial, TrialLog
from cdimf_spark.tuning.tuning_options import TuningOptions

logger = logging.getLogger(__name__)


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


def search_options(
    interactions: Frames,
    validation: Frames | None,
    output: Path,
    config: TrainConfig,
    space: Mapping[str, Range],
    tuning: TuningOptions,
) -> Tuned:
    """Run trials until there are as many as wanted; earlier ones of the same search count.

    Parameters
    ----------
    interactions, validation
        Checked frames by domain; no validation: it is held out of the interactions.
    output
        Folder that `tune` may write.
    """
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
    logger.info("trials go to %s", output.absolute())
    _show(log.trials, tuning)
    start = start_of(space, config.model)
    while len(log.trials) < tuning.trials:
        earlier = [(trial.options, trial.value) for trial in log.trials]
        point = propose(space, start, earlier, tuning.n_random, tuning.seed)
        log.add(run_trial(settings, point, log.trials))
        write_best(best_file, config, log.trials, tuning)
        logger.info("%s", trial_line(log.trials[-1], best_of(log.trials), tuning))
        _show(log.trials, tuning)
    best = best_of(log.trials)
    return Tuned(tuned_options(config, best), log.trials, str(best_file), tuning)


def _show(trials: Sequence[Trial], tuning: TuningOptions) -> None:
    stage("trials")
    best = f"best {tuning.metric}={best_of(trials).value:.4f}" if trials else ""
    step(len(trials), best)


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
