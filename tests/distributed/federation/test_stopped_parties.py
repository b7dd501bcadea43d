"""A party that stops is waited for, goes on, and ends in the bits of one that never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from cdimf_spark.distributed.federation.rounds.sending import Sender
from cdimf_spark.distributed.output.runs import ITERATION, Run
from cdimf_spark.errors import ConfigurationError
from tests.support.parties import Federation
from tests.support.trained_tables import published


class StoppedError(Exception):
    """What ends a party in the middle."""


def stop_at(patches: pytest.MonkeyPatch, moment: str, party: str) -> None:
    """Let a party die in its second round: before it sends, after it, or before it is recorded."""
    write, send = Run.write, Sender.send

    def die_recording(self: Run, event: str, number: int, details: object) -> None:
        if (
            moment == "recording"
            and (event, number) == (ITERATION, 2)
            and party in self.tables.root
        ):
            raise StoppedError
        write(self, event, number, details)  # type: ignore[arg-type]

    def die_sending(
        self: Sender, number: int, solved: DataFrame, inputs: Mapping[str, int]
    ) -> None:
        mine = number == 2 and self.place.party == party
        if mine and moment == "before":
            raise StoppedError
        send(self, number, solved, inputs)
        if mine and moment == "after":
            raise StoppedError

    patches.setattr(Run, "write", die_recording)
    patches.setattr(Sender, "send", die_sending)


@pytest.mark.parametrize(
    "moment",
    [pytest.param(moment, marks=pytest.mark.long) for moment in ("before", "after", "recording")],
)
def test_a_resumed_party_ends_in_the_same_bits(
    federation: Federation, tmp_path: Path, moment: str
) -> None:
    again = Federation(federation.spark, tmp_path, federation.domains, federation.terms)
    with ThreadPoolExecutor() as pool, pytest.MonkeyPatch.context() as patches:
        stop_at(patches, moment, "films")
        books = pool.submit(again.train, "books")
        with pytest.raises(StoppedError):
            again.train("films")
        patches.undo()
        films = again.train("films", resume=True)
        assert books.result().iteration == films.iteration == 3
    for party in federation.domains:
        assert published(federation.spark, again.output(party)) == published(
            federation.spark, federation.output(party)
        )
    assert [one["inputs"] for one in films.iterations] == [{"books": n} for n in (1, 2, 3)]
    # A party that has finished is not waited for: its last rows stay in use.
    longer = again.train("books", resume=True, max_iter=4)
    assert longer.iterations[-1]["inputs"] == {"films": 3}


def test_a_run_goes_on_only_with_its_own_terms(federation: Federation) -> None:
    with pytest.raises(ConfigurationError, match="the run began with other terms"):
        federation.train("films", resume=True, max_iter=4, terms={"training": "2"})


def test_a_new_run_needs_a_new_training(federation: Federation) -> None:
    """Rows that an earlier run had sent would have been taken for those of this one."""
    with pytest.raises(ConfigurationError, match="'films' took part in training '1' before"):
        federation.train("films")
