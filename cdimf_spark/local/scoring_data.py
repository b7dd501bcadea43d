"""What scoring needs of a model in memory: its tables, and what its users have in train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import DataError
from cdimf_spark.kernel.ranking.lists import Lists
from cdimf_spark.scoring.item_group import ItemGroup
from cdimf_spark.scoring.sources import Sources
from cdimf_spark.scoring.users import Histories, Known, Users, find_users
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.serving_model import ServingModel
from cdimf_spark.solver.placement import Placement

Indexes = NDArray[np.int64]


class Training(NamedTuple):
    """What a model was made of.

    Attributes
    ----------
    config
        Options.
    cells : domain -> float32 (n_users, n_items)
        Weights of the interactions; rows and columns are those of the model's tables.
    items
        Blocks of the items: they make the order in which an evaluation draws.
    history
        Metrics of the iterations.
    """

    config: ModelConfig
    cells: Mapping[str, csr_array]
    items: Placement
    history: Sequence[Mapping[str, Any]]


class ScoringData:
    """A model with its training, to be scored.

    Parameters
    ----------
    serving
        The tables.
    training
        None for an export without interactions: whatever needs them is refused.
    """

    def __init__(self, serving: ServingModel, training: Training | None) -> None:
        self.serving = serving
        self._training = training
        coupled = (n for n in serving.domains if serving.domain(n).manifest.coupled)
        self.sources = Sources(frozenset(coupled))

    @property
    def training(self) -> Training:
        """The training.

        Raises
        ------
        DataError
            If the model has none.
        """
        if self._training is None:
            raise DataError(
                "this export has no interactions of the training, which evaluate() and lists "
                "without what a user has seen need: open one that LocalCDIMFModel.save wrote, or "
                "ask for lists with keep_seen=True"
            )
        return self._training

    def check_domains(self, names: Iterable[str]) -> None:
        """Raise ConfigurationError for a domain that the model does not have."""
        for name in names:
            self.serving.domain(name)

    def n_items(self, domain: str) -> int:
        """Size of a domain's catalogue."""
        return len(self.serving.domain(domain).items)

    def histories(self, domain: str) -> Histories:
        """What the users of a domain have in train, as positions of items and their keys."""
        cells = self.training.cells[domain]
        lists = Lists(cells.indptr.astype(np.int64), cells.indices.astype(np.int64))
        return Histories(lists, self.serving.domain(domain).items.keys)

    def find_users(self, domain: str, keys: Indexes, with_seen: bool) -> Users:
        """The rows that score users, see `find_users`.

        Parameters
        ----------
        keys : int64 (n,)
            Ascending and distinct.
        with_seen
            False: as if they had seen nothing.
        """
        tables = self.serving.domain(domain)
        others = [name for name in self.sources.domains_for(domain) if name != domain]
        histories = self.histories(domain) if with_seen else _nothing(len(tables.users))
        own, *rest = (self._known(name) for name in (domain, *others))
        return find_users(keys, own, rest, histories)

    def history_of(self, domain: str, user_id: str) -> dict[str, float]:
        """Weights of what a user has in train in a domain, by item id.

        Raises
        ------
        DataError
            If there is nothing.
        """
        tables, cells = self.serving.domain(domain), self.training.cells[domain]
        (position,), (known,) = tables.users.find([user_id])
        if not known:
            raise DataError(f"domain {domain!r} has no interactions of user {user_id!r}: give some")
        mine = slice(cells.indptr[position], cells.indptr[position + 1])
        ids = [tables.items.id_of(i) for i in cells.indices[mine].tolist()]
        return dict(zip(ids, cells.data[mine].tolist(), strict=True))

    def _known(self, domain: str) -> Known:
        tables = self.serving.domain(domain)
        shared = np.flatnonzero(tables.users.marks)
        consensus = self.serving.shared
        places = np.searchsorted(consensus.keys, tables.users.keys[shared])
        return Known(tables.users.keys, tables.users.factors, shared, consensus.factors[places])


def _nothing(n_users: int) -> Histories:
    none = np.zeros(0, np.int64)
    return Histories(Lists(np.zeros(n_users + 1, np.int64), none), none)


def items_of(tables: ExportedDomain, positions: Indexes) -> ItemGroup:
    """Some items of a domain, in the given order."""
    table = tables.items
    return ItemGroup(table.keys[positions], table.factors[positions], table.marks[positions])
