"""Which rounds of the other parties a round goes on with: the rules, as one pure function.

A party that is late, gone or broken is data, not an exception: each case has its rule here. Time
is what has passed on the own clock; no time stamp of another party is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from cdimf_spark.federation.durations import duration_text
from cdimf_spark.federation.terms import Terms
from cdimf_spark.wording import counted

FREEZE, WAIT, DROP, FAIL = "freeze", "wait", "drop", "fail"


@dataclass(frozen=True)
class PartySign:
    """What is known of another party.

    Attributes
    ----------
    rounds : tuple of int
        Rounds whose rows can be read and are good, ascending.
    over : str
        ``finished`` or ``left`` if the party said that no round will follow; else empty.
    silent : float
        Seconds since it was last seen to change anything.
    refused : str
        Why its newest round cannot be used, if so.
    """

    rounds: tuple[int, ...] = ()
    over: str = ""
    silent: float = 0.0
    refused: str = ""

    @property
    def last(self) -> int:
        """The newest round that can be used; 0 if there is none."""
        return self.rounds[-1] if self.rounds else 0

    def round_for(self, wanted: int, before: int = 0) -> int:
        """The round to use: the wanted one where it is there, else the newest; 0: none.

        Never an older one than the one used `before`: a party that came late would go back.
        """
        return wanted if wanted in self.rounds and wanted >= before else self.last

    def expected(self, wanted: int) -> bool:
        """Whether the wanted round may still come."""
        return self.last < wanted and not self.over


@dataclass(frozen=True)
class Wait:
    """Wait on, and for whom."""

    parties: tuple[str, ...]


@dataclass(frozen=True)
class Stop:
    """The party cannot go on; its recorded rounds are kept, and it can be resumed."""

    reason: str


@dataclass(frozen=True)
class Inputs:
    """What a round goes on with.

    Attributes
    ----------
    rounds : mapping of str to int
        By party: the round whose rows are used; parties without rows, or left out, are absent.
    notes : tuple of str
        What the user should know: who is late, stale, left out or refused.
    """

    rounds: Mapping[str, int]
    notes: tuple[str, ...] = field(default=(), compare=False)


def choose_inputs(
    wanted: int,
    others: Mapping[str, PartySign],
    terms: Terms,
    waited: float,
    before: Mapping[str, int] = MappingProxyType({}),
) -> Inputs | Wait | Stop:
    """Decide how a round goes on.

    Parameters
    ----------
    wanted : int
        The round that the own party has just finished.
    others : mapping of str to PartySign
        The parties that share users with this one.
    terms : Terms
    waited : float
        Seconds since the own party finished its round.
    before : mapping of str to int
        By party: the round that the round before went on with.

    Returns
    -------
    Inputs, Wait or Stop
        `Inputs` as soon as every party that may still come is there; after `round_timeout` also
        without those that are missing, if the quorum is met and the rules on stale rows allow it.
    """
    missing = tuple(sorted(n for n, sign in others.items() if sign.expected(wanted)))
    if missing and waited < terms.round_timeout:
        return Wait(missing)
    # Parties that share no user with this one have nothing to say to it.
    n_there = len(terms.parties) - len(missing)
    if n_there < terms.needed:
        return Stop(_too_few(wanted, n_there, missing, others, terms))
    stale = _stale(wanted, others, terms)
    if stale and terms.on_stale == FAIL:
        return Stop(_stale_reason(wanted, stale, others, terms))
    late = tuple(name for name in stale if name in missing)
    if late and terms.on_stale == WAIT:
        if waited < terms.join_timeout:
            return Wait(late)
        return Stop(_stale_reason(wanted, late, others, terms))
    dropped = stale if terms.on_stale == DROP else ()
    used = {
        name: sign.round_for(wanted, before.get(name, 0)) for name, sign in sorted(others.items())
    }
    rounds = {name: number for name, number in used.items() if number and name not in dropped}
    return Inputs(rounds, tuple(_notes(wanted, others, rounds, dropped)))


def agree(
    mine: Mapping[str, int],
    theirs: Mapping[str, int],
    party: str,
    audiences: Sequence[Collection[str]],
) -> bool:
    """Tell whether two parties had the same rows in a round, and so the same z.

    Parameters
    ----------
    mine, theirs : mapping of str to int
        By party, themselves included: the round whose rows each went on with.
    party : str
        The other one.
    audiences : sequence of collection of str
        Parties of each audience of the own users: z of the users of both depends on no other one.
    """
    common = {name for one in audiences if party in one for name in one}
    return all(mine.get(name) == theirs.get(name) for name in common)


def first_missing(exists: Callable[[int], bool], start: int) -> int:
    """Smallest number from `start` on that is not there, where all below it are.

    Found with about twice the logarithm of the distance in questions.
    """
    step = 1
    while exists(start + step - 1):
        step *= 2
    low, high = start + step // 2, start + step - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if exists(middle) else (low, middle)
    return low


def _stale(wanted: int, others: Mapping[str, PartySign], terms: Terms) -> tuple[str, ...]:
    """Parties whose newest rows are older than `max_staleness` rounds, or that have none.

    The last rows of a party that has finished or left are final, not stale.
    """
    ages = {name: wanted - sign.last for name, sign in others.items() if not sign.over}
    return tuple(sorted(name for name, age in ages.items() if age > terms.max_staleness))


def _notes(
    wanted: int,
    others: Mapping[str, PartySign],
    rounds: Mapping[str, int],
    dropped: Sequence[str],
) -> list[str]:
    notes = []
    for name, sign in sorted(others.items()):
        refused = f" ({sign.refused})" if sign.refused else ""
        if name in dropped:
            notes.append(f"party {name!r} is left out: its last round is {sign.last}{refused}")
        elif name not in rounds:
            notes.append(f"party {name!r} has no rows yet{refused}")
        elif rounds[name] < wanted:
            over = f", the party has {sign.over}" if sign.over else ""
            notes.append(f"party {name!r}: rows of round {rounds[name]} are used{over}{refused}")
    return notes


def _too_few(
    wanted: int,
    n_there: int,
    missing: Sequence[str],
    others: Mapping[str, PartySign],
    terms: Terms,
) -> str:
    return (
        f"round {wanted}: {n_there} of {len(terms.parties)} parties are there, {terms.needed} are "
        f"needed (quorum), after {duration_text(terms.round_timeout)} (round_timeout). "
        f"{_last_signs(missing, others)}. Ask them, and go on with --resume"
    )


def _stale_reason(
    wanted: int, stale: Sequence[str], others: Mapping[str, PartySign], terms: Terms
) -> str:
    return (
        f"round {wanted}: rows are more than {counted(terms.max_staleness, 'round')} old "
        f"(max_staleness, on_stale: {terms.on_stale}). {_last_signs(stale, others)}. Ask them, and "
        "go on with --resume"
    )


def _last_signs(names: Sequence[str], others: Mapping[str, PartySign]) -> str:
    return "; ".join(_last_sign(name, others[name]) for name in names)


def _last_sign(name: str, sign: PartySign) -> str:
    last = f"its last round is {sign.last}" if sign.last else "it has no round yet"
    refused = f" ({sign.refused})" if sign.refused else ""
    return f"party {name!r}: {last}{refused}, last sign {sign.silent:.0f} s ago"
