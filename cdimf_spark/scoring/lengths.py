"""Lengths of lists, checked."""

from __future__ import annotations

from typing import TypeGuard

from cdimf_spark.errors import ValueOutOfRangeError


def check_length(k: object, n_items: int, domain: str, noun: str = "items") -> None:
    """Raise ValueOutOfRangeError for a k that is not between 1 and the number of items."""
    if not is_count(k) or k > n_items:
        allowed = f"a whole number from 1 to {n_items}, the number of {noun} of domain {domain!r}"
        raise ValueOutOfRangeError("k", k, allowed)


def check_positive(k: object) -> None:
    """Raise ValueOutOfRangeError for a k that no catalogue allows."""
    if not is_count(k):
        raise ValueOutOfRangeError("k", k, "a whole number from 1")


def is_count(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
