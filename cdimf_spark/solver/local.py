"""CDIMF on one machine: the readable specification of the method.

The paper's Algorithm 1 for any number of domains, any overlap of users, with the corrections and
the ``consensus`` schedule described in docs/method/algorithm.md. The distributed training gives
the same factors to float32 rounding; the tests hold it to this module. For data that fit one
machine it is also the fastest way to train: it starts no JVM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.kernel.consensus import shared_factors
from cdimf_spark.solver.earlier import EarlierRows
from cdimf_spark.solver.iteration_metrics import iteration_metrics
from cdimf_spark.solver.local_domain import DomainSide, LocalDomain, make_sides
from cdimf_spark.solver.rules import DomainRules

__all__ = ["LocalDomain", "LocalModel", "OnIteration", "train_local"]

Matrix = NDArray[np.float32]
# Gets the iteration's number and metrics (`iteration_metrics`); True: that was the last one.
OnIteration = Callable[[int, dict[str, Any]], bool]


@dataclass(frozen=True)
class LocalModel:
    """Factors of all domains.

    Attributes
    ----------
    user_factors, item_factors : domain -> float32 (n, rank)
        Rows in the order of the domain's ids; z for shared users in schedule ``consensus``.
    shared_factors : user id -> float32 (rank,)
        z of the shared users.
    losses : float64 (n_iterations, 4)
        Observed, unobserved, regularization and coupling loss of each iteration, all domains.
    shared : domain -> bool (n_users,)
        Which users are shared.
    exchanged : domain -> float32 (n_shared, rank)
        X + U of these, as the last consensus was made of.
    rules : domain -> DomainRules
        Scalars of the row equations.
    """

    user_factors: dict[str, Matrix]
    item_factors: dict[str, Matrix]
    shared_factors: dict[str, NDArray[np.float32]]
    losses: NDArray[np.float64]
    shared: dict[str, NDArray[np.bool_]]
    exchanged: dict[str, Matrix]
    rules: dict[str, DomainRules]


def train_local(
    domains: Mapping[str, LocalDomain],
    model: ModelConfig,
    earlier: EarlierRows | None = None,
    on_iteration: OnIteration = lambda iteration, metrics: False,
) -> LocalModel:
    """Train all domains.

    Parameters
    ----------
    domains
        Interactions by domain name.
    model
        Options; those about storage are not used here, and the tolerances are for `on_iteration`
        to watch (`solver.stopping`).
    earlier
        User rows of an earlier model to start from (schedule ``consensus``), see `solver.earlier`.
    on_iteration
        Called after each iteration.
    """
    sides = make_sides(domains, model)
    losses = []
    for domain in sides:
        domain.start(model, earlier)
    for iteration in range(1, model.max_iter + 1):
        for domain in sides:
            domain.update_users()
        aggregate = iteration % model.aggregation_period == 0
        if aggregate:
            _update_consensus(sides, model)
        metrics = _metrics(sides)
        for domain in sides:
            domain.update_items(use_z=aggregate and model.schedule == "consensus")
        losses.append([metrics[f"{part}_loss"] for part in _LOSSES])
        if on_iteration(iteration, metrics):
            break
    return _result(sides, np.array(losses))


_LOSSES = ("observed", "unobserved", "regularization", "coupling")


def _metrics(sides: Sequence[DomainSide]) -> dict[str, Any]:
    """Losses and residuals of an iteration."""
    sums = {domain.name: domain.sums for domain in sides}
    kinds = ("user_sums", "item_sums", "primal_sums", "consensus_sums")
    return iteration_metrics({kind: {n: own[kind] for n, own in sums.items()} for kind in kinds})


def _update_consensus(sides: Sequence[DomainSide], model: ModelConfig) -> None:
    """Average X + U over the domains of each shared user; every domain gets z of its own."""
    exchanged = []
    for domain in sides:
        # Keys of shared users need not be in order here; the mean wants them ascending.
        keys = domain.keys[domain.shared]
        order = np.argsort(keys)
        exchanged.append((keys[order], domain.next_exchanged[order], domain.rules.rho))
    keys, z = shared_factors(exchanged, model.proximal, model.proximal_strength)
    for domain in sides:
        domain.receive(z[np.searchsorted(keys, domain.keys[domain.shared])])


def _result(sides: Sequence[DomainSide], losses: NDArray[np.float64]) -> LocalModel:
    shared: dict[str, NDArray[np.float32]] = {}
    for domain in sides:
        ids = np.array(domain.data.user_ids, object)[domain.shared]
        shared.update(zip(ids, domain.z, strict=True))
    return LocalModel(
        user_factors={domain.name: domain.rows for domain in sides},
        item_factors={domain.name: domain.items for domain in sides},
        shared_factors=shared,
        losses=losses,
        shared={domain.name: domain.shared for domain in sides},
        exchanged={domain.name: domain.exchanged for domain in sides},
        rules={domain.name: domain.rules for domain in sides},
    )
