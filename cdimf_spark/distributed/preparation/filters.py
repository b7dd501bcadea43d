"""Users and items with few interactions: one pass each, or the k-core.

Counts are those of distinct pairs, in each domain on its own. Nothing but two counts a round comes
to the driver.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID

logger = logging.getLogger(__name__)


def filter_once(
    interactions: DataFrame,
    min_users: Mapping[str, int],
    min_items: Mapping[str, int],
    users_first: bool = True,
) -> DataFrame:
    """Leave out users, then items, with too few interactions (or the other way round).

    The second pass counts what the first one left; after it some of the first kind may be below
    their number again.

    Parameters
    ----------
    interactions : DataFrame
        domain, user_id, item_id and others; no pair twice.
    min_users, min_items : mapping of str to int
        Least number of interactions of a user and of an item, by domain.
    """
    passes = [(USER_ID, min_users), (ITEM_ID, min_items)]
    for key, least in passes if users_first else reversed(passes):
        interactions = keep_frequent(interactions, key, least)
    return interactions


def filter_k_core(
    interactions: DataFrame, min_users: Mapping[str, int], min_items: Mapping[str, int]
) -> DataFrame:
    """Leave out users and items with too few interactions until all have enough.

    The result is the largest set in which every user and every item has enough; it does not depend
    on the order of the passes. Each round is materialised: its plan does not grow.
    """
    current = interactions.localCheckpoint()
    n_rows, number = current.count(), 0
    while True:
        number += 1
        rest = filter_once(current, min_users, min_items).localCheckpoint()
        n_left = rest.count()
        logger.info("k-core, round %d: %d of %d interactions left", number, n_left, n_rows)
        if n_left == n_rows:
            return rest
        current, n_rows = rest, n_left


def keep_frequent(interactions: DataFrame, key: str, least: Mapping[str, int]) -> DataFrame:
    """Keep the rows of the users, or items, that have enough of them in their domain."""
    if all(number <= 1 for number in least.values()):
        return interactions
    enough = F.lit(False)
    for domain, number in least.items():
        enough = enough | ((F.col(DOMAIN) == domain) & (F.col("n_rows") >= number))
    # One shuffle; counts that are joined back would shuffle and sort twice.
    n_rows = F.count(F.lit(1)).over(Window.partitionBy(DOMAIN, key))
    return interactions.withColumn("n_rows", n_rows).where(enough).drop("n_rows")
