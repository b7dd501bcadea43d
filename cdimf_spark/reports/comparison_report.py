"""A comparison of a model with its baselines as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdimf_spark.reports.measures_report import groups_of, percent
from cdimf_spark.reports.protocol_text import ranked_among
from cdimf_spark.reports.text_tables import text_table
from cdimf_spark.wording import counted

_METRICS = {"hr": "HR", "ndcg": "NDCG", "map": "MAP", "recall": "recall"}


def comparison_tables(result: Mapping[str, Any]) -> str:
    """For each domain: the measures of all models, and by group the differences to each baseline.

    Parameters
    ----------
    result
        What `compare` returned.
    """
    among = ranked_among(result)
    lines = [f"Held-out items among {among}; means over users in percent, +- 95 % intervals"]
    for domain, found in result["domains"].items():
        lines += ["", _models(domain, found)]
        if found["n_skipped"]:
            lines.append(
                f"{domain}: {counted(found['n_skipped'], 'test row')} skipped "
                f"({found['unknown_user']} with a user whom no domain knows, "
                f"{found['unknown_item']} with an item that the domain does not know)"
            )
        for baseline, measures in found["differences"].items():
            lines += ["", _differences(f"{domain}: cdimf - {baseline}", measures, result["k"])]
    return "\n".join(lines)


def _models(domain: str, found: Mapping[str, Any]) -> str:
    rows = [line for name, one in found["models"].items() for line in _rows(name, one)]
    return text_table((domain, "k", *_METRICS.values(), "MRR", "coverage"), rows)


def _rows(name: str, one: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for n, (k, at) in enumerate(one["at"].items()):
        cells = (percent(at[metric]) for metric in _METRICS)
        mrr, coverage = "" if n else percent(one["mrr"]), f"{100 * at['coverage']:.2f}"
        yield ("" if n else name, k, *cells, mrr, coverage)


def _differences(title: str, measures: Mapping[str, Any], k: int) -> str:
    rows = []
    for label, one in groups_of(measures):
        at = one["at"][str(k)]
        cells = (percent(at[metric], signed=True) for metric in ("hr", "ndcg"))
        rows.append((label, *cells, verdict(at["ndcg"]), str(one["n_users"]), str(one["n_test"])))
    return text_table((title, f"HR@{k}", f"NDCG@{k}", "is", "users", "rows"), rows)


def verdict(difference: Mapping[str, float | None]) -> str:
    """Better or worse, if the interval says so."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None or low <= 0 <= high:
        return "open"
    return "better" if low > 0 else "worse"
