"""Small one-machine trainings and their factors by id."""

from __future__ import annotations

from typing import Any

import numpy as np

from cdimf_spark.settings import DomainConfig, ModelConfig
from cdimf_spark.solver.local import LocalModel, train_local
from tests.helpers import Domains, to_local

MODEL = ModelConfig(rank=6, max_iter=4, init_scale=1.0)


def train(domains: Domains, model: ModelConfig = MODEL, *configs: DomainConfig) -> LocalModel:
    return train_local(to_local(domains, configs), model)


def users(model: LocalModel, domains: Domains) -> dict[Any, np.ndarray]:
    data = to_local(domains)
    return {
        (name, user): row
        for name in data
        for user, row in zip(data[name].user_ids, model.user_factors[name], strict=True)
    }


def items(model: LocalModel, domains: Domains) -> dict[Any, np.ndarray]:
    data = to_local(domains)
    return {
        (name, item): row
        for name in data
        for item, row in zip(data[name].item_ids, model.item_factors[name], strict=True)
    }
