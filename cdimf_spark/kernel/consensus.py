"""The consensus step on shared users: pure functions of arrays.

After its half-step each domain i sends E_i = X_i + U_i of the users that it shares. With D(u) the
domains that have user u (paper eq. 16, over D(u) instead of all domains)::

    z_u = prox_{mu_u}( sum_{i in D(u)} rho_i E_iu / sum_{i in D(u)} rho_i ),
    mu_u = 1 / sum_{i in D(u)} rho_i

and each domain then knows its dual without being told: u_iu = E_iu - z_u.

A proximal operator answers  prox_mu(v) = argmin_z  g(z) + |z - v|^2 / (2 mu)  for its penalty g.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
ProximalOperator = Callable[[Float64, Float64, float], Float64]


def prox_identity(z: Float64, mu: Float64, strength: float) -> Float64:
    """No penalty: g = 0, z as it is."""
    return z


def prox_l2(z: Float64, mu: Float64, strength: float) -> Float64:
    """Shrink rows: g(z) = strength/2 |z|^2 gives z / (1 + strength * mu).

    The paper prints mu / (1 + strength * mu) in eq. 17, which does not minimise its own eq. 16.

    Parameters
    ----------
    z : float64 (n, d)
        Points.
    mu : float64 (n,) or scalar
        Step of each row.
    strength : float
        lambda of the penalty.
    """
    return z / (1.0 + strength * np.asarray(mu))[..., None]


PROXIMAL_OPERATORS: dict[str, ProximalOperator] = {"identity": prox_identity, "l2": prox_l2}


def shared_factors(
    exchanged: Sequence[tuple[Int64, Matrix, float]], proximal: str, strength: float
) -> tuple[Int64, Matrix]:
    """Consensus factors z of all users that the domains sent.

    Parameters
    ----------
    exchanged : sequence of (keys int64 (n_i,), rows float32 (n_i, d), rho float)
        One entry a domain: ascending distinct keys, E_i = X_i + U_i, and rho_i > 0. Sums run in
        this order, so the order of the domains should be fixed (by name).
    proximal : str
        A name in ``PROXIMAL_OPERATORS``.
    strength : float
        lambda of the penalty; not used by ``identity``.

    Returns
    -------
    keys : int64 (n,)
        Ascending: the union of the domains' keys.
    z : float32 (n, d)

    Raises
    ------
    ValueError
        If nothing was exchanged or `proximal` is unknown.
    """
    if not exchanged:
        raise ValueError("no domain exchanged anything")
    if proximal not in PROXIMAL_OPERATORS:
        known = ", ".join(sorted(PROXIMAL_OPERATORS))
        raise ValueError(f"unknown proximal operator {proximal!r}; known: {known}")
    keys = np.unique(np.concatenate([domain_keys for domain_keys, _, _ in exchanged]))
    weighted = np.zeros((len(keys), exchanged[0][1].shape[1]))
    rho_sums = np.zeros(len(keys))
    for domain_keys, rows, rho in exchanged:
        place = np.searchsorted(keys, domain_keys)
        weighted[place] += rho * rows.astype(np.float64)
        rho_sums[place] += rho
    mean = weighted / rho_sums[:, None]
    z = PROXIMAL_OPERATORS[proximal](mean, 1.0 / rho_sums, strength)
    return keys, z.astype(np.float32)


def relax(x: Matrix, z_old: Matrix, over_relaxation: float) -> Matrix:
    """Over-relaxed rows: ``over_relaxation * x + (1 - over_relaxation) * z_old``.

    Parameters
    ----------
    x, z_old : float32 (n, d)
        Rows of the domain and the consensus that they were pulled to.
    over_relaxation : float
        1 is none; between 1 and 2 speeds consensus up.
    """
    over = np.float32(over_relaxation)
    return over * x + (np.float32(1.0) - over) * z_old


def dual(exchanged: Matrix, z: Matrix) -> Matrix:
    """Scaled dual u = E - z of the rows that a domain sent, from what was sent and the answer."""
    return exchanged - z


def squared_distance(left: Matrix, right: Matrix) -> float:
    """Sum of squared differences of two (n, d) matrices, in float64: residuals, before the root."""
    difference = np.subtract(left, right, dtype=np.float64)
    return float(np.vdot(difference, difference))


def consensus_sums(z: Matrix, before: Matrix, rho: float) -> NDArray[np.float64]:
    """float64 (3,): |z - z_old|^2, the same times rho^2 (dual residual), |z|^2."""
    change = squared_distance(z, before)
    return np.array([change, rho**2 * change, squared_distance(z, np.zeros_like(z))])
