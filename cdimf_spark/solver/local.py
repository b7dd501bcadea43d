"""CDIMF on one machine: the readable specification of the method.

The paper's Algorithm 1 for any number of domains, any overlap of users, with the corrections and
the ``consensus`` schedule described in docs/method/algorithm.md. The distributed training gives
the same factors to float32 rounding; the tests hold it to this module. For data that fit one
machine it is also the fastest way to train: it starts no JVM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.configuration.settings import DomainConfig, DomainSettings, ModelConfig
from cdimf_spark.kernel.consensus import shared_factors
from cdimf_spark.kernel.initialization import domain_item_keys, id_keys, initial_factors
from cdimf_spark.kernel.least_squares import gram, gram_basis
from cdimf_spark.kernel.objective import ridge_loss
from cdimf_spark.solver.block import Coupling, InteractionBlock, update_items, update_users
from cdimf_spark.solver.earlier import EarlierRows, StartOf
from cdimf_spark.solver.rules import DomainRules, DomainSize, domain_rules

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


@dataclass(frozen=True)
class LocalModel:
    """Factors of all domains.

    Attributes
    ----------
    user_factors, item_factors : domain -> float32 (n, rank)
        Rows in the order of the domain's ids; z for shared users in schedule ``consensus``.
    shared_factors : user id -> float32 (rank,)
        z of the shared users.
    losses : float64 (max_iter, 4)
        Observed, unobserved, regularization and coupling loss of each iteration, all domains.
    """

    user_factors: dict[str, Matrix]
    item_factors: dict[str, Matrix]
    shared_factors: dict[str, NDArray[np.float32]]
    losses: NDArray[np.float64]


def train_local(
    domains: Mapping[str, LocalDomain], model: ModelConfig, earlier: EarlierRows | None = None
) -> LocalModel:
    """Train all domains.

    Parameters
    ----------
    domains
        Interactions by domain name.
    model
        Options; the early-stop tolerances and those about storage are not used here.
    earlier
        User rows of an earlier model to start from (schedule ``consensus``), see `solver.earlier`.
    """
    sides = _make_domains(domains, model)
    losses = []
    for domain in sides:
        domain.start(model, earlier)
    for iteration in range(1, model.max_iter + 1):
        losses.append(sum(domain.update_users() for domain in sides))
        aggregate = iteration % model.aggregation_period == 0
        if aggregate:
            _update_consensus(sides, model)
        for domain in sides:
            domain.update_items(use_z=aggregate and model.schedule == "consensus")
    return _result(sides, np.array(losses))


@dataclass
class _Domain:
    """One domain. All of it stays there but what `exchanged` sends and `z` receives.

    Attributes
    ----------
    by_user, by_item
        Interactions; those of `by_item` carry the weights of their users.
    shared, user_weights : (n_users,)
        Which users are shared; what users weigh in the item half-step.
    x, rows, items : float32 (n, rank)
        Last user solution; the rows that items and scores are made from; item factors.
    exchanged, z : float32 (n_shared, rank)
        E = X + U as last exchanged, and the consensus that came back.
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

    def update_users(self) -> NDArray[np.float64]:
        """Solve the users, shared ones pulled towards z - u; return the four loss parts."""
        coupling = Coupling(
            self.shared, self.rules.rho, self.exchanged, self.z, self.over_relaxation
        )
        basis = gram_basis(gram(self.items))
        prior = self.rules.prior_of(self.rows.sum(axis=0, dtype=np.float64))
        update = update_users(self.by_user, self.items, basis, self.rules.users, coupling, prior)
        self.x, self.next_exchanged = update.factors, update.exchanged
        losses: NDArray[np.float64] = update.sums[:4].copy()
        losses[2] += self.item_regularization
        return losses

    def update_items(self, use_z: bool) -> None:
        """Solve the items from z (or x) of shared users and x of the others."""
        self.rows = self.x.copy()
        if use_z:
            self.rows[self.shared] = self.z
        basis = gram_basis(gram(self.rows, self.user_weights))
        self.items, self.item_regularization = update_items(
            self.by_item, self.rows, basis, self.rules.items
        )


def _update_consensus(sides: list[_Domain], model: ModelConfig) -> None:
    """Average X + U over the domains of each shared user; every domain gets z of its own."""
    for domain in sides:
        domain.exchanged = domain.next_exchanged
    keys, z = _consensus(sides, model)
    for domain in sides:
        domain.z = z[np.searchsorted(keys, domain.keys[domain.shared])]


def _consensus(sides: list[_Domain], model: ModelConfig) -> tuple[NDArray[np.int64], Matrix]:
    exchanged = []
    for domain in sides:
        # Keys of shared users need not be in order here; the mean wants them ascending.
        keys = domain.keys[domain.shared]
        order = np.argsort(keys)
        exchanged.append((keys[order], domain.exchanged[order], domain.rules.rho))
    return shared_factors(exchanged, model.proximal, model.proximal_strength)


def _make_domains(domains: Mapping[str, LocalDomain], model: ModelConfig) -> list[_Domain]:
    settings = {
        name: model.for_domain(data.config or DomainConfig(name, "memory"))
        for name, data in sorted(domains.items())
    }
    keys = {name: id_keys(domains[name].user_ids) for name in settings}
    coupled = [keys[name] for name in settings if settings[name].rho > 0]
    distinct, counts = np.unique(np.concatenate([*coupled, []]), return_counts=True)
    sides = []
    for name, chosen in settings.items():
        shared = np.isin(keys[name], distinct[counts > 1]) & (chosen.rho > 0)
        sides.append(_make_domain(name, domains[name], chosen, keys[name], shared, model))
    return sides


def _make_domain(
    name: str,
    data: LocalDomain,
    settings: DomainSettings,
    keys: NDArray[np.int64],
    shared: NDArray[np.bool_],
    model: ModelConfig,
) -> _Domain:
    n_users, n_items = data.interactions.shape
    size = DomainSize(n_users, n_items, int(shared.sum()), data.interactions.nnz)
    weights = np.where(shared, model.shared_user_weight, 1.0).astype(np.float32)
    return _Domain(
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


def _result(sides: list[_Domain], losses: NDArray[np.float64]) -> LocalModel:
    shared: dict[str, NDArray[np.float32]] = {}
    for domain in sides:
        ids = np.array(domain.data.user_ids, object)[domain.shared]
        shared.update(zip(ids, domain.z, strict=True))
    return LocalModel(
        user_factors={domain.name: domain.rows for domain in sides},
        item_factors={domain.name: domain.items for domain in sides},
        shared_factors=shared,
        losses=losses,
    )
