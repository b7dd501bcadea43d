"""A finished training, for all tests that look at its tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.training.run_training import train
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.helpers import Domains, to_spark
from tests.support.trained_tables import config_of
from tests.support.training_in_memory import repeat_some, some_domains


@pytest.fixture(scope="session")
def domains() -> Domains:
    return repeat_some(some_domains(seed=6, n_users=40))


@pytest.fixture(scope="session")
def at_once(
    spark: SparkSession, domains: Domains, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Run]:
    """Four iterations without interruption."""
    output = tmp_path_factory.mktemp("at_once") / "model"
    return output, train(spark, to_spark(spark, domains), config_of(domains, output))


@pytest.fixture(scope="session")
def model(spark: SparkSession, at_once: tuple[Path, Run]) -> CDIMFModel:
    return CDIMFModel(PublishedModel(spark, str(at_once[0]), at_once[1]))


@pytest.fixture(scope="session")
def served(model: CDIMFModel, tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    return ServingModel.open(model.export(str(tmp_path_factory.mktemp("exports") / "shops")))
