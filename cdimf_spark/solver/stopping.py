"""When a training is over: the numbers broke down, or moved too little."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import NumericalError
from cdimf_spark.kernel.rows.least_squares import GramBasis, gram_basis

# A model whose observed loss is so many times that of predicting nothing has lost its way. (The
# loss itself is rounding where weights are extreme, and may rise while domains come to agree.)
_EXPLODED = 1000.0


def check_loss(iteration: int, metrics: Mapping[str, Any]) -> None:
    """Refuse a loss that is no number, and a model that is far worse than none."""
    if math.isfinite(metrics["loss"]) and metrics["explained"] > -_EXPLODED:
        return
    raise NumericalError(
        f"iteration {iteration}: the loss is {metrics['loss']:.6g}, the explained share of the "
        f"observed weight {metrics['explained']:.6g}. Check the weights of the data for extremes, "
        "or raise reg_param"
    )


def converged(done: Sequence[Mapping[str, Any]], model: ModelConfig) -> str:
    """Why the iterations so far are enough, or an empty string."""
    if not done:
        return ""
    last = done[-1]
    if not last.get("agreed", True):
        # Parties of a federation have different z: a small residual of one of them means little.
        return ""
    if model.residual_tol is not None and last["shared_norm"]:
        worst = max(last["primal_residual"], last["shared_change"]) / last["shared_norm"]
        if worst <= model.residual_tol:
            return f"relative residual {worst:.2e} <= residual_tol {model.residual_tol}"
    if model.loss_tol is not None and len(done) > 1:
        change = abs(done[-2]["loss"] - last["loss"]) / abs(last["loss"])
        if change <= model.loss_tol:
            return f"relative change of the loss {change:.2e} <= loss_tol {model.loss_tol}"
    return ""


def finite_basis(domain: str, gram: NDArray[np.float64]) -> GramBasis:
    """Eigenbasis of a domain's Gram matrix; NumericalError if it is not finite."""
    try:
        return gram_basis(gram)
    except np.linalg.LinAlgError as error:
        raise NumericalError(
            f"domain {domain!r}: the factors are no longer finite. Check the weights of the data "
            "for extremes, or raise reg_param"
        ) from error
