"""Rows of many users, or items, from the other side as it is: no training.

The same equation as `serving.fold_in`, block by block as in the training: the interactions are
packed in the blocks of their rows, with those of the training where wanted; each block gets the
factor rows of the other side that it needs, once, and solves its rows in one task.
"""

from __future__ import annotations

import logging

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.blocks.block_ops import by_block
from cdimf_spark.distributed.blocks.block_rows import decode, kind_is
from cdimf_spark.distributed.blocks.indexing import group_key_column, place
from cdimf_spark.distributed.blocks.packing import rows_of
from cdimf_spark.distributed.fold_in.fold_in_frames import (
    FoldSide,
    pull_rows,
    source_gram,
    source_rows,
    user_prior,
)
from cdimf_spark.distributed.fold_in.fold_in_step import (
    HISTORY_KINDS,
    SolveSettings,
    make_packer,
    make_solver,
)
from cdimf_spark.distributed.fold_in.model_rules import model_rules
from cdimf_spark.distributed.input.validation import clean_rows, raise_for_problems
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.workers import apply_to_cogroups, apply_to_groups
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.kernel.rows.least_squares import gram_basis
from cdimf_spark.schemas import BLOCK_COLUMNS, BLOCK_ROW, DOMAIN, FACTORS, WEIGHT
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)


def fold_in(
    model: PublishedModel,
    domain: str,
    annotated: DataFrame,
    side: str = "user",
    complete: bool = False,
    origin: str = "the interactions",
) -> DataFrame:
    """Rows of users (or items) of a domain from new interactions.

    Parameters
    ----------
    annotated
        The interactions, see `annotate`. Pairs that occur several times count as in the training.
    side
        Whose rows: ``user`` (from the items' factors) or ``item`` (from the users').
    complete
        The interactions are all that count. Else they are added to those that the training had of
        the same row.
    origin
        What messages call the interactions: a path.

    Returns
    -------
    DataFrame
        user_id, factors, pull, n_interactions, or item_id, factors, n_interactions; in any order.
        `pull` says where a user was pulled to: ``shared`` (the consensus), ``foreign`` (their row
        in another domain) or ``none``. Interactions with unknown items (users) are left out and
        counted in the log; so are rows that have no other ones.

    Raises
    ------
    ConfigurationError
        If there is no such domain or side.
    DataError
        If a row of the input is no interaction, there is none, or all are with unknown ids.
    """
    model.tables.check_domains([domain])
    if side not in ("user", "item"):
        raise ConfigurationError(f"side is {side!r}, but must be user or item")
    raise_for_problems(annotated, {domain: origin})
    chosen = FoldSide.of(model, domain, side)
    source = source_rows(model, chosen)
    known = source.select(F.col("id").alias(chosen.source_id), F.lit(True).alias("known"))
    given = clean_rows(annotated).join(known, chosen.source_id, "left").persist()
    try:
        _report_unknown(given, chosen)
        cells = _cells(given.where("known"), chosen)
        packed = _pack(model, chosen, cells, complete).localCheckpoint()
        requests = cells.select("pkey", "id", F.col("row_key").alias("key")).distinct()
        requests = requests.localCheckpoint()
    finally:
        given.unpersist()
    return _solve(model, chosen, packed, requests, source)


def _cells(given: DataFrame, side: FoldSide) -> DataFrame:
    """Interactions where their rows' blocks are: pkey, block, id, row_key, column_key, weight."""
    keyed = given.withColumn("row_key", F.xxhash64(side.row_id))
    return place(keyed, "row_key", side.blocks).select(
        group_key_column(side.blocks, F.col("block")).alias("pkey"),
        "block",
        F.col(side.row_id).alias("id"),
        "row_key",
        F.xxhash64(side.source_id).alias("column_key"),
        WEIGHT,
    )


def _pack(model: PublishedModel, side: FoldSide, cells: DataFrame, complete: bool) -> DataFrame:
    """Interactions of each block, packed (``BLOCK_ROW``)."""
    history = rows_of(model.blocks(), side.name, HISTORY_KINDS).where(F.col(DOMAIN) == side.domain)
    if complete:
        history = history.where(F.lit(False))
    step = make_packer(side.blocks, side.domain, model.config.model.duplicates)
    left, right = (by_block(frame, side.blocks) for frame in (history, cells.drop("id")))
    return apply_to_cogroups(left, right, step, BLOCK_ROW)


def _solve(
    model: PublishedModel, side: FoldSide, packed: DataFrame, requests: DataFrame, source: DataFrame
) -> DataFrame:
    """Solve the packed rows of each block."""
    columns = packed.where(kind_is("columns")).groupBy("pkey")
    wanted = apply_to_groups(columns, _wanted_rows, "pkey int, key long")
    received = wanted.join(source.select("key", FACTORS, "source_weight"), "key", "inner")
    # `priority` tells rows of the other side (-1) from those that say where to pull.
    received = received.withColumn("priority", F.lit(-1)).withColumn("id", F.lit(""))
    pulls = pull_rows(model, side, requests).withColumn("source_weight", F.lit(0.0).cast("float"))
    moving = received.unionByName(pulls)
    rules = model_rules(model, [side.domain])[side.domain]
    settings = SolveSettings(
        side=side.name,
        rank=model.rank,
        rules=rules,
        basis=gram_basis(source_gram(source, model.rank)),
        prior=user_prior(model, side.domain, rules) if side.name == "user" else None,
    )
    exchanged = model.exchanged_blocks() if side.coupled and side.name == "user" else None
    static = packed.select(*BLOCK_COLUMNS)
    if exchanged is not None:
        static = static.unionByName(exchanged.where(F.col(DOMAIN) == side.domain))
    left, right = (by_block(frame, side.blocks) for frame in (static, moving))
    return apply_to_cogroups(left, right, make_solver(settings), settings.schema)


def _wanted_rows(table: pa.Table) -> pa.Table:
    """Keys of the other side that a block needs."""
    keys = decode(table, "columns")
    pkey = table.column("pkey")[0].as_py()
    return pa.table({"pkey": pa.array([pkey] * len(keys), pa.int32()), "key": keys})


def _report_unknown(given: DataFrame, side: FoldSide) -> None:
    """Count what cannot be used; that is an error if nothing can be."""
    by_row = given.groupBy(side.row_id).agg(
        F.count("known").alias("n_known"), F.count(F.lit(1)).alias("n")
    )
    found = by_row.agg(
        F.count(F.lit(1)).alias("rows"),
        F.sum(F.when(F.col("n_known") == 0, 1).otherwise(0)).alias("lost"),
        F.sum("n").alias("n"),
        F.sum("n_known").alias("n_known"),
    ).collect()[0]
    other = "user" if side.name == "item" else "item"
    if not found["n_known"]:
        raise DataError(
            f"domain {side.domain!r} knows none of the {other}s of the "
            f"{counted(found['n'], 'interaction')}: are they ids of this domain?"
        )
    logger.info("folding in %s", counted(found["rows"] - found["lost"], side.name))
    if found["n_known"] < found["n"]:
        logger.warning(
            "%s with %ss that domain %r does not have left out; %s had no other and no row",
            counted(found["n"] - found["n_known"], "interaction"),
            other,
            side.domain,
            counted(found["lost"], side.name),
        )
