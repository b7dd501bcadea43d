"""Evaluation and lists of a model on one machine, as `distributed.scorer` has them on Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cdimf_spark.evaluation.protocol import Lengths, Negatives, Protocol
from cdimf_spark.local import lists
from cdimf_spark.local.evaluate import evaluate
from cdimf_spark.local.input.by_domain import by_domain
from cdimf_spark.local.input.pairs import Data
from cdimf_spark.local.requests import Ids, denied_pairs, read_ids
from cdimf_spark.local.scoring_data import ScoringData, Training
from cdimf_spark.reports.results import Evaluation
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.serving.serving_model import ServingModel


class LocalScorer:
    """Anything on one machine that scores users and items by factors.

    Parameters
    ----------
    serving
        Its tables: they serve one user at a time, see `ServingModel`.
    training
        What it was made of; None if that is not known.
    """

    def __init__(self, serving: ServingModel, training: Training | None = None) -> None:
        self.serving = serving
        self._data = ScoringData(serving, training)

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains."""
        return self.serving.domains

    @property
    def rank(self) -> int:
        """Length of a factor row."""
        return self.serving.rank

    def evaluate(
        self,
        tests: Mapping[str, Data] | Data,
        k: Lengths = 10,
        negatives: Negatives = 999,
        seed: int = 0,
        by: Sequence[str] = (),
    ) -> Evaluation:
        """Rank held-out items and compute HR, NDCG, MAP, MRR, precision, recall and coverage.

        The numbers are those of `CDIMFModel.evaluate` for the same model: the same items are drawn
        (but see `catalogue` for large trainings of many blocks).

        Parameters
        ----------
        tests
            Tables (user_id, item_id) as for `LocalCDIMF.fit`.
        k
            Length of the list that counts, or several; the first is that of `domains`.
        negatives
            Items drawn for each test row, or "all".
        seed
            Of the draw.
        by
            Groups to measure apart: some of shared, history, popularity, source.

        Returns
        -------
        Evaluation
            Read like a dict and printed as a table; its parts: see
            `cdimf_spark.evaluation.result.evaluation_result`.

        Raises
        ------
        ConfigurationError
            If a domain or a grouping is unknown, or k or negatives is out of range.
        DataError
            If the tests cannot be used, or no row of a domain can be ranked.
        """
        protocol = Protocol.of(k, negatives, seed, by)
        tables = by_domain(tests, "evaluate() wants")
        return Evaluation(evaluate(self._data, tables, protocol))

    def recommend(
        self,
        domain: str,
        users: Ids | None = None,
        k: int = 10,
        *,
        allow: Ids | None = None,
        deny: Ids | None = None,
        deny_pairs: Any = None,
        keep_seen: bool = False,
    ) -> pd.DataFrame:
        """List the k best items of a domain for each user, without those that they have seen.

        Parameters
        ----------
        users
            Ids, or a frame with a column user_id; None: all users of the domain. A user of other
            domains only is scored with what these know of them; one whom no domain knows gets what
            is popular, and a warning says how many they are.
        allow, deny
            Ids of the only items to list, and of items not to list, or frames with a column
            item_id. Ids that the domain does not have are counted in a warning.
        deny_pairs
            A frame of further pairs (user_id, item_id) not to list.
        keep_seen
            List also what a user has in train.

        Returns
        -------
        pandas.DataFrame
            user_id, rank (from 1), item_id, score and source (own, shared, foreign, popular), list
            after list. A list is shorter than k where fewer items are left.

        Raises
        ------
        ConfigurationError
            If there is no such domain, or k is not between 1 and the size of its catalogue.
        DataError
            If a list is empty, lacks its column, or has no item of the domain.
        """
        asked = None if users is None else read_ids(users, USER_ID, "users")
        allowed, denied = (
            None if ids is None else read_ids(ids, ITEM_ID, "items") for ids in (allow, deny)
        )
        filters = lists.Filters(allowed, denied, denied_pairs(deny_pairs), keep_seen)
        return lists.recommend(self._data, domain, asked, k, filters)

    def users_for_items(
        self, domain: str, items: Ids, k: int = 10, *, keep_seen: bool = False
    ) -> pd.DataFrame:
        """List the k users of a domain who score each item best, without those who have it.

        Returns
        -------
        pandas.DataFrame
            item_id, rank (from 1), user_id, score.

        Raises
        ------
        ConfigurationError
            If there is no such domain, or k is not between 1 and the number of its users.
        DataError
            If the list is empty, lacks its column, or has no item of the domain.
        """
        asked = read_ids(items, ITEM_ID, "items")
        return lists.users_for_items(self._data, domain, asked, k, keep_seen)

    def similar_items(self, domain: str, items: Ids, k: int = 10) -> pd.DataFrame:
        """List the k items of a domain most like each of some: by the cosine of their factors.

        Returns
        -------
        pandas.DataFrame
            item_id, rank (from 1), similar_id, score (the cosine).

        Raises
        ------
        ConfigurationError, DataError
            As `users_for_items`.
        """
        return lists.similar_items(self._data, domain, read_ids(items, ITEM_ID, "items"), k)

    def similar_users(self, domain: str, users: Ids, k: int = 10) -> pd.DataFrame:
        """List the k users of a domain most like each of some: by the cosine of their factors.

        A user of other domains only is compared by what these know of them (`source` says so); one
        whom no domain knows has no list, and a warning says how many they are.

        Returns
        -------
        pandas.DataFrame
            user_id, rank (from 1), similar_id, score (the cosine), source.

        Raises
        ------
        ConfigurationError, DataError
            As `users_for_items`.
        """
        return lists.similar_users(self._data, domain, read_ids(users, USER_ID, "users"), k)
