"""The scalars of a domain's row equations, from its options and its counts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import DomainSettings, resolve_unobserved_weight
from cdimf_spark.kernel.rows.least_squares import row_ridge

logger = logging.getLogger(__name__)


class DomainSize(NamedTuple):
    """Users and items with at least one interaction, shared users, distinct interactions."""

    n_users: int
    n_items: int
    n_shared: int
    n_interactions: int


def warn_if_alone(n_shared: Mapping[str, int], coupled: Iterable[str]) -> None:
    """Log a warning of coupled domains that have no user in common with another one.

    Different spellings of the ids of the same users are the usual cause.

    Parameters
    ----------
    n_shared : mapping of str to int
        By domain: users that another coupled domain has too.
    coupled : iterable of str
        Domains that take part in the consensus.
    """
    names = sorted(coupled)
    alone = [name for name in names if not n_shared[name]]
    if len(names) > 1 and alone:
        logger.warning(
            "domains without a user in common with another one, which share nothing: %s. Check "
            "that a user has the same id everywhere",
            ", ".join(alone),
        )


@dataclass(frozen=True)
class RowRule:
    """What the row equation of one side of one domain needs besides rows: its scalars.

    Attributes
    ----------
    unobserved_weight
        a0.
    reg_param, reg_exponent, reg_scaling
        The ridge of a row with n interactions, see `row_ridge`.
    mean_count
        Mean number of interactions of a row of this side.
    n_other
        Number of rows of the other side.
    """

    unobserved_weight: float
    reg_param: float
    reg_exponent: float
    reg_scaling: str
    mean_count: float
    n_other: int

    def ridge(self, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ridge of each row, float32 (n_rows,)."""
        return row_ridge(
            counts,
            n_other=self.n_other,
            reg_param=self.reg_param,
            exponent=self.reg_exponent,
            unobserved_weight=self.unobserved_weight,
            scaling=self.reg_scaling,
            mean_count=self.mean_count,
        )


@dataclass(frozen=True)
class DomainRules:
    """Row rules of both sides of a domain, and what else its users are drawn to.

    Attributes
    ----------
    users, items
        The row equations.
    rho
        Pull of shared users to the consensus.
    user_prior
        Share p of the domain's mean user row m: the users' ridge is ``ridge_u |x_u - p m|^2``.
    """

    users: RowRule
    items: RowRule
    rho: float
    user_prior: float = 0.0

    def prior_of(self, row_sum: NDArray[np.float64]) -> NDArray[np.float32] | None:
        """Return p m from the sum of all user rows of the domain, both (rank,); None if p is 0."""
        if not self.user_prior:
            return None
        n_users = self.items.n_other
        return (self.user_prior / n_users * row_sum).astype(np.float32)


def domain_rules(settings: DomainSettings, size: DomainSize) -> DomainRules:
    """Rules of a domain of a given size."""
    a0 = resolve_unobserved_weight(settings, size.n_users, size.n_items, size.n_interactions)
    users, items = (
        RowRule(
            unobserved_weight=a0,
            reg_param=settings.reg_param,
            reg_exponent=exponent,
            reg_scaling=settings.reg_scaling,
            mean_count=size.n_interactions / n_rows,
            n_other=n_other,
        )
        for exponent, n_rows, n_other in (
            (settings.user_reg_exponent, size.n_users, size.n_items),
            (settings.item_reg_exponent, size.n_items, size.n_users),
        )
    )
    return DomainRules(users, items, settings.rho, settings.user_prior)
