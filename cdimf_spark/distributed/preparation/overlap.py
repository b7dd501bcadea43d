"""How domains overlap: users by subset of domains, and the sizes of the parts of a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID

# More subsets than anybody reads; of many domains there could be as many as users.
_MOST_GROUPS = 1000


def domains_of_user() -> Column:
    """Return the sorted names of the domains that have the row's user."""
    return F.array_sort(F.collect_set(DOMAIN).over(Window.partitionBy(USER_ID)))


def count_overlap(interactions: DataFrame, domains: Sequence[str]) -> dict[str, Any]:
    """Count users by the subset of domains that has them, and what they have there.

    Parameters
    ----------
    interactions : DataFrame
        domain, user_id, item_id; no pair twice.

    Returns
    -------
    dict
        domains: by name, users, shared_users, items, interactions and density; groups: for each
        subset of domains, largest first, its users and, by domain, their interactions and items.
    """
    named = interactions.withColumn("group", domains_of_user())
    found = named.groupBy("group", DOMAIN).agg(*_sizes())
    most = found.orderBy(F.desc("users"), "group", DOMAIN).limit(_MOST_GROUPS * len(domains))
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in most.collect():
        group = groups.setdefault(
            tuple(row["group"]), {"domains": row["group"], "users": row["users"], "in": {}}
        )
        group["in"][row[DOMAIN]] = {name: row[name] for name in ("interactions", "items")}
    shared = F.size("group") > 1
    totals = named.groupBy(DOMAIN).agg(
        *_sizes(), F.countDistinct(F.when(shared, F.col(USER_ID))).alias("shared_users")
    )
    sizes = {row[DOMAIN]: _with_density(row.asDict()) for row in totals.collect()}
    return {"domains": {name: sizes[name] for name in domains}, "groups": list(groups.values())}


def count_parts(parts: DataFrame, domains: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Count users, items and interactions of train, validation and test (the paper's Table 1).

    Parameters
    ----------
    parts : DataFrame
        domain, user_id, item_id, part.

    Returns
    -------
    dict
        By domain and part; for train also shared_users (with train data in several domains) and
        density.
    """
    sizes = parts.groupBy(DOMAIN, "part").agg(*_sizes()).collect()
    train = parts.where(F.col("part") == "train").select(DOMAIN, USER_ID).distinct()
    shared = train.select(DOMAIN, F.size(domains_of_user()).alias("n")).where("n > 1")
    n_shared = {row[DOMAIN]: row["count"] for row in shared.groupBy(DOMAIN).count().collect()}
    result: dict[str, dict[str, Any]] = {name: {} for name in domains}
    for row in sizes:
        found = {name: row[name] for name in ("users", "items", "interactions")}
        if row["part"] == "train":
            found = _with_density({**found, "shared_users": n_shared.get(row[DOMAIN], 0)})
        result[row[DOMAIN]][row["part"]] = found
    return result


def _sizes() -> list[Column]:
    return [
        F.countDistinct(USER_ID).alias("users"),
        F.countDistinct(ITEM_ID).alias("items"),
        F.count(F.lit(1)).alias("interactions"),
    ]


def _with_density(sizes: dict[str, Any]) -> dict[str, Any]:
    sizes.pop(DOMAIN, None)
    return {**sizes, "density": sizes["interactions"] / (sizes["users"] * sizes["items"])}
