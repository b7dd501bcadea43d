"""Why users get items: the scores of many pairs taken apart, block by block.

The parts are those of `serving.explanation.Explanation`, from the interactions of the training.
"""

from __future__ import annotations

import logging

from pyspark.sql import Column, DataFrame, GroupedData
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_ops import by_block
from cdimf_spark.distributed.blocks.indexing import group_key_column, place
from cdimf_spark.distributed.blocks.packing import rows_of
from cdimf_spark.distributed.fold_in.explain_step import (
    ITEM,
    PAIR,
    SCORING_ROW,
    ExplainSettings,
    make_explainer,
    wanted_items,
)
from cdimf_spark.distributed.fold_in.fold_in_frames import (
    FoldSide,
    pull_rows,
    source_gram,
    source_rows,
    user_prior,
)
from cdimf_spark.distributed.fold_in.fold_in_step import HISTORY_KINDS
from cdimf_spark.distributed.fold_in.model_rules import model_rules
from cdimf_spark.distributed.input.validation import clean_rows, raise_for_problems
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.workers import apply_to_cogroups
from cdimf_spark.errors import DataError, ValueOutOfRangeError
from cdimf_spark.schemas import DOMAIN, EXPLANATIONS, FACTORS, ITEM_ID, USER_ID
from cdimf_spark.scoring.lengths import is_count
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)


def explain(
    model: PublishedModel,
    domain: str,
    annotated: DataFrame,
    count: int = 10,
    origin: str = "the pairs",
) -> DataFrame:
    """Take the scores of pairs of users and items apart.

    Parameters
    ----------
    annotated
        The pairs, see `annotate`.
    count
        How many contributions to list for each pair, largest first; `own` is the sum of all.
    origin
        What messages call the pairs: a path.

    Returns
    -------
    DataFrame
        user_id, item_id, score, own, consensus, prior, remainder, pull, contributions; in any
        order. The score of a user without interactions in the domain is all consensus. Pairs of
        unknown users or items have no row and are counted in the log.

    Raises
    ------
    ConfigurationError
        If there is no such domain, or `count` is not a whole number from 1.
    DataError
        If a row is no pair, or no pair has a user and an item that the model knows.
    """
    model.tables.check_domains([domain])
    if not is_count(count):
        raise ValueOutOfRangeError("count", count, "a whole number from 1")
    raise_for_problems(annotated, {domain: origin})
    rules = model_rules(model, [domain])[domain]
    side = FoldSide.of(model, domain, "user")
    items = source_rows(model, side)
    known = _known_pairs(model, side, clean_rows(annotated), items)
    settings = ExplainSettings(
        rank=model.rank,
        rules=rules,
        gram=source_gram(items, model.rank),
        prior=user_prior(model, domain, rules),
        count=count,
    )
    static = rows_of(model.blocks(), "user", HISTORY_KINDS).where(F.col(DOMAIN) == domain)
    left, right = _grouped(side, static, known)
    wanted = apply_to_cogroups(left, right, wanted_items, "pkey int, key long")
    received = wanted.join(items.drop("source_weight"), "key", "inner")
    moving = _moving(model, side, known, received)
    exchanged = model.exchanged_blocks() if side.coupled else None
    if exchanged is not None:
        static = static.unionByName(exchanged.where(F.col(DOMAIN) == domain))
    left, right = _grouped(side, static, moving)
    return apply_to_cogroups(left, right, make_explainer(settings), EXPLANATIONS)


def _grouped(side: FoldSide, static: DataFrame, moving: DataFrame) -> tuple[GroupedData, ...]:
    return tuple(by_block(frame, side.blocks) for frame in (static, moving))


def _known_pairs(
    model: PublishedModel, side: FoldSide, pairs: DataFrame, items: DataFrame
) -> DataFrame:
    """Distinct pairs of which anything is known, where their users are.

    pkey, key and id of the user, item_key, priority.
    """
    asked = pairs.select(USER_ID, ITEM_ID).distinct()
    domains = [side.domain, *(model.tables.sources.aligned if side.coupled else ())]
    users = model.user_factors.where(F.col(DOMAIN).isin(domains)).select(USER_ID)
    if side.coupled:
        users = users.unionByName(model.shared_factors.select(USER_ID))
    some = asked.join(items.select(F.col("id").alias(ITEM_ID)), ITEM_ID, "left_semi")
    some = some.join(users, USER_ID, "left_semi").persist()
    try:
        _report_unknown(asked, some, side.domain)
        keyed = some.withColumn("key", F.xxhash64(USER_ID)).withColumn(DOMAIN, F.lit(side.domain))
        return (
            place(keyed, "key", side.blocks)
            .select(
                group_key_column(side.blocks, F.col("block")).alias("pkey"),
                "key",
                F.col(USER_ID).alias("id"),
                F.xxhash64(ITEM_ID).alias("item_key"),
                F.lit(PAIR).alias("priority"),
            )
            .localCheckpoint()
        )
    finally:
        some.unpersist()


def _report_unknown(asked: DataFrame, known: DataFrame, domain: str) -> None:
    """Warn of pairs that are not known, with the first of them; raise DataError if all are."""
    n_asked, n_known = asked.count(), known.count()
    if n_known == n_asked:
        return
    unknown = asked.join(known, [USER_ID, ITEM_ID], "left_anti")
    (user, item), *_ = unknown.orderBy(USER_ID, ITEM_ID).take(1)
    first = f"the first is user {user!r}, item {item!r}"
    if not n_known:
        raise DataError(
            f"none of the {counted(n_asked, 'pair')} has a user and an item that the model knows "
            f"in domain {domain!r}: {first}"
        )
    left_out = counted(n_asked - n_known, "pair")
    logger.warning("%s of unknown users or items left out, %s", left_out, first)


def _moving(
    model: PublishedModel, side: FoldSide, known: DataFrame, received: DataFrame
) -> DataFrame:
    """Rows of all kinds: pairs, items, rows that score the users, and where these are pulled to."""
    requests = known.select("pkey", "id", "key").distinct()
    own = model.user_factors.where(F.col(DOMAIN) == side.domain)
    scoring = requests.join(own.select(F.col(USER_ID).alias("id"), FACTORS), "id", "inner")
    return (
        _kind(known, F.col("priority"), F.array().cast("array<float>"))
        .unionByName(_kind(received, F.lit(ITEM), F.col(FACTORS)))
        .unionByName(_kind(scoring, F.lit(SCORING_ROW), F.col(FACTORS)))
        .unionByName(_kind(pull_rows(model, side, requests), F.col("priority"), F.col(FACTORS)))
    )


def _kind(rows: DataFrame, priority: Column, factors: Column) -> DataFrame:
    item_key = F.col("item_key") if "item_key" in rows.columns else F.lit(0).cast("long")
    return rows.select(
        "pkey",
        "key",
        "id",
        item_key.alias("item_key"),
        priority.alias("priority"),
        factors.alias(FACTORS),
    )
