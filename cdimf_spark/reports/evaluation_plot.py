"""An evaluation as a picture: a metric of each group with its interval, a panel for each domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdimf_spark.errors import ValueOutOfRangeError
from cdimf_spark.reports.comparison_plot import telling_groups
from cdimf_spark.reports.figures import new_figure
from cdimf_spark.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRICS = {"hr": "HR", "ndcg": "NDCG", "map": "MAP", "precision": "precision", "recall": "recall"}
_PANELS_PER_ROW = 3


def evaluation_figure(result: Mapping[str, Any], metric: str, k: int | None) -> Figure:
    """Draw means over users with their 95 % intervals.

    Parameters
    ----------
    result : mapping
        What `evaluate` returned.
    metric : str
        One of `METRICS`.
    k : int or None
        Length of the list, one of those evaluated; None: the main one.

    Raises
    ------
    ConfigurationError
        If the metric or the length was not evaluated, or matplotlib is not installed.
    """
    at, measures = str(k or result["k"]), result["measures"]
    lengths = list(next(iter(measures.values()))["at"])
    if metric not in METRICS:
        raise ValueOutOfRangeError("metric", metric, f"one of {', '.join(METRICS)}")
    if at not in lengths:
        raise ValueOutOfRangeError("k", k, f"one of {', '.join(lengths)}")
    groups = {domain: telling_groups(found) for domain, found in measures.items()}
    columns = min(len(groups), _PANELS_PER_ROW)
    rows = -(-len(groups) // columns)
    tallest = max(map(len, groups.values()))
    figure = new_figure(5.0 * columns, rows * (1.2 + 0.3 * tallest))
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (domain, found) in zip(panels, groups.items(), strict=False):
        _draw(axes, [(label, one, one["at"][at][metric]) for label, one in found])
        axes.set_title(domain)
        axes.set_xlabel(f"{METRICS[metric]}@{at} in percent, 95 % intervals")
    for axes in panels[len(groups) :]:
        axes.remove()
    return figure


def _draw(axes: Axes, groups: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """One point for each group, from the top down."""
    values = [100 * mean["mean"] for _, _, mean in groups]
    halves = [
        0 if mean["high"] is None else 100 * (mean["high"] - mean["mean"]) for _, _, mean in groups
    ]
    places = [-n for n in range(len(groups))]
    axes.errorbar(values, places, xerr=halves, fmt="o", ms=4)
    names = [f"{label} ({counted(one['n_users'], 'user')})" for label, one, _ in groups]
    axes.set_yticks(places, names)
    axes.set_ylim(-len(groups) + 0.4, 0.6)
    axes.set_xlim(left=0)
