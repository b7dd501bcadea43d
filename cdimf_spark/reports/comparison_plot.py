"""A comparison of a model with its baselines as a picture (extra ``plots``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.reports.figures import check_matplotlib, new_figure
from cdimf_spark.reports.measures_report import groups_of
from cdimf_spark.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ENDINGS = (".png", ".pdf", ".svg")
_INCHES_PER_DOMAIN = 6.0
_INCHES_PER_GROUP = 0.3
_PANELS_PER_ROW = 3
# Entries of the legend side by side above a panel.
_LABELS_PER_PANEL = 3


def check_plot(path: str) -> None:
    """Raise ConfigurationError if a file of this name cannot be drawn."""
    if Path(path).suffix not in _ENDINGS:
        raise ConfigurationError(f"--plot {path}: its name must end in one of {_ENDINGS}")
    check_matplotlib()


def plot_comparison(result: Mapping[str, Any], path: str) -> None:
    """Draw the differences of NDCG by group with their intervals: a panel for each domain.

    A grouping with a single group is left out: its only group is all rows.

    Parameters
    ----------
    result
        What `compare` returned.
    path
        File to write; its ending says the format (png, pdf, svg).
    """
    check_plot(path)
    comparison_figure(result).savefig(path, dpi=150)


def comparison_figure(result: Mapping[str, Any]) -> Figure:
    """The picture of `plot_comparison`, not yet written."""
    domains = result["domains"]
    n_groups = max(
        len(telling_groups(measures))
        for found in domains.values()
        for measures in found["differences"].values()
    )
    columns = min(len(domains), _PANELS_PER_ROW)
    rows = -(-len(domains) // columns)
    height = rows * (1.5 + _INCHES_PER_GROUP * n_groups)
    figure = new_figure(_INCHES_PER_DOMAIN * columns, height)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (domain, found) in zip(panels, domains.items(), strict=False):
        _draw(axes, found["differences"], str(result["k"]))
        axes.set_title(domain)
    for axes in panels[len(domains) :]:
        axes.remove()
    # All panels have the same baselines; beside them the legend hides no point.
    handles, labels = panels[0].get_legend_handles_labels()
    n_beside = min(len(labels), _LABELS_PER_PANEL * columns)
    figure.legend(handles, labels, loc="outside upper center", ncols=n_beside)
    return figure


def telling_groups(measures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """All rows and the groups; a grouping that has all rows in one group says nothing more."""
    told = {by: groups for by, groups in measures["by"].items() if len(groups) > 1}
    return list(groups_of({**measures, "by": told}))


def _draw(axes: Axes, differences: Mapping[str, Any], k: str) -> None:
    """Points with intervals, one for each group and baseline, from the top down."""
    groups = telling_groups(next(iter(differences.values())))
    labels = [f"{label} ({counted(one['n_users'], 'user')})" for label, one in groups]
    for number, (baseline, measures) in enumerate(differences.items()):
        means = [one["at"][k]["ndcg"] for _, one in telling_groups(measures)]
        shift = 0.5 * ((number + 0.5) / len(differences) - 0.5)
        places = [-n - shift for n in range(len(means))]
        values = [100 * mean["mean"] for mean in means]
        halves = [0 if one["high"] is None else 100 * (one["high"] - one["mean"]) for one in means]
        axes.errorbar(values, places, xerr=halves, fmt="o", ms=4, label=f"cdimf - {baseline}")
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks([-n for n in range(len(labels))], labels)
    # Room above the first and below the last group, also where there is only one.
    axes.set_ylim(-len(labels) + 0.4, 0.6)
    axes.set_xlabel(f"NDCG@{k} difference in points, 95 % intervals")
