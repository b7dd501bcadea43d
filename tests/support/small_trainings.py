"""Small one-machine trainings and their factors by id."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.solver.local import LocalModel, train_local
from tests.support.helpers import Domains, to_local

MODEL = ModelConfig(rank=6, max_iter=4, init_scale=1.0)
# The same for the dense reference.
REFERENCE: dict[str, Any] = {"rank": 6, "max_iter": 4, "init_scale": 1.0}
PAPER = {"schedule": "paper", "reg_scaling": "paper"}
PAPER_NUMBERS = {
    "schedule": "paper",
    "scaling": "paper",
    "over_relaxation": 1.0,
    "reg_param": 0.03,
    "exponents": (1.0, 1.0),
    "a0": 0.3,
}


def train(domains: Domains, model: ModelConfig = MODEL, *configs: DomainConfig) -> LocalModel:
    return train_local(to_local(domains, configs), model)


def users(model: LocalModel, domains: Domains) -> dict[Any, NDArray[np.float32]]:
    return _by_id(model.user_factors, {n: d.user_ids for n, d in to_local(domains).items()})


def items(model: LocalModel, domains: Domains) -> dict[Any, NDArray[np.float32]]:
    return _by_id(model.item_factors, {n: d.item_ids for n, d in to_local(domains).items()})


def _by_id(
    factors: dict[str, NDArray[np.float32]], ids: dict[str, list[str]]
) -> dict[Any, NDArray[np.float32]]:
    return {
        (name, one): row for name in ids for one, row in zip(ids[name], factors[name], strict=True)
    }
