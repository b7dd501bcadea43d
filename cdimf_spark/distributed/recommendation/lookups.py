"""Recommendation the other way round, and what is alike: users for items, similar rows."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.recommendation.item_filters import count_known, swapped
from cdimf_spark.distributed.recommendation.recommend import recommend
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables, Sizes
from cdimf_spark.distributed.scoring.user_stage import LeftOut
from cdimf_spark.scoring.lengths import check_length
from cdimf_spark.scoring.sources import Sources


def users_for_items(
    tables: ScoringTables, domain: str, items: DataFrame, k: int, keep_seen: bool = False
) -> DataFrame:
    """List the k users of a domain who score each item best, without those who have it.

    Parameters
    ----------
    items
        Distinct item_id.

    Returns
    -------
    DataFrame
        item_id, rank, user_id, score.

    Raises
    ------
    ConfigurationError
        If k is not between 1 and the number of users of the domain.
    DataError
        If the domain has none of the items.
    """
    tables.check_domains([domain])
    check_length(k, tables.n_users(domain), domain, "users")
    n = count_known(tables, domain, items, "list of items")
    asked, left_out = items.selectExpr("item_id AS user_id"), LeftOut(seen=not keep_seen)
    found = recommend(swapped(tables), domain, asked, k, n, left_out)
    return _known(found, "user_id AS item_id", "rank", "item_id AS user_id", "score")


def similar_items(tables: ScoringTables, domain: str, items: DataFrame, k: int) -> DataFrame:
    """List the k items of a domain most like each of some items: by the cosine of their factors.

    Returns
    -------
    DataFrame
        item_id, rank, similar_id, score (the cosine).

    Raises
    ------
    ConfigurationError
        If k is not between 1 and the number of items of the domain.
    DataError
        If the domain has none of the items.
    """
    tables.check_domains([domain])
    check_length(k, tables.n_items(domain), domain)
    n = count_known(tables, domain, items, "list of items")
    side, sizes = tables.layout.items, tables.sizes.items
    alike = replace(
        tables,
        users=tables.items,
        layout=Layout(side, side),
        sizes=Sizes(sizes, sizes),
        sources=Sources(frozenset()),
    )
    asked = items.selectExpr("item_id AS user_id")
    found = recommend(alike, domain, asked, k, n, _ITSELF, cosine=True)
    return _known(found, "user_id AS item_id", "rank", "item_id AS similar_id", "score")


def similar_users(
    tables: ScoringTables, domain: str, users: DataFrame, k: int, n_users: int
) -> DataFrame:
    """List the k users of a domain most like each of some users: by the cosine of their factors.

    A user of other domains only is compared by their row there (see `source`); one whom no domain
    knows has no list.

    Returns
    -------
    DataFrame
        user_id, rank, similar_id, score (the cosine), source.

    Raises
    ------
    ConfigurationError
        If k is not between 1 and the number of users of the domain.
    """
    tables.check_domains([domain])
    check_length(k, tables.n_users(domain), domain, "users")
    side, sizes = tables.layout.users, tables.sizes.users
    alike = replace(
        tables, items=tables.users, layout=Layout(side, side), sizes=Sizes(sizes, sizes)
    )
    found = recommend(alike, domain, users, k, n_users, _ITSELF, cosine=True)
    return _known(found, "user_id", "rank", "item_id AS similar_id", "score", "source")


_ITSELF = LeftOut(seen=False, itself=True)


def _known(found: DataFrame, *columns: str) -> DataFrame:
    """Lists of rows that there are; without the fallback for others."""
    return found.where("source <> 'popular'").selectExpr(*columns)
