"""The steps of a training in a federation: the users' step waits for the other parties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.federation.rounds.exchange import RoundExchange
from cdimf_spark.distributed.federation.steps.consensus_step import (
    make_consensus_step,
    make_late_start,
)
from cdimf_spark.distributed.federation.steps.solve_step import make_solve_step
from cdimf_spark.distributed.training.steps.iteration import (
    EXCHANGE_KINDS,
    Messages,
    Steps,
    UserState,
    cut,
    only,
    union,
)
from cdimf_spark.distributed.training.steps.sums import collect_sums
from cdimf_spark.distributed.training.steps.user_step import ItemSide

# What the second half of the users' step gets of the first, and of the state before.
_WANTED = ("x_own", "x_shared", "exchange", "z", "foreign")


@dataclass(frozen=True)
class PartnerSteps(Steps):
    """The steps of a party.

    Attributes
    ----------
    exchange
        What happens between the two halves of the users' step; None only before it is set.
    """

    exchange: RoundExchange | None = None

    def start(self, model: ModelConfig) -> UserState:
        """State of iteration 0; where the others have gone ahead, their consensus."""
        state = super().start(model)
        received = None if self.exchange is None else self.exchange.rows_before()
        if received is None:
            return state
        step = make_late_start(self.settings, self.consensus)
        rows = cut(self._by_number(union(state.z, received), step))
        return replace(state, exchange=only(rows, *EXCHANGE_KINDS), z=only(rows, "z"))

    def update_users(
        self, items: Messages, state: UserState, use_z: bool, aggregate: bool
    ) -> tuple[UserState, Messages]:
        """User half-step, exchange with the other parties, consensus, and messages."""
        if self.exchange is None:
            raise AssertionError("a party has an exchange")
        if aggregate:
            self.exchange.begin_round()
        num_blocks = self.settings.layout.users.num_blocks
        side, n_audiences = ItemSide(items.bases, items.priors), len(self.exchange.sender.audiences)
        step = make_solve_step(self.settings, side, aggregate, n_audiences)
        moving = union(items.rows, state.exchange, state.z)
        solved = cut(self._by_number(moving, step))
        sums = collect_sums(solved, num_blocks)
        received = self.exchange.round_of(solved, sums) if aggregate else None
        new = self.consensus if aggregate else None
        finished = self._finish(union(solved, state.z, received), use_z, new)
        messages = self._with_bases(finished, num_blocks)
        messages = replace(messages, sums={**sums, **messages.sums})
        x = only(solved, "x_own") if use_z else only(solved, "x_own", "x_shared")
        state = replace(state, x=x, use_z=use_z)
        if aggregate:
            sent, z = only(solved, *EXCHANGE_KINDS), only(finished, "z")
            state = replace(state, exchange=sent, z=z, aggregated=True)
        return state, messages

    def notes(self) -> dict[str, Any]:
        """Which rounds of which parties the last iteration went on with, and if all agree."""
        if self.exchange is None:
            return {"inputs": {}}
        return {"inputs": dict(self.exchange.inputs), "agreed": self.exchange.agreed}

    def _finish(self, moving: DataFrame, use_z: bool, new: object) -> DataFrame:
        step = make_consensus_step(self.settings, use_z, self.consensus if new else None)
        return cut(self._by_number(only(moving, *_WANTED), step))
