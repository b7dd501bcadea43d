"""A model as tables for a vector index: (domain, id, vector).

The vectors are those of `kernel.augmentation`, made by Spark itself: an index of cosines (or of
Euclidean distances) then finds the items of the largest inner products.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.distributed.output.guard import check_target
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.errors import ValueOutOfRangeError
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.schemas import DOMAIN, FACTORS, ITEM_ID, USER_ID

ITEM_VECTORS, USER_VECTORS = "item_vectors", "user_vectors"


def export_index(
    model: PublishedModel,
    path: str,
    domains: Sequence[str] | None = None,
    format: str = "delta",
    overwrite: bool = False,
) -> None:
    """Write the tables ``item_vectors`` and ``user_vectors`` below a path.

    Parameters
    ----------
    path
        A folder, any path that Spark can write. The tables appear together.
    domains
        The domains to export; None: all.
    format
        delta or parquet.
    overwrite
        Replace an earlier export of index tables (in a folder of this machine).

    Raises
    ------
    ConfigurationError
        If the format is not one of these, there is no such domain, or something at the path that
        must not be replaced.
    """
    if format == "csv":
        raise ValueOutOfRangeError("format", format, "delta or parquet: csv has no lists")
    chosen = list(model.domains if domains is None else domains)
    model.tables.check_domains(chosen)
    spark = model.item_factors.sparkSession
    order = Order(Kind.INDEX, format, overwrite)
    target = check_target(spark, path, order, {"the model": model.path})
    with target.writing() as folder:
        for name, frame in (
            (ITEM_VECTORS, item_vectors(model.item_factors, chosen)),
            (USER_VECTORS, user_vectors(model.user_factors, chosen)),
        ):
            target.writer(frame).save(f"{folder}/{name}")


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
