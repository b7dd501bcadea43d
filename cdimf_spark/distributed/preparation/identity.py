"""Who is who: link tables, ids kept apart, and pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.preparation.prepare_options import PrepareOptions
from cdimf_spark.schemas import DOMAIN, USER_ID

# A domain's name has no colon: what is made of two different pairs is different.
MARK = ":"
_LEAST_KEY = 16  # bytes
_NUMBER = r"^[0-9]{1,18}$"


def keep_apart(
    interactions: DataFrame, options: PrepareOptions, domains: Sequence[str]
) -> DataFrame:
    """Put the domain before ids that are not shared: ``sport:17``.

    Raises
    ------
    DataError
        An id that stays as it is looks like one of these.
    """
    if options.keep_apart == "all":
        return interactions.withColumn(USER_ID, own_id())
    if options.keep_apart_above is None:
        return interactions
    number = F.when(F.col(USER_ID).rlike(_NUMBER), F.col(USER_ID)).cast("long")
    above = F.coalesce(number > options.keep_apart_above, F.lit(False))
    refuse_marked(interactions, USER_ID, domains)
    return interactions.withColumn(USER_ID, F.when(above, own_id()).otherwise(F.col(USER_ID)))


def own_id() -> Column:
    """Return the id of a user whom only one domain knows."""
    return F.concat(DOMAIN, F.lit(MARK), USER_ID)


def refuse_marked(frame: DataFrame, column: str, domains: Sequence[str]) -> None:
    """Raise DataError if an id looks like one that has got its domain's name."""
    looks = F.substring_index(column, MARK, 1).isin(*domains) & F.contains(
        F.col(column), F.lit(MARK)
    )
    first = frame.where(looks).agg(F.min(column)).collect()[0][0]
    if first is not None:
        raise DataError(
            f"{column} {first!r} begins with the name of a domain and a colon, as the ids that are "
            "made here for users of one domain: rename it"
        )


def read_key(key_file: str | None, key_env: str | None) -> bytes | None:
    """Return the secret key of the pseudonyms, or None if plain ids are wanted.

    Of a file, line breaks at its end do not count.

    Raises
    ------
    ConfigurationError
        There is no such file or variable, or the key is too short.
    """
    if key_file is not None:
        place = f"key file {key_file!r}"
        try:
            key = Path(key_file).read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise ConfigurationError(f"{place}: {error.strerror}") from error
    elif key_env is not None:
        place = f"environment variable {key_env!r}"
        if key_env not in os.environ:
            raise ConfigurationError(f"{place} is not set")
        key = os.environb[key_env.encode()]
    else:
        return None
    if len(key) < _LEAST_KEY:
        raise ConfigurationError(
            f"{place} has a key of {len(key)} bytes: at least {_LEAST_KEY} are wanted, and random "
            "ones (openssl rand -hex 32)"
        )
    return key


def hash_users(interactions: DataFrame, key: bytes | None) -> DataFrame:
    """Replace user ids by their HMAC-SHA256, in hexadecimal digits.

    The key goes to the workers with the function's own bytes and is in no plan, log or table.
    """
    if key is None:
        return interactions
    return interactions.withColumn(USER_ID, pseudonym_of(USER_ID, key))


def pseudonym_of(column: str, key: bytes) -> Column:
    """Return the pseudonyms of a column of ids."""
    return F.udf(make_pseudonym(key), "string", useArrow=True)(F.col(column))


def make_pseudonym(key: bytes) -> Callable[[str], str]:
    """Return the function of an id to its pseudonym."""

    def pseudonym(user_id: str) -> str:
        return hmac.digest(key, user_id.encode(), hashlib.sha256).hex()

    return pseudonym
