"""One domain of a training on one machine (see `local`): all that stays there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.configuration.settings import DomainConfig, DomainSettings, ModelConfig
from cdimf_spark.kernel.consensus import consensus_sums, squared_distance
from cdimf_spark.kernel.initialization import domain_item_keys, id_keys, initial_factors
from cdimf_spark.kernel.objective import ridge_loss
from cdimf_spark.kernel.rows.least_squares import gram
from cdimf_spark.solver.block import Coupling, InteractionBlock, update_items, update_users
from cdimf_spark.solver.earlier import EarlierRows, StartOf
from cdimf_spark.solver.rules import DomainRules, DomainSize, domain_rules, warn_if_alone
from cdimf_spark.solver.stopping import finite_basis

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class LocalDomain:
    """Interactions of one domain.

    Attributes
    ----------
    user_ids, item_ids
        Ids of the rows and columns, distinct; the same user has the same id in every domain.
    interactions : (n_users, n_items)
        Weights of the observed cells, positive; every row and column has one.
    config
        The domain's own options; None for the model's.
    """

    user_ids: list[str]
    item_ids: list[str]
    interactions: csr_array
    config: DomainConfig | None = None


@dataclass
class DomainSide:
    """One domain. All of it stays there but what `exchanged` sends and `z` receives.

    Attributes
    ----------
    by_user, by_item
        Interactions; those of `by_item` carry the weights of their users.
    shared, user_weights : (n_users,)
        Which users are shared; what users weigh in the item half-step.
    x, rows, items : float32 (n, rank)
        Last user solution; the rows that items and scores are made from; item factors.
    exchanged, next_exchanged, z : float32 (n_shared, rank)
        E = X + U as last exchanged and as the users have it now, and the consensus of the former.
    user_sums, consensus_sums : float64 (5,), (3,)
        Losses and residuals of the last user half-step and consensus.
    """

    name: str
    data: LocalDomain
    rules: DomainRules
    keys: NDArray[np.int64]
    shared: NDArray[np.bool_]
    user_weights: NDArray[np.float32]
    by_user: InteractionBlock
    by_item: InteractionBlock
    over_relaxation: float
    x: Matrix = field(init=False)
    rows: Matrix = field(init=False)
    items: Matrix = field(init=False)
    exchanged: Matrix = field(init=False)
    next_exchanged: Matrix = field(init=False)
    z: Matrix = field(init=False)
    item_regularization: float = 0.0
    user_sums: NDArray[np.float64] = field(init=False)
    consensus_sums: NDArray[np.float64] = field(init=False)

    def start(self, model: ModelConfig, earlier: EarlierRows | None) -> None:
        """Random users and their first items; in schedule paper random items, and U = Z = 0."""
        rank, seed, scale = model.rank, model.seed, model.init_scale
        if model.schedule == "paper":
            item_keys = domain_item_keys(self.name, id_keys(self.data.item_ids))
            self.items = initial_factors(item_keys, seed, rank, scale)
            ridge = self.rules.items.ridge(self.by_item.counts)
            self.item_regularization = ridge_loss(self.items, ridge)
            self.exchanged = self.z = np.zeros((int(self.shared.sum()), rank), np.float32)
            self.rows = np.zeros((len(self.keys), rank), np.float32)
        else:
            self.x = initial_factors(self.keys, seed, rank, scale)
            if earlier is not None:
                to = StartOf(self.name, self.rules.rho > 0)
                earlier.put(self.x, self.keys, self.shared, to)
            self.exchanged = self.z = self.x[self.shared]
            self.update_items(use_z=True)

    def update_users(self) -> None:
        """Solve the users, shared ones pulled towards z - u."""
        coupling = Coupling(
            self.shared, self.rules.rho, self.exchanged, self.z, self.over_relaxation
        )
        basis = finite_basis(self.name, gram(self.items))
        prior = self.rules.prior_of(self.rows.sum(axis=0, dtype=np.float64))
        update = update_users(self.by_user, self.items, basis, self.rules.users, coupling, prior)
        self.x, self.next_exchanged = update.factors, update.exchanged
        self.user_sums = update.sums
        self.consensus_sums = np.zeros(3)

    def receive(self, z: Matrix) -> None:
        """Take the consensus of what was sent last."""
        self.consensus_sums = consensus_sums(z, self.z, self.rules.rho)
        self.exchanged, self.z = self.next_exchanged, z

    @property
    def sums(self) -> dict[str, NDArray[np.float64]]:
        """Losses and residuals of the last user half-step, see `iteration_metrics`."""
        return {
            "user_sums": self.user_sums,
            "item_sums": np.array([self.item_regularization]),
            "primal_sums": np.array([squared_distance(self.x[self.shared], self.z)]),
            "consensus_sums": self.consensus_sums,
        }

    def update_items(self, use_z: bool) -> None:
        """Solve the items from z (or x) of shared users and x of the others."""
        self.rows = self.x.copy()
        if use_z:
            self.rows[self.shared] = self.z
        basis = finite_basis(self.name, gram(self.rows, self.user_weights))
        self.items, self.item_regularization = update_items(
            self.by_item, self.rows, basis, self.rules.items
        )


def make_sides(domains: Mapping[str, LocalDomain], model: ModelConfig) -> list[DomainSide]:
    """The domains, ready to start; who is shared follows from their users."""
    settings = {
        name: model.for_domain(data.config or DomainConfig(name, "memory"))
        for name, data in sorted(domains.items())
    }
    keys = {name: id_keys(domains[name].user_ids) for name in settings}
    coupled = [keys[name] for name in settings if settings[name].rho > 0]
    distinct, counts = np.unique(np.concatenate([*coupled, []]), return_counts=True)
    sides, n_shared = [], {}
    for name, chosen in settings.items():
        shared = np.isin(keys[name], distinct[counts > 1]) & (chosen.rho > 0)
        sides.append(_make_side(name, domains[name], chosen, keys[name], shared, model))
        n_shared[name] = int(shared.sum())
    warn_if_alone(n_shared, [name for name in settings if settings[name].rho > 0])
    return sides


def _make_side(
    name: str,
    data: LocalDomain,
    settings: DomainSettings,
    keys: NDArray[np.int64],
    shared: NDArray[np.bool_],
    model: ModelConfig,
) -> DomainSide:
    n_users, n_items = data.interactions.shape
    size = DomainSize(n_users, n_items, int(shared.sum()), data.interactions.nnz)
    weights = np.where(shared, model.shared_user_weight, 1.0).astype(np.float32)
    return DomainSide(
        name=name,
        data=data,
        rules=domain_rules(settings, size),
        keys=keys,
        shared=shared,
        user_weights=weights,
        by_user=_block(data.interactions),
        by_item=_block(data.interactions.multiply(weights[:, None]).T),
        over_relaxation=model.resolved_over_relaxation,
    )


def _block(matrix: csr_array) -> InteractionBlock:
    rows = csr_array(matrix, dtype=np.float32)
    return InteractionBlock(rows.indptr.astype(np.int64), rows.indices, rows.data)
