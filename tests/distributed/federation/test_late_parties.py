"""A party to which the others have gone ahead starts from their consensus."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.federation.steps.partner_steps import PartnerSteps
from cdimf_spark.distributed.output.runs import last_run
from cdimf_spark.distributed.output.tables import OutputTables
from cdimf_spark.distributed.training.steps.iteration import UserState
from cdimf_spark.federation.sent_rows import unpack_rows
from cdimf_spark.kernel.initialization import id_keys
from tests.support.helpers import assert_factors_close
from tests.support.parties import Federation, at_once
from tests.support.pseudonyms import pseudonym


def rows_sent(federation: Federation, party: str, number: int) -> dict[int, np.ndarray]:
    """X + U of a round by pseudonym's key."""
    path = federation.place / party / "exchange" / "books+films"
    table = federation.spark.read.format("delta").load(str(path)).where(f"round = {number}")
    found: dict[int, np.ndarray] = {}
    for row in table.collect():
        keys, rows = unpack_rows(bytes(row["payload"]), row["n"], 6)
        found.update(zip(keys.tolist(), rows, strict=True))
    return found


def assert_starts_from(expected: dict[int, np.ndarray], state: UserState) -> None:
    """The shared users' z, and their X + U as U is 0, are given rows, by own key."""
    assert state.exchange is not None
    assert state.z is not None
    exchange = state.exchange.toArrow()
    keys = decode(exchange, "exchange_keys", domain="films").tolist()
    for kind, table in (("exchange", exchange), ("z", state.z.toArrow())):
        rows = decode_matrix(table, kind, 6, domain="films")
        assert_factors_close(dict(zip(keys, rows, strict=True)), expected)


@pytest.mark.long
def test_a_late_party_starts_from_the_consensus_of_the_others(
    federation: Federation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    terms = {**federation.terms, "quorum": 1, "round_timeout": 0.2}
    late = Federation(federation.spark, tmp_path, federation.domains, terms)
    over, states, start = threading.Event(), [], PartnerSteps.start

    def start_late(self: PartnerSteps, model: ModelConfig) -> UserState:
        mine = self.exchange is not None and self.exchange.place.party == "films"
        if mine:
            assert over.wait(300)
        state = start(self, model)
        if mine:
            states.append(state)
        return state

    def train_books() -> None:
        try:
            late.train("books")
        finally:
            over.set()

    with pytest.MonkeyPatch.context() as patches, caplog.at_level(logging.INFO):
        patches.setattr(PartnerSteps, "start", start_late)
        _, films = at_once([train_books, lambda: late.train("films")])
    assert "party films is late: it starts from rounds {'books': 3}" in caplog.text
    sent = rows_sent(late, "books", 3)
    users = sorted(set(federation.domains["books"]["user_id"]))
    shared = set(federation.domains["films"]["user_id"]).intersection(users)
    names = {one: int(id_keys([pseudonym(one)])[0]) for one in shared}
    assert {names[one] for one in shared} == set(sent)
    (state,) = states
    assert_starts_from({int(id_keys([one])[0]): sent[names[one]] for one in shared}, state)
    # It knows more after one iteration than it did when all began.
    at_first = last_run(OutputTables(federation.spark, str(federation.output("films"))))
    assert at_first is not None
    assert films.iterations[0]["loss"] < at_first.iterations[0]["loss"]
    assert [one["inputs"] for one in films.iterations] == [{"books": 3}] * 3


def test_a_party_says_that_it_leaves(federation: Federation) -> None:
    party = Party.of(federation.spark, federation.config("films", terms={"training": "left"}))
    assert party.leave() == 0
    events = party.place.events("films", "status")
    assert [(event.event, event.round) for event in events] == [("left", 0)]
