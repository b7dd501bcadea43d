"""A comparison of a model with its baselines as a picture (extra ``plots``)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdimf_spark.errors import ConfigurationError, MissingPackageError
from cdimf_spark.reports.measures_report import groups_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ENDINGS = (".png", ".pdf", ".svg")
_INCHES_PER_DOMAIN = 6.0
_INCHES_PER_GROUP = 0.3


def check_plot(path: str) -> None:
    """Raise ConfigurationError if a file of this name cannot be drawn."""
    if Path(path).suffix not in _ENDINGS:
        raise ConfigurationError(f"--plot {path}: its name must end in one of {_ENDINGS}")
    if find_spec("matplotlib") is None:
        raise MissingPackageError("--plot", "matplotlib", "plots")


def plot_comparison(result: Mapping[str, Any], path: str) -> None:
    """Draw the differences of NDCG by group with their intervals: a panel a domain.

    Parameters
    ----------
    result
        What `compare` returned.
    path
        File to write; its ending says the format (png, pdf, svg).
    """
    check_plot(path)
    # A figure of its own needs no display and leaves the settings of pyplot alone.
    from matplotlib.figure import Figure

    domains = result["domains"]
    n_groups = max(
        len(list(groups_of(measures)))
        for found in domains.values()
        for measures in found["differences"].values()
    )
    size = (_INCHES_PER_DOMAIN * len(domains), 1.5 + _INCHES_PER_GROUP * n_groups)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(domains), squeeze=False)[0]
    for axes, (domain, found) in zip(panels, domains.items(), strict=True):
        _draw(axes, found["differences"], str(result["k"]))
        axes.set_title(domain)
    figure.savefig(path, dpi=150)


def _draw(axes: Axes, differences: Mapping[str, Any], k: str) -> None:
    """Points with intervals, one a group and baseline, from the top down."""
    groups = next(iter(differences.values()))
    labels = [f"{label} ({one['n_users']} users)" for label, one in groups_of(groups)]
    for number, (baseline, measures) in enumerate(differences.items()):
        means = [one["at"][k]["ndcg"] for _, one in groups_of(measures)]
        shift = 0.5 * ((number + 0.5) / len(differences) - 0.5)
        places = [-n - shift for n in range(len(means))]
        values = [100 * mean["mean"] for mean in means]
        halves = [0 if one["high"] is None else 100 * (one["high"] - one["mean"]) for one in means]
        axes.errorbar(values, places, xerr=halves, fmt="o", ms=4, label=f"cdimf - {baseline}")
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks([-n for n in range(len(labels))], labels)
    axes.set_xlabel(f"NDCG@{k} difference in points, 95 % intervals")
    axes.legend()
