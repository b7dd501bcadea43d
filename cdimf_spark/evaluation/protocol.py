"""Options of an evaluation, checked."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from cdimf_spark.errors import ValueOutOfRangeError
from cdimf_spark.evaluation.groups import check_groupings
from cdimf_spark.scoring.lengths import check_length, check_positive, is_count

Negatives = int | Literal["all"]
# One length of the list, or several.
Lengths = int | Sequence[int]


class Catalogues(typing.Protocol):
    """The items of a model's domains."""

    def check_domains(self, names: Iterable[str]) -> None:
        """Raise ConfigurationError for a domain that the model does not have."""

    def n_items(self, domain: str) -> int:
        """Size of a domain's catalogue."""


class Protocol(NamedTuple):
    """How test rows are ranked and measured.

    Attributes
    ----------
    ks
        Lengths of the list; the first is the main one.
    negatives
        Negatives for each test row, or "all"; what a domain really has, `draws.choose_draws` says.
    seed
        Of the draw.
    by
        Groupings of the measures.
    """

    ks: tuple[int, ...]
    negatives: Negatives
    seed: int
    by: tuple[str, ...]

    @classmethod
    def of(cls, k: Lengths, negatives: Negatives, seed: int, by: Sequence[str] = ()) -> Protocol:
        """Check what can be checked whatever the catalogue."""
        check_lists(k, negatives, seed)
        return cls(lengths(k), negatives, seed, check_groupings(by))

    def check(self, catalogues: Catalogues, n_tests: Mapping[str, int]) -> None:
        """Check the catalogues of the domains to test."""
        catalogues.check_domains(n_tests)
        for domain in n_tests:
            for k in self.ks:
                check_length(k, catalogues.n_items(domain), domain)


def lengths(k: Lengths) -> tuple[int, ...]:
    """The lengths of the list, each once."""
    return (k,) if isinstance(k, int) else tuple(dict.fromkeys(k))


def check_lists(k: object, negatives: object, seed: object) -> None:
    """Raise ValueOutOfRangeError for what cannot be used whatever the catalogue."""
    if negatives != "all" and not is_count(negatives):
        allowed = "a whole number from 1, or 'all'"
        raise ValueOutOfRangeError("negatives", negatives, allowed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueOutOfRangeError("seed", seed, "a whole number")
    if isinstance(k, list | tuple) and not k:
        raise ValueOutOfRangeError("k", k, "a whole number from 1, or several")
    for one in k if isinstance(k, list | tuple) else [k]:
        check_positive(one)
        if is_count(negatives) and is_count(one) and one > negatives + 1:
            allowed = f"at most {negatives + 1}: one more than the negatives ({negatives})"
            raise ValueOutOfRangeError("k", one, allowed)
