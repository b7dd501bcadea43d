"""The k best items of a domain for one row."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.errors import ValueOutOfRangeError
from cdimf_spark.kernel.ranking.scoring import best_items
from cdimf_spark.serving.arguments import check_ids
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.known_users import UserRow

logger = logging.getLogger(__name__)


class Recommended(NamedTuple):
    """One line of a list; `source` as in ``jobs/recommend.py``, or ``folded``."""

    item_id: str
    score: float
    source: str


def best_items_of(
    tables: ExportedDomain, row: UserRow, k: int, exclude: Iterable[str]
) -> list[Recommended]:
    """List the k best items for a row, best first; ties go to the smaller key.

    Ids of `exclude` that the domain does not have are logged: as a warning if none is known.

    Raises
    ------
    DataError
        If `exclude` is not several item ids.
    ValueOutOfRangeError
        If k is not between 1 and the size of the catalogue.
    """
    items, excluded = tables.items, check_ids(exclude, "item", "exclude")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(items):
        allowed = f"a whole number from 1 to {len(items)}, the items of domain {tables.name!r}"
        raise ValueOutOfRangeError("k", k, allowed)
    positions, known = items.find(excluded)
    _report_unknown(tables.name, excluded, known)
    left_out = np.unique(positions[known])
    best = best_items(
        row.factors[None], items.factors, items.keys, k, (np.array([0, len(left_out)]), left_out)
    )
    pairs = zip(best.items[0].tolist(), best.scores[0].tolist(), strict=True)
    return [
        Recommended(items.id_of(position), score, row.source)
        for position, score in pairs
        if position >= 0
    ]


def _report_unknown(domain: str, ids: Sequence[str], known: NDArray[np.bool_]) -> None:
    """Histories outlive items, so some unknown ids are usual; that all are is most likely wrong."""
    if known.all():
        return
    logger.log(
        logging.INFO if known.any() else logging.WARNING,
        "domain %r has %d of the %d items to leave out; it does not have %r",
        domain,
        int(known.sum()),
        len(ids),
        ids[int(np.argmin(known))],
    )
