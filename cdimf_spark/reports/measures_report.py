"""Measures over users as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdimf_spark.reports.text_tables import text_table

_METRICS = ("hr", "ndcg", "map", "precision", "recall")
_TITLES = ("HR", "NDCG", "MAP", "precision", "recall")


def measures_tables(result: Mapping[str, Any]) -> str:
    """Means over users with the half widths of their intervals: a table a domain.

    Parameters
    ----------
    result
        What `evaluate` returned.
    """
    lines = ["", "Means over users in percent, +- their 95 % intervals"]
    for name, measures in result["measures"].items():
        rows = [line for label, one in groups_of(measures) for line in _rows(label, one)]
        lines += ["", text_table((name, "k", *_TITLES, "MRR", "users", "rows"), rows)]
    return "\n".join(lines)


def groups_of(measures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All rows, then each group of each grouping, with what it is called."""
    yield "all", measures
    for by, groups in measures["by"].items():
        for label, one in groups.items():
            yield f"{by}: {label}", one


def _rows(label: str, one: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for n, (k, at) in enumerate(one["at"].items()):
        cells = (percent(at[name]) for name in _METRICS)
        rest = ("", "", "") if n else (percent(one["mrr"]), str(one["n_users"]), str(one["n_test"]))
        yield ("" if n else label, k, *cells, *rest)


def percent(mean: Mapping[str, Any], signed: bool = False) -> str:
    """A mean with the half width of its interval, in percent; '?' where there is no interval."""
    value, high = mean["mean"], mean["high"]
    half = "?" if high is None else f"{100 * (high - value):.2f}"
    return f"{100 * value:{'+' if signed else ''}.2f} +-{half}"
