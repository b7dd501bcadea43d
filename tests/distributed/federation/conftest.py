"""Two parties that trained together, for all tests that look at what they left."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from tests.support.parties import SMALL_TERMS, Federation
from tests.support.training_in_memory import some_domains


@pytest.fixture(scope="session")
def federation(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """Three rounds of books and films."""
    plain = some_domains(seed=6, n_users=40, names=("books", "films"))
    # Ids that no bytes have by chance.
    domains = {
        name: frame.assign(
            user_id="customer-" + frame["user_id"], item_id=f"{name}-article-" + frame["item_id"]
        )
        for name, frame in plain.items()
    }
    parties = Federation(spark, tmp_path_factory.mktemp("parties"), domains, SMALL_TERMS)
    parties.train_all()
    return parties
