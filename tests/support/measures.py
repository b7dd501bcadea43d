"""Evaluations, comparisons and histories made up, in the layout of the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AT_K = ("hr", "ndcg", "map", "precision", "recall")


def mean(value: float, half: float | None = 0.02) -> dict[str, float | None]:
    if half is None:
        return {"mean": value, "low": None, "high": None}
    return {"mean": value, "low": value - half, "high": value + half}


def group(n_users: int, value: float = 0.25) -> dict[str, Any]:
    half = None if n_users == 1 else 0.02
    at = {k: {name: mean(value, half) for name in AT_K} for k in ("10", "20")}
    return {"n_users": n_users, "n_test": 2 * n_users, "mrr": mean(value, half), "at": at}


def with_groups(groups: Mapping[str, Mapping[str, int]], value: float = 0.25) -> dict[str, Any]:
    by = {by: {name: group(n, value) for name, n in ones.items()} for by, ones in groups.items()}
    return {**group(300, value), "by": by}


GROUPS = {"shared": {"shared": 180, "single-domain": 120}, "history": {"1-4": 299, "5-9": 1}}


def evaluation(*domains: str) -> dict[str, Any]:
    metrics = {
        **{"hr": 0.4, "ndcg": 0.25, "mrr": 0.2, "coverage": 0.5, "n_test": 600, "n_skipped": 0},
        **{"n_in_train": 0, "negatives": 99, "sources": {"own": 600}},
    }
    return {
        "k": 10,
        "negatives": 99,
        "seed": 3,
        "domains": {name: dict(metrics) for name in domains},
        "measures": {name: with_groups(GROUPS) for name in domains},
    }


def comparison(*domains: str) -> dict[str, Any]:
    model = {**group(300), "at": {k: {**at, "coverage": 0.5} for k, at in group(300)["at"].items()}}
    found = {
        "n_test": 600,
        "n_skipped": 0,
        "negatives": 99,
        "models": {"cdimf": model, "separate": model},
        "differences": {"separate": with_groups(GROUPS, 0.01)},
    }
    return {"k": 10, "negatives": 99, "seed": 3, "domains": {name: dict(found) for name in domains}}


def history(n: int, shared: bool = True) -> list[dict[str, Any]]:
    parts = ("observed_loss", "unobserved_loss", "regularization_loss", "coupling_loss")
    return [
        {
            "loss": 4.0 * n / number,
            **{name: n / number for name in parts},
            "explained": 0.6,
            "primal_residual": shared / number,
            "dual_residual": shared / number,
            "iteration": number,
            "seconds": 1.5,
            "domains": [{"domain": "sport", "loss": 1.0, "explained": 0.6}],
        }
        for number in range(1, n + 1)
    ]
