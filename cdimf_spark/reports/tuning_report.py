"""What a tuning leaves for its user: the best configuration as YAML, and tables of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.domains import IN_MEMORY
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.reports.text_tables import text_table
from cdimf_spark.tuning.trials import Trial
from cdimf_spark.tuning.tuning_options import TuningOptions

_METRICS = ("hr", "ndcg", "mrr")


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the best trial; of equal ones the first."""
    return max(trials, key=lambda trial: (trial.value, -trial.number))


def tuned_options(config: TrainConfig, trial: Trial) -> dict[str, Any]:
    """Return the options of the model that differ from the defaults, those of the trial included.

    `max_iter` is the number of iterations of the trial's best evaluation.
    """
    given = {
        entry.name: getattr(config.model, entry.name)
        for entry in fields(ModelConfig)
        if getattr(config.model, entry.name) != entry.default
    }
    return {**given, **trial.options, "max_iter": trial.best.iteration}


def write_best(
    path: Path, config: TrainConfig, trials: Sequence[Trial], tuning: TuningOptions
) -> None:
    """Write the best configuration as a file for ``jobs/train_cdimf.py --config``."""
    trial = best_of(trials)
    values: dict[str, Any] = tuned_options(config, trial)
    domains = {domain.name: _domain_values(domain) for domain in config.domains}
    if any("path" in options for options in domains.values()):
        values["domains"] = domains
    lines = [
        f"# Best of {len(trials)} trials: number {trial.number}, {_metric_name(tuning)} "
        f"{100 * trial.value:.2f} % on the validation set (mean of the domains).",
        *(f"#   {name}: {_checkpoint_text(found)}" for name, found in trial.best.domains.items()),
        yaml.safe_dump(values, sort_keys=False),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def _domain_values(domain: DomainConfig) -> dict[str, Any]:
    """Options of a domain that have a value; data of a Python call have no path to read again."""
    values = {
        entry.name: getattr(domain, entry.name)
        for entry in fields(DomainConfig)
        if entry.name != "name" and getattr(domain, entry.name) is not None
    }
    if domain.columns is not None:
        values["columns"] = list(domain.columns)
    if values["path"] == IN_MEMORY:
        del values["path"]
    return values


def trial_line(trial: Trial, best: Trial, tuning: TuningOptions) -> str:
    """One line about a finished trial, for the log."""
    options = " ".join(f"{name}={value:g}" for name, value in trial.options.items())
    return (
        f"trial {trial.number} of {tuning.trials}: {_metric_name(tuning)} "
        f"{100 * trial.value:.2f} % at iteration {trial.best.iteration} ({trial.ended}, "
        f"{trial.seconds:.0f} s) {options}; best: {100 * best.value:.2f} %, trial {best.number}"
    )


def trials_text(trials: Sequence[Trial], tuning: TuningOptions, most: int = 10) -> str:
    """The best trials as a table, best first."""
    ordered = sorted(trials, key=lambda trial: (-trial.value, trial.number))[:most]
    names = list(ordered[0].options)
    rows = [
        (
            str(trial.number),
            f"{100 * trial.value:.2f}",
            str(trial.best.iteration),
            *(f"{trial.options[name]:g}" for name in names),
        )
        for trial in ordered
    ]
    return text_table(("trial", f"{_metric_name(tuning)} %", "iterations", *names), rows)


def _metric_name(tuning: TuningOptions) -> str:
    return "MRR" if tuning.metric == "mrr" else f"{tuning.metric.upper()}@{tuning.k}"


def metrics_of(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the metrics by domain of an evaluation that trials keep, and what they are among."""
    return {
        name: {key: found[key] for key in (*_METRICS, "negatives")}
        for name, found in result["domains"].items()
    }


def _checkpoint_text(found: Mapping[str, Any]) -> str:
    """Metrics of a domain; a file of trials may be older than the note what they are among."""
    values = ", ".join(f"{metric} {100 * found[metric]:.2f} %" for metric in _METRICS)
    negatives = found.get("negatives")
    if negatives is None:
        return values
    return f"{values}, among {'all items' if negatives == 'all' else f'{negatives} drawn items'}"
