"""The lists that the options of a command line ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.reading import read_test
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.recommendation.id_files import read_items, read_users
from cdimf_spark.distributed.recommendation.writing import first_users
from cdimf_spark.errors import ConfigurationError

_LOOKUPS = ("items_users", "similar_items", "similar_users")
_OF_USERS = ("users", "allow", "deny", "deny_pairs", "keep_seen")


def check_options(given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for options that would have no effect together."""
    for lookup in _LOOKUPS:
        idle = [name for name in _OF_USERS if given[lookup] and given[name]]
        if lookup == "items_users" and "keep_seen" in idle:
            idle.remove("keep_seen")
        if idle:
            one, other = (name.replace("_", "-") for name in (idle[0], lookup))
            raise ConfigurationError(
                f"--{one} has no meaning with --{other}: leave one of them out"
            )
    if given["json"] and given["output"]:
        raise ConfigurationError("--json is for printed lists: leave out --json or --output")


def listed_inputs(given: Mapping[str, Any]) -> dict[str, str | None]:
    """Files and tables that the options name, by what messages call them."""
    names = ("users", "allow", "deny", "deny_pairs", *_LOOKUPS)
    return {f"--{name.replace('_', '-')}": given[name] for name in names}


def lists_of_options(spark: SparkSession, model: CDIMFModel, given: Mapping[str, Any]) -> DataFrame:
    """The lists that the options of ``jobs/recommend.py`` ask for, not yet computed."""
    domain, k, seen = given["domain"], given["k"], given["keep_seen"]
    model.check_domains([domain])
    if given["items_users"]:
        items = read_items(spark, given["items_users"], "--items-users")
        return model.users_for_items(domain, items, k, keep_seen=seen)
    if given["similar_items"]:
        items = read_items(spark, given["similar_items"], "--similar-items")
        return model.similar_items(domain, items, k)
    if given["similar_users"]:
        users = read_users(spark, given["similar_users"], "--similar-users")
        return model.similar_users(domain, users, k)
    allow, deny = (
        read_items(spark, given[name], f"--{name}") if given[name] else None
        for name in ("allow", "deny")
    )
    pairs = given["deny_pairs"]
    if pairs:
        pairs = read_test(spark, DomainConfig("deny-pairs", pairs))
    return model.recommend(
        domain,
        _users(spark, model, given),
        k,
        allow=allow,
        deny=deny,
        deny_pairs=pairs,
        keep_seen=seen,
    )


def _users(
    spark: SparkSession, model: CDIMFModel, given: Mapping[str, Any]
) -> DataFrame | list[str] | None:
    """The users to serve; of those whose lists are only printed, the first ones."""
    users = read_users(spark, given["users"]) if given["users"] else None
    if given["output"] or (users is not None and given["json"]):
        return users
    return first_users(model.users_of(given["domain"]) if users is None else users)
