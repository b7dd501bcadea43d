"""A model as tables for a vector index: (domain, id, vector).

The vectors are those of `kernel.augmentation`, made by Spark itself: an index of cosines (or of
Euclidean distances) then finds the items of the largest inner products.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.recommendation.writing import write_rows
from cdimf_spark.errors import ConfigurationError
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID

ITEM_VECTORS, USER_VECTORS = "item_vectors", "user_vectors"


def export_index(
    model: PublishedModel,
    path: str,
    domains: Sequence[str] | None = None,
    form: str = "delta",
    overwrite: bool = False,
) -> None:
    """Write the tables ``item_vectors`` and ``user_vectors`` below a path.

    Parameters
    ----------
    path
        Any path that Spark can write.
    domains
        The domains to export; None: all.
    form
        delta or parquet.
    overwrite
        Replace tables that are there.

    Raises
    ------
    ConfigurationError
        If there is no such domain, or a table is there and `overwrite` is not set.
    """
    chosen = list(model.domains if domains is None else domains)
    model.tables.check_domains(chosen)
    root = path.rstrip("/")
    tables = {
        f"{root}/{ITEM_VECTORS}": item_vectors(model.item_factors, chosen),
        f"{root}/{USER_VECTORS}": user_vectors(model.user_factors, chosen),
    }
    for table in tables:
        # Before anything is written: both or none.
        _refuse_existing(model, table, overwrite)
    for table, frame in tables.items():
        write_rows(frame, table, form, overwrite)


def item_vectors(items: DataFrame, domains: Sequence[str]) -> DataFrame:
    """Item rows with ``sqrt(M^2 - |y|^2)`` at the end: domain, item_id, vector array<float>.

    M is the largest length in the domain.
    """
    chosen = items.where(F.col(DOMAIN).isin(list(domains)))
    squared = chosen.withColumn("square", _square(F.col(FACTORS)))
    bounds = squared.groupBy(DOMAIN).agg(F.max("square").alias("bound"))
    missing = F.sqrt(F.greatest(F.col("bound") - F.col("square"), F.lit(0.0)))
    joined = squared.join(F.broadcast(bounds), DOMAIN, "inner")
    return joined.select(DOMAIN, ITEM_ID, _with_last(missing).alias("vector"))


def user_vectors(users: DataFrame, domains: Sequence[str]) -> DataFrame:
    """User rows with a 0 at the end: domain, user_id, vector array<float>."""
    chosen = users.where(F.col(DOMAIN).isin(list(domains)))
    return chosen.select(DOMAIN, USER_ID, _with_last(F.lit(0.0)).alias("vector"))


def _square(factors: Column) -> Column:
    """Squared length in double precision."""
    return F.aggregate(
        factors, F.lit(0.0), lambda total, one: total + one.cast("double") * one.cast("double")
    )


def _with_last(number: Column) -> Column:
    return F.concat(F.col(FACTORS), F.array(number.cast("float")))


def _refuse_existing(model: PublishedModel, table: str, overwrite: bool) -> None:
    if overwrite:
        return
    files = model.item_factors.sparkSession.read.format("binaryFile")
    try:
        empty = files.option("recursiveFileLookup", "true").load(table).select("path").isEmpty()
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in (error.getCondition() or ""):
            return
        raise
    if not empty:
        raise ConfigurationError(
            f"output {table!r} exists: use --overwrite to replace it, or another path"
        )
