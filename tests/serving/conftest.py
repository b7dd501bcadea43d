"""One small export for all tests of this folder."""

from __future__ import annotations

import pytest

from cdimf_spark.serving.serving_model import ServingModel
from tests.support.exports import Shops, random_shops, write_shops


@pytest.fixture(scope="package")
def shops() -> Shops:
    return random_shops()


@pytest.fixture(scope="package")
def served(shops: Shops, tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    return ServingModel.open(write_shops(shops, tmp_path_factory.mktemp("exports")))
