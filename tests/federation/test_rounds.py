from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.federation.rounds import (
    Inputs,
    PartySign,
    Stop,
    Wait,
    agree,
    choose_inputs,
    first_missing,
)
from cdimf_spark.federation.terms import Terms

TIMEOUT, JOIN = 60.0, 600.0


def terms(**values: Any) -> Terms:
    limits = {"round_timeout": TIMEOUT, "join_timeout": JOIN}
    return Terms(**{"federation": "f", "parties": ("a", "b", "c"), **limits, **values})


def up_to(last: int, **facts: Any) -> PartySign:
    return PartySign(tuple(range(1, last + 1)), **facts)


def test_all_there() -> None:
    found = choose_inputs(4, {"b": up_to(4), "c": up_to(5)}, terms(), 0)
    assert found == Inputs({"b": 4, "c": 4})
    assert isinstance(found, Inputs)
    assert found.notes == ()


def test_waits_for_the_one_that_is_late() -> None:
    others = {"b": up_to(3), "c": up_to(4)}
    assert choose_inputs(4, others, terms(quorum=2), TIMEOUT - 1) == Wait(("b",))


def test_goes_on_without_it_after_the_timeout() -> None:
    found = choose_inputs(4, {"b": up_to(3), "c": up_to(4)}, terms(quorum=2), TIMEOUT)
    assert found == Inputs({"b": 3, "c": 4})
    assert isinstance(found, Inputs)
    assert found.notes == ("party 'b': rows of round 3 are used",)


def test_stops_where_the_quorum_is_not_met() -> None:
    found = choose_inputs(4, {"b": up_to(3, silent=99), "c": up_to(4)}, terms(), TIMEOUT)
    assert isinstance(found, Stop)
    assert "2 of 3 parties are there, 3 are needed (quorum), after 1m" in found.reason
    assert "party 'b': its last round is 3, last sign 99 s ago" in found.reason


@pytest.mark.parametrize("over", ["finished", "left"])
def test_nobody_waits_for_a_party_that_said_goodbye(over: str) -> None:
    others = {"b": up_to(2, over=over), "c": up_to(9)}
    for rule in ("freeze", "wait", "drop", "fail"):
        found = choose_inputs(9, others, terms(on_stale=rule), 0)
        assert found == Inputs({"b": 2, "c": 9}), rule


@pytest.mark.parametrize(
    ("rule", "waited", "expected"),
    [
        ("freeze", TIMEOUT, Inputs({"b": 1, "c": 9})),
        ("drop", TIMEOUT, Inputs({"c": 9})),
        ("wait", TIMEOUT, Wait(("b",))),
    ],
)
def test_rules_on_stale_rows(rule: str, waited: float, expected: object) -> None:
    others = {"b": up_to(1), "c": up_to(9)}
    assert choose_inputs(9, others, terms(quorum=2, on_stale=rule), waited) == expected


@pytest.mark.parametrize(("rule", "waited"), [("fail", TIMEOUT), ("wait", JOIN)])
def test_stops_on_stale_rows(rule: str, waited: float) -> None:
    others = {"b": up_to(1), "c": up_to(9)}
    found = choose_inputs(9, others, terms(quorum=2, on_stale=rule), waited)
    assert isinstance(found, Stop)
    assert f"more than 3 rounds old (max_staleness, on_stale: {rule}). party 'b'" in found.reason


def test_a_party_ahead_whose_old_rounds_are_gone() -> None:
    ahead = PartySign((7, 8, 9))
    assert choose_inputs(2, {"b": ahead, "c": up_to(2)}, terms(), 0) == Inputs({"b": 9, "c": 2})


def test_a_refused_round_is_named() -> None:
    bad = up_to(3, refused="round 4: rows are not finite")
    found = choose_inputs(4, {"b": bad, "c": up_to(4)}, terms(quorum=2), TIMEOUT)
    assert isinstance(found, Inputs)
    assert found.notes == ("party 'b': rows of round 3 are used (round 4: rows are not finite)",)


signs = st.builds(
    PartySign,
    rounds=st.lists(st.integers(1, 12), unique=True).map(lambda r: tuple(sorted(r))),
    over=st.sampled_from(["", "", "finished", "left"]),
)


@given(
    signs,
    signs,
    st.integers(1, 12),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["freeze", "wait", "drop", "fail"]),
    st.integers(0, 4),
)
def test_no_case_waits_for_ever_and_inputs_obey_the_rules(
    b: PartySign, c: PartySign, wanted: int, quorum: int | None, rule: str, staleness: int
) -> None:
    """After the longest time-out there is an answer; what is used is as new as can be."""
    others = {"b": b, "c": c}
    agreed = terms(quorum=quorum, on_stale=rule, max_staleness=staleness)
    found = choose_inputs(wanted, others, agreed, JOIN)
    assert not isinstance(found, Wait)
    if isinstance(found, Inputs):
        for name, number in found.rounds.items():
            sign = others[name]
            assert number in sign.rounds
            assert number == wanted or (wanted not in sign.rounds and number == sign.rounds[-1])
            if rule == "drop" and not sign.over:
                assert wanted - number <= staleness
        late = [n for n, s in others.items() if s.expected(wanted)]
        assert 3 - len(late) >= agreed.needed


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ({"a": 4, "b": 4, "c": 4}, True),
        # What d does is nothing to the users that a and b have in common.
        ({"a": 4, "b": 4, "c": 4, "d": 1}, True),
        ({"a": 3, "b": 4, "c": 4}, False),
        ({"a": 4, "b": 4, "c": 2}, False),
        ({"a": 4, "b": 4}, False),
    ],
)
def test_parties_agree_if_they_had_the_same_rows(theirs: dict[str, int], same: bool) -> None:
    mine, audiences = {"a": 4, "b": 4, "c": 4}, [{"a", "b"}, {"a", "b", "c"}, {"a", "d"}]
    assert agree(mine, theirs, "b", audiences) is same


def test_who_shares_no_user_is_not_waited_for() -> None:
    found = choose_inputs(4, {"b": up_to(4)}, terms(), 0)
    assert found == Inputs({"b": 4})


def test_rows_never_become_older() -> None:
    """A party that came late and started from round 7 of another one went on with its round 1."""
    found = choose_inputs(1, {"b": up_to(8), "c": up_to(1)}, terms(), 0, {"b": 7, "c": 1})
    assert found == Inputs({"b": 8, "c": 1})


@given(st.integers(0, 300), st.integers(0, 300))
def test_first_missing_asks_little(start: int, there: int) -> None:
    asked: list[int] = []

    def exists(number: int) -> bool:
        asked.append(number)
        return number < start + there

    assert first_missing(exists, start) == start + there
    assert len(asked) <= 2 * (there + 1).bit_length() + 1
