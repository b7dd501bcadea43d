"""One trial: a training that goes on for as long as the validation metric grows.

Only the public face of the package is used, `CDIMF.fit` and `CDIMFModel.evaluate`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from pyspark.sql import DataFrame

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.estimator import CDIMF
from cdimf_spark.reports.tuning_report import metrics_of
from cdimf_spark.tuning.trials import Checkpoint, Trial, is_behind
from cdimf_spark.tuning.tuning_options import TuningOptions

Frames = Mapping[str, DataFrame]


@dataclass(frozen=True)
class TrialSettings:
    """What all trials have in common.

    Attributes
    ----------
    train, validation
        Frames by domain.
    config
        The options that are not searched; `output` is the folder of the trials' models.
    tuning
        Options of the search.
    """

    train: Frames
    validation: Frames
    config: TrainConfig
    tuning: TuningOptions


def run_trial(settings: TrialSettings, point: Mapping[str, Any], earlier: Sequence[Trial]) -> Trial:
    """Train with the options of a point, a few iterations at a time, while the metric grows."""
    started, checkpoints, ended = time.monotonic(), list[Checkpoint](), "max_iter"
    step, limit = settings.tuning.step, settings.config.model.max_iter
    for iteration in sorted({*range(step, limit, step), limit}):
        checkpoints.append(_evaluate(settings, point, iteration))
        if len(checkpoints) > 1 and checkpoints[-1].value <= checkpoints[-2].value:
            ended = "no gain"
            break
        if iteration < limit and is_behind(checkpoints[-1].value, iteration, earlier):
            ended = "behind"
            break
    seconds = round(time.monotonic() - started, 1)
    return Trial(len(earlier) + 1, point, checkpoints, ended, seconds)


def _evaluate(settings: TrialSettings, point: Mapping[str, Any], iteration: int) -> Checkpoint:
    """Train up to an iteration, from where the last evaluation was, and evaluate."""
    config, tuning = settings.config, settings.tuning
    model = replace(config.model, **point, max_iter=iteration)
    own = {domain.name: _own_options(domain) for domain in config.domains}
    estimator = CDIMF.from_config(replace(config, model=model))
    fitted = estimator.fit(settings.train, own, resume=iteration > tuning.step)
    result = fitted.evaluate(settings.validation, tuning.k, tuning.negatives or "all", tuning.seed)
    domains = metrics_of(result)
    value = fmean(found[tuning.metric] for found in domains.values())
    return Checkpoint(iteration, value, domains)


def _own_options(domain: DomainConfig) -> dict[str, Any]:
    """The domain's own numbers; its data are read already."""
    return {name: getattr(domain, name) for name in ("reg_param", "unobserved_weight", "rho")}
