"""Options of an evaluation, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from cdimf_spark.distributed.evaluation.groups import check_groupings
from cdimf_spark.distributed.recommendation.recommend import check_length, check_positive, is_count
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.errors import ValueOutOfRangeError

Negatives = int | Literal["all"]
# One length of the list, or several.
Lengths = int | Sequence[int]


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

    def check(self, tables: ScoringTables, n_tests: Mapping[str, int]) -> None:
        """Check the catalogues of the domains to test."""
        tables.check_domains(n_tests)
        for domain in n_tests:
            for k in self.ks:
                check_length(k, tables.n_items(domain), domain)


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
