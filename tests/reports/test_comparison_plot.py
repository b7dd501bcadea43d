"""The picture of a comparison: what it shows, and that nothing hides a point."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cdimf_spark.reports.comparison_plot import comparison_figure

WIDE = {
    "shared": {"single-domain": 120, "shared": 300},
    "history": {"0": 10, "1-4": 90, "5-9": 50, "10-19": 50, "20-49": 1},
    "popularity": {"1-4": 12, "5-9": 210, "10-19": 80},
}
ONE_GROUP = {"shared": {"shared": 300}, "history": {"1-4": 299, "5-9": 1}}
BASELINES = ("popularity", "separate", "pooled", "mllib")


def measures(n_users: int, mean: float = 0.01) -> dict[str, Any]:
    at = {"ndcg": {"mean": mean, "low": mean - 0.02, "high": mean + 0.02}}
    return {"n_users": n_users, "at": {"10": at}}


def comparison(n_domains: int, groups: dict[str, dict[str, int]], n_baselines: int) -> Any:
    by = {name: {g: measures(n) for g, n in ones.items()} for name, ones in groups.items()}
    found = {**measures(300), "by": by}
    differences = dict.fromkeys(BASELINES[:n_baselines], found)
    return {"k": 10, "domains": {f"d{n}": {"differences": differences} for n in range(n_domains)}}


def drawn(figure: Figure) -> Any:
    """The renderer of the drawn figure: from then on everything has its place."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return canvas.get_renderer()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("n_domains", "groups", "n_baselines"), list(product((1, 3, 8), (WIDE, ONE_GROUP), (1, 4)))
)
def test_the_legend_is_beside_the_panels_and_inside_the_picture(
    n_domains: int, groups: dict[str, dict[str, int]], n_baselines: int
) -> None:
    figure = comparison_figure(comparison(n_domains, groups, n_baselines))
    renderer = drawn(figure)
    (legend,) = figure.legends
    box = legend.get_window_extent(renderer)
    assert len(figure.axes) == n_domains
    for axes in figure.axes:
        assert axes.get_legend() is None
        panel = axes.get_tightbbox(renderer)
        assert panel is not None
        assert not box.overlaps(panel)
    for low, high in ((box.x0, figure.bbox.width - box.x1), (box.y0, figure.bbox.height - box.y1)):
        assert min(low, high) >= 0
    assert [text.get_text() for text in legend.get_texts()] == [
        f"cdimf - {name}" for name in BASELINES[:n_baselines]
    ]


def test_a_grouping_with_all_rows_in_one_group_is_left_out() -> None:
    figure = comparison_figure(comparison(1, ONE_GROUP, 1))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["all (300 users)", "history: 1-4 (299 users)", "history: 5-9 (1 user)"]


def test_many_domains_are_drawn_in_rows_of_three() -> None:
    figure = comparison_figure(comparison(8, WIDE, 2))
    drawn(figure)
    places = [(round(axes.get_position().y0, 2)) for axes in figure.axes]
    assert [places.count(one) for one in dict.fromkeys(places)] == [3, 3, 2]
