"""Interactions of a domain as a matrix whose rows and columns are in the order of their keys."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.errors import DataError
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.local.input.pairs import Pairs
from cdimf_spark.solver.packing import merge_duplicates

Indexes = NDArray[np.int64]


class KeyedIds(NamedTuple):
    """Ids with their keys int64 (n,), ascending."""

    keys: Indexes
    ids: list[str]


class DomainData(NamedTuple):
    """Interactions of a domain.

    Attributes
    ----------
    users, items
        Ids of the rows and columns.
    cells : float32 (n_users, n_items)
        Weights of the distinct pairs; each row and column has one, column numbers ascend.
    n_rows : int
        Rows that they were read from.
    """

    users: KeyedIds
    items: KeyedIds
    cells: csr_array
    n_rows: int


def index_pairs(pairs: Pairs, duplicates: str) -> DomainData:
    """Number users and items, and merge repeated pairs as the training on Spark does.

    Raises
    ------
    DataError
        If two ids have the same key.
    """
    users, user = _by_key(pairs.users, pairs.user_codes)
    items, item = _by_key(pairs.items, pairs.item_codes)
    shape = (len(users.ids), len(items.ids))
    cells, weights = merge_duplicates(user * shape[1] + item, pairs.weights, duplicates)
    rows, columns = np.divmod(cells, shape[1])
    # None are kept where all are 1.
    data = weights if len(weights) else np.ones(len(cells), np.float32)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=shape[0]))))
    return DomainData(users, items, csr_array((data, columns, indptr), shape), len(pairs.weights))


def _by_key(ids: pa.Array, codes: Indexes) -> tuple[KeyedIds, Indexes]:
    """The ids that have rows, by ascending key, and the position of each row's id."""
    used, code = np.unique(codes, return_inverse=True)
    texts = ids.take(pa.array(used)).to_pylist()
    keys, first, inverse = np.unique(id_keys(texts), return_index=True, return_inverse=True)
    chosen = [texts[i] for i in first.tolist()]
    if len(keys) < len(texts):
        _refuse_collisions(texts, chosen, inverse)
    return KeyedIds(keys, chosen), inverse[code].astype(np.int64)


def _refuse_collisions(texts: list[str], chosen: list[str], position: Indexes) -> None:
    for text, i in zip(texts, position.tolist(), strict=True):
        if text != chosen[i]:
            raise DataError(
                f"ids {chosen[i]!r} and {text!r} have the same 64-bit key; rename one of them (a "
                "prefix is enough)"
            )
