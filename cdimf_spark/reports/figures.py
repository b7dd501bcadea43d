"""Figures for matplotlib (extra ``plots``), without a display and without pyplot's settings."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from cdimf_spark.errors import MissingPackageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_matplotlib() -> None:
    """Raise MissingPackageError, with what to do, if nothing can be drawn."""
    if find_spec("matplotlib") is None:
        raise MissingPackageError("plots", "matplotlib", "plots")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, which leaves room for legends.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
