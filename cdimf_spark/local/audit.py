"""The audit of a model on one machine: what a reader of the exchange learns of a domain's users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cdimf_spark.audit.activity import activity_told
from cdimf_spark.audit.membership import Split, attack
from cdimf_spark.errors import DataError, ValueOutOfRangeError
from cdimf_spark.local.scoring_data import ScoringData
from cdimf_spark.solver.local import LocalDomain, train_local

Matrix = NDArray[np.float32]

_FEWEST = 20
_KNOWN = (0.01, 0.1, 0.5)
_SHARES = "shares of users between 0 and 1, as (0.01, 0.1)"


def audit(
    data: ScoringData,
    domain: str,
    reader: str | None,
    known: Sequence[float] | float | None,
    held_out: int,
    seed: int,
) -> dict[str, Any]:
    """Attack the users that a domain shares with a reader; see `LocalCDIMFModel.audit`."""
    shares = _check(_KNOWN if known is None else known, held_out, seed)
    data.check_domains([domain] if reader is None else [domain, reader])
    reader = reader or _closest(data, domain)
    keys = _common(data, domain, reader)
    if len(keys) < 2 * _FEWEST:
        raise DataError(
            f"domains {domain!r} and {reader!r} have {len(keys)} users in common, too few for an "
            f"audit: it wants {2 * _FEWEST} at least"
        )
    order = np.random.default_rng(seed).permutation(len(keys))
    tested, others = np.split(order, [min(held_out, len(keys) // 2)])
    features = _features(data, domain, reader, keys)
    histories = _histories(data, domain, keys)
    if known is None:
        # As far as they leave enough users to learn from.
        shares = tuple(share for share in shares if share * len(keys) >= _FEWEST)
    attacks = []
    for share in shares:
        count = round(share * len(keys))
        if not _FEWEST <= count <= len(others):
            raise DataError(
                f"known {share:g} of {len(keys)} shared users are {count}: it must be between "
                f"{_FEWEST} and {len(others)}, what {len(tested)} held-out users leave"
            )
        split = Split(np.sort(others[:count]), np.sort(tested))
        attacks += [{"known": share, **one} for one in attack(features, histories, split, seed)]
    return {
        "domain": domain,
        "reader": reader,
        "shared_users": len(keys),
        "held_out_users": len(tested),
        "seed": seed,
        "attacks": attacks,
        "activity": activity_told(features, np.diff(histories.indptr)),
    }


def _check(known: Sequence[float] | float, held_out: int, seed: int) -> tuple[float, ...]:
    """Several shares of known histories, also where one is given.

    Raises
    ------
    ValueOutOfRangeError
        If one is not between 0 and 1, or a number of another argument cannot be.
    """
    shares = (known,) if isinstance(known, int | float) else known
    if isinstance(shares, str) or not isinstance(shares, Sequence) or not shares:
        raise ValueOutOfRangeError("known", known, _SHARES)
    for share in shares:
        if not isinstance(share, int | float) or not 0 < share < 1:
            raise ValueOutOfRangeError("known", share, _SHARES)
    if not isinstance(held_out, int) or held_out < _FEWEST:
        raise ValueOutOfRangeError("held_out", held_out, f"a whole number from {_FEWEST}")
    if not isinstance(seed, int) or seed < 0:
        raise ValueOutOfRangeError("seed", seed, "a whole number from 0")
    return tuple(shares)


def _shared_keys(data: ScoringData, name: str) -> NDArray[np.int64]:
    users = data.serving.domain(name).users
    keys: NDArray[np.int64] = users.keys[users.marks != 0]
    return keys


def _common(data: ScoringData, domain: str, reader: str) -> NDArray[np.int64]:
    """Keys of the users that both domains have and share, ascending."""
    both = np.intersect1d(_shared_keys(data, domain), _shared_keys(data, reader))
    return np.asarray(both, np.int64)


def _closest(data: ScoringData, domain: str) -> str:
    """The domain with which it shares most users."""
    sizes = {n: len(_common(data, domain, n)) for n in data.serving.domains if n != domain}
    if not sizes or not max(sizes.values()):
        raise DataError(f"domain {domain!r} shares no users: nothing of them leaves it")
    return max(sizes, key=lambda name: sizes[name])


def _features(
    data: ScoringData, domain: str, reader: str, keys: NDArray[np.int64]
) -> Mapping[str, Matrix]:
    """What the reader sees of the users: the rows of a model of their own data, E, and z."""
    exchanged, shared = data.serving.domain(domain).exchanged, data.serving.shared
    return {
        "own": _rows_apart(data, reader)[np.searchsorted(_users(data, reader), keys)],
        "E": exchanged.factors[np.searchsorted(exchanged.keys, keys)],
        "z": shared.factors[np.searchsorted(shared.keys, keys)],
    }


def _users(data: ScoringData, name: str) -> NDArray[np.int64]:
    return data.serving.domain(name).users.keys


def _rows_apart(data: ScoringData, name: str) -> Matrix:
    """User rows of a domain trained for itself with the same options: it needs no exchange."""
    tables, cells = data.serving.domain(name), data.training.cells[name]
    own = LocalDomain(tables.users.id_texts.to_pylist(), tables.items.id_texts.to_pylist(), cells)
    model = replace(data.training.config, rho=0.0, schedule="consensus")
    return train_local({name: own}, model).user_factors[name]


def _histories(data: ScoringData, domain: str, keys: NDArray[np.int64]) -> csr_array:
    cells: csr_array = data.training.cells[domain][np.searchsorted(_users(data, domain), keys)]
    return cells
