"""A model and the test sets of its domains, opened together."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

from cdimf_spark.distributed.evaluation.checked_tests import CheckedTests, check_tests
from cdimf_spark.distributed.model import CDIMFModel


def open_with_tests(
    spark: SparkSession, model: str, paths: Mapping[str, str]
) -> tuple[CDIMFModel, CheckedTests]:
    """Open a model and read test sets at the same time: both are mostly waiting.

    Parameters
    ----------
    model
        Output folder of a training.
    paths
        Test set of each domain, read like training data.

    Raises
    ------
    CDIMFError
        If the model cannot be opened, has no such domain, or test rows cannot be used; what is
        wrong with the model comes first.
    """
    with ThreadPoolExecutor() as pool:
        opened = pool.submit(CDIMFModel.load, model, spark)
        checked = pool.submit(check_tests, paths, spark)
        found = opened.result()
        found.check_domains(paths)
        return found, checked.result()
