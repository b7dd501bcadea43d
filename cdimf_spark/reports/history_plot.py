"""A training as a picture: its losses, and its residuals, by iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cdimf_spark.reports.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOSSES = ("loss", "observed_loss", "unobserved_loss", "regularization_loss", "coupling_loss")
_RESIDUALS = {"primal_residual": "primal: |X - Z|", "dual_residual": "dual: rho |Z - Z old|"}


def history_figure(iterations: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the parts of the loss and, where users are shared, the residuals.

    Parameters
    ----------
    iterations : sequence of mapping
        Metrics of each iteration, in order.

    Raises
    ------
    ConfigurationError
        If matplotlib is not installed.
    """
    numbers = [iteration["iteration"] for iteration in iterations]
    shared = any(iteration["primal_residual"] for iteration in iterations)
    figure = new_figure(11.0 if shared else 5.5, 4.0)
    panels = figure.subplots(1, 2 if shared else 1, squeeze=False)[0]
    for name in _LOSSES:
        values = [iteration[name] for iteration in iterations]
        if any(values):
            label = "whole" if name == "loss" else name.removesuffix("_loss")
            panels[0].plot(numbers, values, marker="o", ms=3, label=label)
    panels[0].set_ylabel("loss")
    if shared:
        for name, label in _RESIDUALS.items():
            values = [iteration[name] for iteration in iterations]
            panels[1].plot(numbers, values, marker="o", ms=3, label=label)
        panels[1].set_ylabel("residual")
        panels[1].set_yscale("log")
    for axes in panels:
        axes.set_xlabel("iteration")
        axes.xaxis.get_major_locator().set_params(integer=True)
        # Beside the lines it hides none of them.
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, frameon=False)
    return figure
