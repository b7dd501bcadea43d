"""The validation set that a tuning makes itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.preparation.splits import (
    PART,
    TRAIN,
    VALIDATION,
    hold_out_of_users,
    undivided,
)
from cdimf_spark.preparation.prepare_options import PrepareOptions
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID

Frames = Mapping[str, DataFrame]


def hold_out(interactions: Frames, seed: int) -> tuple[dict[str, DataFrame], dict[str, DataFrame]]:
    """Hold out one interaction of each user in each domain, chosen by a hash of seed and ids.

    Users with one interaction keep it; so do users whose choice is the only interaction of its
    item that would be left. All rows of a held-out (user, item) leave train.

    Returns
    -------
    train, held_out : dict of str to DataFrame
        By domain; `held_out` has the columns user_id and item_id, as strings.
    """
    pairs = [
        frame.select(
            F.lit(name).alias(DOMAIN),
            F.col(USER_ID).cast("string").alias(USER_ID),
            F.col(ITEM_ID).cast("string").alias(ITEM_ID),
        )
        for name, frame in interactions.items()
    ]
    rows = undivided(reduce(DataFrame.unionByName, pairs).distinct())
    options = PrepareOptions(seed=seed)
    divided = hold_out_of_users(rows, VALIDATION, options, last=False).localCheckpoint()
    train, held_out = {}, {}
    for name, frame in interactions.items():
        own = divided.where(F.col(DOMAIN) == name).select(USER_ID, ITEM_ID, PART)
        held_out[name] = own.where(F.col(PART) == VALIDATION).drop(PART)
        kept = own.where(F.col(PART) == TRAIN).drop(PART)
        train[name] = frame.withColumns(
            {column: F.col(column).cast("string") for column in (USER_ID, ITEM_ID)}
        ).join(kept, [USER_ID, ITEM_ID], "left_semi")
    return train, held_out
