"""Loss parts and residuals of an iteration from the sums of its blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.distributed.sums import Sums


def iteration_metrics(
    user_sums: Sums, item_sums: Sums, consensus_sums: Sums, route_sums: Sums
) -> dict[str, Any]:
    """Loss parts and residuals of an iteration (the columns of `history`).

    The loss is that of x and of the item factors that x was solved with; `explained` is the share
    of the observed weight that the model explains, 1 - observed loss / total weight.
    """
    domains = [
        _losses(user_sums[name], item_sums[name]) | {"domain": name} for name in sorted(user_sums)
    ]
    totals = _losses(
        np.sum(list(user_sums.values()), axis=0), np.sum(list(item_sums.values()), axis=0)
    )
    change, dual, norm = _total(consensus_sums, 3)
    primal, _ = _total(route_sums, 2)
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


def _total(sums: Sums, length: int) -> NDArray[np.float64]:
    return np.sum(list(sums.values()), axis=0) if sums else np.zeros(length)
