"""What an audit found, as a picture: AUC by known histories for each kind of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdimf_spark.reports.audit_report import NAMES
from cdimf_spark.reports.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def audit_figure(found: Mapping[str, Any]) -> Figure:
    """Draw the AUC of each kind of rows with its interval.

    Raises
    ------
    ConfigurationError
        If matplotlib is not installed.
    """
    figure = new_figure(6.5, 4.0)
    axes = figure.subplots()
    for name in dict.fromkeys(one["features"] for one in found["attacks"]):
        points = [one for one in found["attacks"] if one["features"] == name]
        known = [100 * one["known"] for one in points]
        means = [one["auc"] for one in points]
        ends = [
            [one["auc"] - one["auc_low"] for one in points],
            [one["auc_high"] - one["auc"] for one in points],
        ]
        axes.errorbar(known, means, ends, marker="o", capsize=3, label=NAMES.get(name, name))
    axes.axhline(0.5, color="0.6", linestyle=":", label="guessing")
    axes.set_xscale("log")
    ticks = sorted({100 * one["known"] for one in found["attacks"]})
    axes.set_xticks(ticks, [f"{tick:g} %" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(f"users of {found['domain']} whose histories {found['reader']} knows")
    axes.set_ylabel("AUC of items that a user has")
    axes.set_ylim(0.45, 1.0)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return figure
