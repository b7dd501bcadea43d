"""Loss parts and residuals of an iteration from the sums of its blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# kind -> domain -> array
Sums = Mapping[str, Mapping[str, NDArray[np.float64]]]


def iteration_metrics(sums: Sums) -> dict[str, Any]:
    """Loss parts and residuals of an iteration (the columns of `history`).

    The loss is that of x and of the item factors that x was solved with; `explained` is the share
    of the observed weight that the model explains, 1 - observed loss / total weight.
    """
    users, items = sums["user_sums"], sums["item_sums"]
    domains = [_losses(users[name], items[name]) | {"domain": name} for name in sorted(users)]
    totals = _losses(_total(sums, "user_sums", 5), _total(sums, "item_sums", 1))
    change, dual, norm = _total(sums, "consensus_sums", 3)
    (primal,) = _total(sums, "primal_sums", 1)
    residuals = {
        "primal_residual": math.sqrt(primal),
        "dual_residual": math.sqrt(dual),
        "shared_norm": math.sqrt(norm),
        "shared_change": math.sqrt(change),
    }
    return {**totals, **residuals, "domains": domains}


def _losses(users: NDArray[np.float64], items: NDArray[np.float64]) -> dict[str, float]:
    observed, unobserved, users_ridge, coupling, weight = (float(v) for v in users)
    regularization = users_ridge + float(items[0])
    return {
        "loss": observed + unobserved + regularization + coupling,
        "observed_loss": observed,
        "unobserved_loss": unobserved,
        "regularization_loss": regularization,
        "coupling_loss": coupling,
        "explained": 1.0 - observed / weight if weight else 0.0,
    }


def _total(sums: Sums, kind: str, length: int) -> NDArray[np.float64]:
    """Sum over the domains; zeros where the step was left out."""
    found = list(sums.get(kind, {}).values())
    return np.sum(found, axis=0) if found else np.zeros(length)


def iteration_line(metrics: Mapping[str, Any], max_iter: int) -> str:
    """The log line of an iteration: metrics with `iteration` and `seconds`."""
    parts = ("loss", "observed_loss", "unobserved_loss", "regularization_loss", "coupling_loss")
    losses = " ".join(f"{name.removesuffix('_loss')}={metrics[name]:.6g}" for name in parts)
    return (
        f"iteration={metrics['iteration']}/{max_iter} {losses} "
        f"explained={metrics['explained']:.3f} primal={metrics['primal_residual']:.4g} "
        f"dual={metrics['dual_residual']:.4g} seconds={metrics['seconds']:.2f}"
    )
