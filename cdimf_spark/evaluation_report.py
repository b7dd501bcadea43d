"""Evaluations and recommendations as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from cdimf_spark.errors import counted
from cdimf_spark.report import text_table

_METRICS = ("hr", "ndcg", "mrr", "coverage")


def evaluation_table(result: Mapping[str, Any]) -> str:
    """Metrics of an evaluation, domain by domain, with their mean and what was skipped."""
    domains, k = result["domains"], result["k"]
    rows = [_row(name, found) for name, found in domains.items()]
    if len(domains) > 1:
        means = {name: fmean(found[name] for found in domains.values()) for name in _METRICS}
        rows.append((*_row("mean", {**means, "n_test": ""}),))
    header = ("in percent", f"HR@{k}", f"NDCG@{k}", "MRR", "coverage", "test rows")
    against = result["negatives"]
    against = "all items" if against == "all" else f"{against} drawn items (seed {result['seed']})"
    notes = [note for name, found in domains.items() for note in _notes(name, found)]
    return "\n".join((f"Held-out items among {against}", text_table(header, rows), *notes))


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


def recommendation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Recommendations of a few users: rows with user_id, rank, item_id, score and source."""
    ordered = sorted(rows, key=lambda row: (row["user_id"], row["rank"]))
    cells = [
        (row["user_id"], str(row["rank"]), row["item_id"], f"{row['score']:.3f}", row["source"])
        for row in ordered
    ]
    return text_table(("user", "rank", "item", "score", "factors from"), cells)
