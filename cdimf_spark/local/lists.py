"""The best items for users, users for items, and what is alike, as pandas DataFrames."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.ranking.lists import Lists, offsets_of
from cdimf_spark.kernel.ranking.scoring import best_items, find_sorted, unit_rows
from cdimf_spark.local.requests import Requested, find_items
from cdimf_spark.local.scoring_data import ScoringData, items_of
from cdimf_spark.schemas import ITEM_ID, USER_ID
from cdimf_spark.scoring.item_group import ItemGroup
from cdimf_spark.scoring.lengths import check_length
from cdimf_spark.scoring.requests import POPULAR_FATE, report_unknown_users
from cdimf_spark.scoring.sources import OWN, POPULAR, SOURCES
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.wording import counted

logger = logging.getLogger(__name__)

Indexes = NDArray[np.int64]
Matrix = NDArray[np.float32]
SIMILAR_ID = "similar_id"


class Filters(NamedTuple):
    """What lists are made of: see `LocalCDIMFModel.recommend`.

    `pairs` are int64 (n,) keys of users, and of items.
    """

    allow: Requested | None
    deny: Requested | None
    pairs: tuple[Indexes, Indexes]
    keep_seen: bool


class Asked(NamedTuple):
    """Rows that want lists.

    Attributes
    ----------
    ids : pyarrow.LargeStringArray
        What they are called.
    factors : float32 (n, rank)
    sources : int64 (n,)
        Positions in `SOURCES`.
    left_out
        Keys of what each list leaves out.
    """

    ids: pa.Array
    factors: Matrix
    sources: Indexes
    left_out: Lists

    def take(self, rows: Indexes) -> Asked:
        """Some of them, in the given order."""
        ids = self.ids.take(pa.array(rows))
        return Asked(ids, self.factors[rows], self.sources[rows], self.left_out.take(rows))


def recommend(
    data: ScoringData, domain: str, users: Requested | None, k: int, filters: Filters
) -> pd.DataFrame:
    """Lists of the best items, see `LocalCDIMFModel.recommend`."""
    data.check_domains([domain])
    check_length(k, data.n_items(domain), domain)
    group, ids = _kept_items(data, domain, filters)
    if len(group.keys) < k:
        left = counted(len(group.keys), "item")
        logger.warning("only %s left: all lists are shorter than %d", left, k)
    asked = _asked_users(data, domain, users, not filters.keep_seen, POPULAR_FATE)
    keys = data.serving.domain(domain).users.keys if users is None else users.keys
    asked = asked._replace(left_out=_with_pairs(asked.left_out, keys, filters.pairs))
    if users is not None:
        asked = asked.take(users.in_order)
    popular = (asked.sources == POPULAR).astype(np.float32)
    if popular.any():
        # A further column: whom nobody knows is scored by the items' numbers of interactions.
        asked = asked._replace(factors=np.column_stack([asked.factors, popular]))
        counts = group.counts.astype(np.float32)
        group = group._replace(factors=np.column_stack([group.factors, counts]))
    return _lists(asked, group, ids, k, (USER_ID, ITEM_ID))


def similar_items(data: ScoringData, domain: str, items: Requested, k: int) -> pd.DataFrame:
    """The items most like each of some, see `LocalCDIMFModel.similar_items`."""
    data.check_domains([domain])
    check_length(k, data.n_items(domain), domain)
    table = data.serving.domain(domain).items
    asked = _asked_items(table, find_items(table, items, "list of items", domain))
    group = ItemGroup(table.keys, table.factors, table.marks)
    return _alike(asked, group, table.id_texts, k, (ITEM_ID, SIMILAR_ID))


def similar_users(data: ScoringData, domain: str, users: Requested, k: int) -> pd.DataFrame:
    """The users most like each of some, see `LocalCDIMFModel.similar_users`."""
    data.check_domains([domain])
    table = data.serving.domain(domain).users
    check_length(k, len(table), domain, "users")
    asked = _asked_users(data, domain, users, False, "have no list")
    asked = asked._replace(left_out=_itself(users.keys))
    asked = asked.take(users.in_order)
    asked = asked.take(np.flatnonzero(asked.sources != POPULAR))
    group = ItemGroup(table.keys, table.factors, table.marks)
    return _alike(asked, group, table.id_texts, k, (USER_ID, SIMILAR_ID))


def users_for_items(
    data: ScoringData, domain: str, items: Requested, k: int, keep_seen: bool
) -> pd.DataFrame:
    """The users who score each item best, see `LocalCDIMFModel.users_for_items`."""
    data.check_domains([domain])
    tables = data.serving.domain(domain)
    check_length(k, len(tables.users), domain, "users")
    positions = find_items(tables.items, items, "list of items", domain)
    asked = _asked_items(tables.items, positions)
    left_out = Lists(np.zeros(len(positions) + 1, np.int64), np.zeros(0, np.int64))
    if not keep_seen:
        buyers = data.training.cells[domain].T.tocsr()[positions]
        keys = tables.users.keys[buyers.indices]
        left_out = Lists(buyers.indptr.astype(np.int64), keys)
    asked = asked._replace(left_out=left_out)
    group = ItemGroup(tables.users.keys, tables.users.factors, tables.users.marks)
    ids = tables.users.id_texts
    return _lists(asked, group, ids, k, (ITEM_ID, USER_ID))


def _kept_items(data: ScoringData, domain: str, filters: Filters) -> tuple[ItemGroup, pa.Array]:
    """The items that may be listed, and their ids."""
    tables = data.serving.domain(domain)
    kept = np.ones(len(tables.items), np.bool_)
    if filters.allow is not None:
        allowed = find_items(tables.items, filters.allow, "list of items to allow", domain)
        kept[:] = False
        kept[allowed] = True
    if filters.deny is not None:
        kept[find_items(tables.items, filters.deny, "list of items to deny", domain)] = False
    positions = np.flatnonzero(kept)
    if not len(positions):
        raise DataError(f"no item of domain {domain!r} is left: every one is denied")
    if kept.all():
        return ItemGroup(tables.items.keys, tables.items.factors, tables.items.marks), (
            tables.items.id_texts
        )
    return items_of(tables, positions), tables.items.id_texts.take(pa.array(positions))


def _asked_users(
    data: ScoringData, domain: str, users: Requested | None, with_seen: bool, fate: str
) -> Asked:
    table = data.serving.domain(domain).users
    if users is None:
        sources = np.full(len(table), OWN)
        left_out = Lists(np.zeros(len(table) + 1, np.int64), np.zeros(0, np.int64))
        if with_seen:
            cells, columns = data.histories(domain)
            left_out = Lists(cells.offsets, columns[cells.values])
        return Asked(table.id_texts, table.factors, sources, left_out)
    found = data.find_users(domain, users.keys, with_seen)
    unknown = [users.ids[i] for i in np.flatnonzero(found.sources == POPULAR).tolist()]
    report_unknown_users(len(users.ids), len(unknown), min(unknown, default=None), fate)
    return Asked(pa.array(users.ids, pa.large_string()), found.factors, found.sources, found.seen)


def _asked_items(table: RowTable, positions: Indexes) -> Asked:
    ids = table.id_texts.take(pa.array(positions))
    sources = np.full(len(positions), OWN)
    return Asked(ids, table.factors[positions], sources, _itself(table.keys[positions]))


def _itself(keys: Indexes) -> Lists:
    return Lists.of(np.ones(len(keys), np.int64), keys)


def _with_pairs(left_out: Lists, keys: Indexes, pairs: tuple[Indexes, Indexes]) -> Lists:
    """Lists of left-out keys with those of further pairs (user key, item key)."""
    user_keys, item_keys = pairs
    row, found = find_sorted(keys, user_keys)
    if not found.any():
        return left_out
    owners = np.concatenate([left_out.owners, row[found]])
    values = np.concatenate([left_out.values, item_keys[found]])
    order = np.argsort(owners, kind="stable")
    return Lists(offsets_of(np.bincount(owners, minlength=len(keys))), values[order])


def _alike(
    asked: Asked, group: ItemGroup, ids: pa.Array, k: int, names: tuple[str, str]
) -> pd.DataFrame:
    """Lists by the cosine."""
    asked = asked._replace(factors=unit_rows(asked.factors))
    group = group._replace(factors=unit_rows(group.factors))
    return _lists(asked, group, ids, k, names)


def _lists(
    asked: Asked, group: ItemGroup, ids: pa.Array, k: int, names: tuple[str, str]
) -> pd.DataFrame:
    """Lists of the k best rows of a group: who, rank (from 1), what, score and source."""
    left_out = group.find(asked.left_out)
    top = best_items(
        asked.factors, group.factors, group.keys, k, (left_out.offsets, left_out.values)
    )
    owner, place = np.nonzero(top.items >= 0)
    columns = {
        names[0]: asked.ids.take(pa.array(owner)).to_pandas(),
        "rank": (place + 1).astype(np.int32),
        names[1]: ids.take(pa.array(top.items[owner, place])).to_pandas(),
        "score": top.scores[owner, place],
    }
    if names[0] == USER_ID:
        columns["source"] = np.array(SOURCES, object)[asked.sources[owner]]
    return pd.DataFrame(columns)
