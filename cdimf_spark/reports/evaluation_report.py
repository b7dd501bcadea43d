"""Evaluations and recommendations as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from cdimf_spark.reports.protocol_text import is_uniform, ranked_among
from cdimf_spark.reports.text_tables import text_table
from cdimf_spark.wording import counted

_METRICS = ("hr", "ndcg", "mrr", "coverage")


def evaluation_table(result: Mapping[str, Any]) -> str:
    """Metrics of an evaluation, domain by domain, and what was skipped.

    With their mean, if all domains were ranked by one protocol.
    """
    domains, k = result["domains"], result["k"]
    rows = [_row(name, found) for name, found in domains.items()]
    if len(domains) > 1 and is_uniform(result):
        means = {name: fmean(found[name] for found in domains.values()) for name in _METRICS}
        rows.append((*_row("mean", {**means, "n_test": ""}),))
    header = ("in percent", f"HR@{k}", f"NDCG@{k}", "MRR", "coverage", "test rows")
    notes = [note for name, found in domains.items() for note in _notes(name, found)]
    return "\n".join(
        (f"Held-out items among {ranked_among(result)}", text_table(header, rows), *notes)
    )


def _row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    shares = (f"{100 * found[metric]:.2f}" for metric in _METRICS)
    return (name, *shares, str(found["n_test"]))


def _notes(name: str, found: Mapping[str, Any]) -> list[str]:
    """Say what was skipped, and what a careful reader wants to know."""
    notes = []
    if found["n_skipped"]:
        notes.append(
            f"{name}: {counted(found['n_skipped'], 'test row')} skipped "
            f"({found['unknown_user']} with a user whom no domain knows, "
            f"{found['unknown_item']} with an item that the domain does not know)"
        )
    if found["n_in_train"]:
        notes.append(
            f"{name}: {counted(found['n_in_train'], 'test row')} also in train, so that the item "
            "ranks last: was the test set held out?"
        )
    elsewhere = found["n_test"] - found["sources"]["own"]
    if elsewhere:
        rows = counted(elsewhere, "test row")
        notes.append(f"{name}: {rows} of users known from other domains only")
    return notes


_TITLES = {"user_id": "user", "item_id": "item", "similar_id": "like it", "source": "factors from"}


def recommendation_table(rows: Sequence[Mapping[str, Any]], k: int) -> str:
    """Lists of a few users or items: rows in their order, with `rank` and `score`.

    A line at the end says how many lists are shorter than k.
    """
    if not rows:
        return "no lists"
    names = list(rows[0])
    cells = [
        [f"{row[name]:.3f}" if name == "score" else str(row[name]) for name in names]
        for row in rows
    ]
    table = text_table([_TITLES.get(name, name) for name in names], cells)
    ends = [row["rank"] == k for row in rows]
    n_lists = sum(row["rank"] == 1 for row in rows)
    short = _short(n_lists - sum(ends), k)
    return f"{table}\n{short}" if short else table


def written_text(counts: Mapping[str, int], k: int, path: str, format: str) -> str:
    """What was written where."""
    lists = counted(counts["n_lists"], "list")
    short = _short(counts["n_short"], k)
    text = f"{lists} ({counted(counts['n_rows'], 'row')}) written to {path} ({format})"
    return f"{text}\n{short}" if short else text


def _short(n: int, k: int) -> str:
    return f"{counted(n, 'list')} shorter than {k}: no more items were left" if n else ""
