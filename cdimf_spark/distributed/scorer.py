"""What a trained model and its baselines have in common: evaluation and recommendation."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.distributed.evaluation.checked_tests import CheckedTests, check_tests
from cdimf_spark.distributed.evaluation.evaluate import evaluate
from cdimf_spark.distributed.failures import public
from cdimf_spark.distributed.input.given import Domains, Frame
from cdimf_spark.distributed.recommendation.item_filters import keep_items
from cdimf_spark.distributed.recommendation.lookups import (
    similar_items,
    similar_users,
    users_for_items,
)
from cdimf_spark.distributed.recommendation.recommend import recommend, unknown_users
from cdimf_spark.distributed.recommendation.requests import (
    Ids,
    denied_pairs,
    read_ids,
    report_unknown,
)
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.distributed.scoring.user_stage import LeftOut
from cdimf_spark.evaluation.protocol import Lengths, Negatives
from cdimf_spark.reports.results import Evaluation
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.scoring.lengths import check_length
from cdimf_spark.scoring.requests import POPULAR_FATE
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)


class Scorer:
    """Anything that scores users and items by factors: a model or a baseline.

    Parameters
    ----------
    tables
        Its factors.
    """

    def __init__(self, tables: ScoringTables) -> None:
        self._tables = tables

    def __repr__(self) -> str:
        """Name the domains and the rank."""
        return f"{type(self).__name__}(domains={', '.join(self.domains)}, rank={self.rank})"

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains."""
        return self._tables.domains

    @property
    def rank(self) -> int:
        """Length of a factor row."""
        return self._tables.rank

    def check_domains(self, names: Iterable[str]) -> None:
        """Raise ConfigurationError for a name that is none of the domains, with the nearest one."""
        self._tables.check_domains(names)

    @property
    def _spark(self) -> SparkSession:
        return self._tables.items.sparkSession

    @public
    def evaluate(
        self,
        tests: Domains | CheckedTests,
        k: Lengths = 10,
        negatives: Negatives = 999,
        seed: int = 0,
        by: Sequence[str] = (),
    ) -> Evaluation:
        """Rank held-out items and compute HR, NDCG, MAP, MRR, precision, recall and coverage.

        Parameters
        ----------
        tests
            By the domain's name a frame (user_id, item_id) of Spark, pandas or Arrow, or the path
            of one; or one frame with a column `domain`; or what `check_tests` made of these.
        k
            Length of the list that counts, or several; the first is that of `domains`.
        negatives
            Items drawn for each test row, or "all". A domain with too few items has all of them
            ranked, and a warning says so.
        seed
            Of the draw.
        by
            Groups to measure apart: some of shared, history, popularity, source.

        Returns
        -------
        Evaluation
            A mapping in the layout of `cdimf_spark.distributed.evaluation.evaluate.evaluate` that
            prints as tables; with `to_pandas`, `to_dict` and `plot`.

        Raises
        ------
        ConfigurationError
            If a domain or a grouping is unknown, or k or negatives is out of range.
        DataError
            If the tests cannot be used, or no row of a domain can be ranked.
        """
        if isinstance(tests, Mapping):
            self.check_domains(tests)
        checked = tests if isinstance(tests, CheckedTests) else check_tests(tests, self._spark)
        found = evaluate(self._tables, checked.rows, checked.n_tests, k, negatives, seed, by)
        return Evaluation(found)

    @public
    def recommend(
        self,
        domain: str,
        users: Ids | None = None,
        k: int = 10,
        *,
        allow: Ids | None = None,
        deny: Ids | None = None,
        deny_pairs: Frame | None = None,
        keep_seen: bool = False,
    ) -> DataFrame:
        """List the k best items of a domain for each user, without those that they have seen.

        Parameters
        ----------
        users
            Ids (texts or whole numbers), or a frame of Spark, pandas or Arrow with a column
            user_id; None: all users of the domain. A user of other domains only is scored with what
            they know of them; one whom no domain knows gets what is popular, and a warning says
            how many they are.
        allow, deny
            Ids of the only items to list, and of items not to list, or frames with a column
            item_id. Ids that the domain does not have are counted in a warning.
        deny_pairs
            Further pairs (user_id, item_id) not to list.
        keep_seen
            List also what a user has in train.

        Returns
        -------
        DataFrame
            user_id, rank (from 1), item_id, score and source, computed when it is used. A list is
            shorter than k where fewer items are left.

        Raises
        ------
        ConfigurationError
            If there is no such domain, or k is not between 1 and the size of its catalogue.
        DataError
            If a list is empty, lacks its column, or has no item of the domain.
        """
        self.check_domains([domain])
        check_length(k, self._tables.n_items(domain), domain)
        allowed, denied = (
            None if ids is None else read_ids(self._spark, ids, ITEM_ID, "items")
            for ids in (allow, deny)
        )
        tables, n_left = keep_items(self._tables, domain, allowed, denied)
        if n_left < k:
            logger.warning(
                "only %s left: all lists are shorter than %d", counted(n_left, "item"), k
            )
        left_out = LeftOut(seen=not keep_seen, pairs=denied_pairs(self._spark, deny_pairs))
        if users is None:
            return recommend(tables, domain, None, k, left_out=left_out)
        requests = read_ids(self._spark, users, USER_ID, "users")
        n_requests = report_unknown(requests, unknown_users(tables, domain, requests), POPULAR_FATE)
        return recommend(tables, domain, requests, k, n_requests, left_out)

    @public
    def users_for_items(
        self, domain: str, items: Ids, k: int = 10, *, keep_seen: bool = False
    ) -> DataFrame:
        """List the k users of a domain who score each item best, without those who have it.

        Parameters
        ----------
        items
            Ids, or a frame with a column item_id. Ids that the domain does not have are counted
            in a warning.
        keep_seen
            List also the users who have the item in train.

        Returns
        -------
        DataFrame
            item_id, rank (from 1), user_id, score.

        Raises
        ------
        ConfigurationError
            If there is no such domain, or k is not between 1 and the number of its users.
        DataError
            If the list is empty, lacks its column, or has no item of the domain.
        """
        asked = read_ids(self._spark, items, ITEM_ID, "items")
        return users_for_items(self._tables, domain, asked, k, keep_seen)

    @public
    def similar_items(self, domain: str, items: Ids, k: int = 10) -> DataFrame:
        """List the k items of a domain most like each of some: by the cosine of their factors.

        Returns
        -------
        DataFrame
            item_id, rank (from 1), similar_id, score (the cosine).

        Raises
        ------
        ConfigurationError, DataError
            As `users_for_items`.
        """
        return similar_items(
            self._tables, domain, read_ids(self._spark, items, ITEM_ID, "items"), k
        )

    @public
    def similar_users(self, domain: str, users: Ids, k: int = 10) -> DataFrame:
        """List the k users of a domain most like each of some: by the cosine of their factors.

        A user of other domains only is compared by what these know of them (`source` says so); one
        whom no domain knows has no list, and a warning says how many they are.

        Returns
        -------
        DataFrame
            user_id, rank (from 1), similar_id, score (the cosine), source.

        Raises
        ------
        ConfigurationError, DataError
            As `users_for_items`.
        """
        self.check_domains([domain])
        requests = read_ids(self._spark, users, USER_ID, "users")
        unknown = unknown_users(self._tables, domain, requests)
        n_users = report_unknown(requests, unknown, "have no list")
        return similar_users(self._tables, domain, requests, k, n_users)
