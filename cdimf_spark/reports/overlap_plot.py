"""How domains overlap, as a picture: a bar of users for each subset of domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cdimf_spark.reports.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overlap_figure(users: Mapping[tuple[str, ...], int]) -> Figure:
    """Draw the numbers of users by the domains that have them, the largest at the top.

    Parameters
    ----------
    users : mapping of tuple of str to int

    Raises
    ------
    ConfigurationError
        If matplotlib is not installed.
    """
    groups = sorted(users, key=lambda group: (users[group], group))
    figure = new_figure(6.5, 1.0 + 0.35 * len(groups))
    axes = figure.subplots()
    labels = [" + ".join(group) if len(group) > 1 else f"{group[0]} only" for group in groups]
    colors = ["C1" if len(group) > 1 else "C0" for group in groups]
    bars = axes.barh(labels, [users[group] for group in groups], color=colors)
    axes.bar_label(bars, labels=[f"{users[group]:,}" for group in groups], padding=3)
    axes.margins(x=0.12)
    axes.set_xlabel("users (shared ones in the second color)")
    return figure
