"""Link tables: which local users of the domains are one person."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cdimf_spark.configuration.settings import DomainConfig
from cdimf_spark.distributed.input.event_columns import EVENT, EventColumns
from cdimf_spark.distributed.input.reading import read_annotated
from cdimf_spark.distributed.input.validation import (
    annotate,
    raise_for_problems,
)
from cdimf_spark.distributed.preparation.identity import own_id, refuse_marked
from cdimf_spark.errors import DataError
from cdimf_spark.input_errors import BadRowsError, ColumnsError
from cdimf_spark.schemas import DOMAIN, ITEM_ID, USER_ID
from cdimf_spark.wording import did_you_mean

logger = logging.getLogger(__name__)

PERSON_ID = "person_id"
_NAME = "links"
_COLUMNS = (USER_ID, PERSON_ID)
_DOMAIN_COLUMN = EventColumns(event=DOMAIN, look=False, needs={"event": "the link table"})


def read_links(spark: SparkSession, source: str | DataFrame) -> DataFrame:
    """Read a link table, checked: distinct domain, user_id, person_id (strings).

    Parameters
    ----------
    source : str or DataFrame
        A table with these columns: text with a header, JSON lines, Parquet or Delta.

    Raises
    ------
    DataError
        It is not there, has other columns or empty cells, or gives one local user two persons.
    """
    path = source if isinstance(source, str) else "the DataFrame"
    try:
        # A link is read as an event of the type `domain` between a user and a person.
        if isinstance(source, str):
            config = DomainConfig(_NAME, source, columns=_COLUMNS)
            annotated = read_annotated(spark, config, False, _DOMAIN_COLUMN)
        else:
            annotated = annotate(source, _NAME, path, _COLUMNS, False, events=_DOMAIN_COLUMN)
        raise_for_problems(annotated, {_NAME: path})
    except ColumnsError as error:
        raise DataError(
            f"link table {path!r}: the columns domain, user_id and person_id are wanted; present: "
            f"{', '.join(error.present)}"
        ) from error
    except BadRowsError as error:
        problem = error.problem.replace(ITEM_ID, PERSON_ID)
        raise DataError(f"link table {error.source!r}: {problem}, in {error.row!r}") from error
    links = annotated.select(
        F.trim(EVENT).alias(DOMAIN), USER_ID, F.col(ITEM_ID).alias(PERSON_ID)
    ).distinct()
    links = links.localCheckpoint()
    _refuse_two_persons(links, path)
    return links


def _refuse_two_persons(links: DataFrame, path: str) -> None:
    """Raise DataError if a local user has two persons."""
    persons = links.groupBy(DOMAIN, USER_ID).agg(
        F.min(PERSON_ID).alias("one"), F.max(PERSON_ID).alias("other")
    )
    wrong = persons.where(F.col("one") != F.col("other"))
    count, first = wrong.agg(
        F.count(F.lit(1)), F.min(F.struct(DOMAIN, USER_ID, "one", "other"))
    ).collect()[0]
    if count:
        more = "" if count == 1 else f"; {count} users in all are in this case"
        raise DataError(
            f"link table {path!r}: user {first[USER_ID]!r} of domain {first[DOMAIN]!r} is linked "
            f"to two persons, {first['one']!r} and {first['other']!r}{more}. A local user is one "
            "person: correct the table"
        )


def apply_links(
    events: DataFrame, links: DataFrame, domains: Sequence[str]
) -> tuple[DataFrame, dict[str, dict[str, int]]]:
    """Replace local user ids by persons; a user without a link becomes ``DOMAIN:ID``.

    Parameters
    ----------
    events : DataFrame
        domain, user_id and others.
    links : DataFrame
        As `read_links` returns them.
    domains : sequence of str

    Returns
    -------
    events : DataFrame
        With persons as user_id.
    counts : dict
        By domain: linked and unlinked local users, and persons with several of them.

    Raises
    ------
    DataError
        A person's id looks like one that is made for a user without a link.
    """
    refuse_marked(links, PERSON_ID, domains)
    others = links.where(~F.col(DOMAIN).isin(*domains)).select(DOMAIN).distinct().sort(DOMAIN)
    for row in others.collect():
        # A table of the whole company is fine; a misspelt name would cost all sharing.
        hint = did_you_mean(row[DOMAIN], domains)
        logger.warning("the link table has a domain %r that is not prepared%s", row[DOMAIN], hint)
    linked = events.join(links, [DOMAIN, USER_ID], "left")
    users = events.select(DOMAIN, USER_ID).distinct().join(links, [DOMAIN, USER_ID], "left")
    persons = users.groupBy(DOMAIN, PERSON_ID).agg(F.count(F.lit(1)).alias("n"))
    known, n = F.col(PERSON_ID).isNotNull(), F.col("n")
    counts = persons.groupBy(DOMAIN).agg(
        F.coalesce(F.sum(F.when(known, n)), F.lit(0)).alias("linked"),
        F.coalesce(F.sum(F.when(~known, n)), F.lit(0)).alias("unlinked"),
        F.count(F.when(known & (n > 1), 1)).alias("several_accounts"),
    )
    found = {row[DOMAIN]: row.asDict() for row in counts.collect()}
    person = F.coalesce(F.col(PERSON_ID), own_id())
    return linked.withColumn(USER_ID, person).select(*events.columns), found
