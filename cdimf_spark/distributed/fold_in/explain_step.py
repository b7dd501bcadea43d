"""What runs in the workers of an explanation: the pairs of one block of users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdimf_spark.arrow_schemas import arrow_schema
from cdimf_spark.distributed.blocks.list_columns import read_matrix
from cdimf_spark.distributed.fold_in.fold_in_step import (
    FOREIGN,
    PULLS,
    SHARED,
    choose_pulls,
    exchanged_of,
    history_of,
)
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.explanation import ScoreParts, score_parts
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.kernel.ranking.scoring import find_sorted, pair_scores
from cdimf_spark.schemas import EXPLANATIONS, FACTORS
from cdimf_spark.solver.rules import DomainRules

Int64 = NDArray[np.int64]
Matrix = NDArray[np.float32]

# Kinds of moving rows besides those of `fold_in_step`, by their priority: a pair to explain, the
# row that scores a user, an item row.
PAIR, SCORING_ROW, ITEM = -3, -2, -1

_SCHEMA = arrow_schema(EXPLANATIONS)


@dataclass(frozen=True)
class ExplainSettings:
    """What explanations in one domain need besides rows; `count` contributions are listed."""

    rank: int
    rules: DomainRules
    gram: NDArray[np.float64]
    prior: Matrix | None
    count: int


def wanted_items(static: pa.Table, pairs: pa.Table) -> pa.Table:
    """Keys of the items that explaining the pairs of a block takes: (pkey, key)."""
    keys = np.empty(0, np.int64)
    if pairs.num_rows:
        _, columns, _ = history_of(static, np.unique(pairs.column("key").to_numpy()))
        keys = np.union1d(columns, pairs.column("item_key").to_numpy())
    pkeys = np.full(len(keys), pairs.column("pkey")[0].as_py() if len(keys) else 0, np.int32)
    return pa.table({"pkey": pkeys, "key": keys})


def make_explainer(settings: ExplainSettings) -> CogroupFunction:
    """Function of a block: packed interactions, and rows of all kinds, to explanations."""

    def explain(static: pa.Table, moving: pa.Table) -> pa.Table:
        if not (moving.column("priority").to_numpy() == PAIR).any():
            return _SCHEMA.empty_table()
        block = read_block(static, moving, settings.rank)
        users = np.flatnonzero(block.known).tolist()
        rows = [row for n in users for row in explain_user(block, n, settings)]
        return pa.Table.from_pylist(rows, _SCHEMA)

    return explain


class Block(NamedTuple):
    """The users of a block that have pairs, and all that explains them.

    Attributes
    ----------
    user_ids, item_ids : list of str
        The items are those of `wanted_items`.
    items, rows, targets : float32 (n, rank)
        Item rows; the rows that score the users; z - u of the users.
    known : bool (n_users,)
        Whether any domain that could help knows the user.
    chosen : int64 (n_users,)
        Where the users are pulled to.
    pairs, cells : Lists of positions in `items`
        Items to explain, and items that the users have, by user.
    weights : float64 (n_cells,)
    """

    user_ids: list[str]
    item_ids: list[str]
    items: Matrix
    rows: Matrix
    targets: Matrix
    known: NDArray[np.bool_]
    chosen: Int64
    pairs: Lists
    cells: Lists
    weights: NDArray[np.float64]


def read_block(static: pa.Table, moving: pa.Table, rank: int) -> Block:
    """The rows of a block in the order of their keys."""
    order = [(name, "ascending") for name in ("key", "priority", "item_key")]
    moving = moving.sort_by(order)
    kinds = moving.column("priority").to_numpy()
    masks = (kinds == PAIR, kinds == ITEM, kinds == SCORING_ROW, kinds >= 0)
    pairs, items, own, pulls = (moving.filter(pa.array(mask)) for mask in masks)
    users, first = np.unique(pairs.column("key").to_numpy(), return_index=True)
    chosen, z = choose_pulls(pulls, users, rank)
    place, has_row = find_sorted(own.column("key").to_numpy(), users)
    rows = z.copy()
    # Without rows their matrix has no width.
    if has_row.any():
        rows[has_row] = read_matrix(own.column(FACTORS))[place[has_row]]
    item_keys = items.column("key").to_numpy()
    owners, columns, weights = history_of(static, users)
    return Block(
        user_ids=pairs.column("id").take(first).to_pylist(),
        item_ids=items.column("id").to_pylist(),
        items=read_matrix(items.column(FACTORS)),
        rows=rows,
        targets=z - (exchanged_of(static, chosen, z, users) - z),
        known=has_row | np.isin(chosen, (SHARED, FOREIGN)),
        chosen=chosen,
        pairs=_by_user(users, pairs.column("key").to_numpy(), item_keys, pairs.column("item_key")),
        cells=_by_user(users, owners, item_keys, columns),
        weights=weights,
    )


def _by_user(users: Int64, owners: Int64, item_keys: Int64, wanted: Any) -> Lists:
    """Positions of items by user; `owners` ascend."""
    offsets = np.append(np.searchsorted(owners, users), len(owners))
    return Lists(offsets, np.searchsorted(item_keys, np.asarray(wanted)))


def explain_user(block: Block, n: int, settings: ExplainSettings) -> Iterator[dict[str, Any]]:
    """Explanations of the pairs of one user."""
    targets, cells = block.pairs.row(n), block.cells.row(n)
    weights = block.weights[block.cells.offsets[n] : block.cells.offsets[n + 1]]
    scores = pair_scores(block.rows[n], block.items[targets], np.float64).astype(np.float64)
    # Who has no interactions here is scored by what others know of them: all of it is consensus.
    parts = ScoreParts(np.zeros((len(targets), 0)), np.stack([scores, 0 * scores], axis=1))
    if len(cells):
        rules, pulled = settings.rules, block.chosen[n] in (SHARED, FOREIGN)
        rho, ridge = rules.rho if pulled else 0.0, rules.users.ridge(np.array([len(cells)]))[0]
        prior = np.zeros(settings.rank) if settings.prior is None else settings.prior
        parts = score_parts(
            block.items[targets],
            block.items[cells],
            weights,
            settings.gram,
            rules.users.unobserved_weight,
            float(ridge) + rho,
            np.stack([rho * block.targets[n].astype(np.float64), float(ridge) * prior]),
        )
    own, (consensus, mean) = parts.contributions.sum(axis=1), parts.pulls.T
    remainder = scores - own - consensus - mean
    for i, item in enumerate(targets):
        yield {
            "user_id": block.user_ids[n],
            "item_id": block.item_ids[item],
            "score": scores[i],
            "own": own[i],
            "consensus": consensus[i],
            "prior": mean[i],
            "remainder": remainder[i],
            "pull": PULLS[block.chosen[n]],
            "contributions": [
                {
                    "item_id": block.item_ids[cells[j]],
                    "weight": weights[j],
                    "contribution": parts.contributions[i, j],
                }
                for j in np.argsort(-parts.contributions[i], kind="stable")[: settings.count]
            ],
        }
