"""One iteration on Spark: item half-step, then user half-step, consensus and routing to the next.

Each of the two is one job, since the next one needs a Gram matrix that all blocks add to.
Frames between the steps hold packed rows of all domains. Each step's result is cut from its
lineage by a local checkpoint, lazily: the first action on it (a Delta append, or the collection
of a few sums) computes it, and everything later reads the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.distributed.blocks.block_rows import kind_is
from cdimf_spark.distributed.blocks.packing import StaticBlocks
from cdimf_spark.distributed.training.half_step import (
    StepSettings,
    cogroup_blocks,
    make_item_step,
    make_user_step,
)
from cdimf_spark.distributed.training.routing import make_route_step
from cdimf_spark.distributed.training.shared_users import ConsensusSettings
from cdimf_spark.distributed.training.starting import start_items, start_users
from cdimf_spark.distributed.training.sums import Sums, collect_sums
from cdimf_spark.errors import NumericalError
from cdimf_spark.kernel.least_squares import GramBasis, gram_basis
from cdimf_spark.settings import ModelConfig

EXCHANGE_KINDS = ("exchange", "exchange_keys")


@dataclass(frozen=True)
class UserState:
    """What a domain's users carry from one iteration to the next, as packed rows.

    Attributes
    ----------
    exchange, z
        X + U as last exchanged and its consensus; None where no user is shared.
    x
        Rows of kinds `x_own` and, where known, `x_shared`; None if z says it all.
    use_z
        Items are updated from z (not x) of shared users.
    """

    exchange: DataFrame | None
    z: DataFrame | None
    x: DataFrame | None
    use_z: bool

    def rows(self) -> DataFrame:
        """All rows that say where the users are: z and x."""
        return union(self.z, self.x)

    def x_of(self, *kinds: str) -> DataFrame | None:
        """Rows of x of some kinds; None if there are none."""
        return only(self.x, *kinds) if self.x is not None and kinds else None


@dataclass(frozen=True)
class Messages:
    """Factor rows on their way to the other side, with the Gram basis of their matrix.

    `sums` has the sums of the step that sent them, and of what the same job did before.
    """

    rows: DataFrame
    bases: dict[str, GramBasis]
    sums: Sums


@dataclass(frozen=True)
class Steps:
    """The steps of a training with its static blocks and settings."""

    static: StaticBlocks
    settings: StepSettings
    consensus: ConsensusSettings

    def start(self, model: ModelConfig) -> UserState:
        """State of iteration 0."""
        rows = start_users(
            self.static.user_routes,
            model.rank,
            model.seed,
            model.init_scale,
            zero=model.schedule == "paper",
        )
        rows = cut(rows)
        exchange, z = only(rows, *EXCHANGE_KINDS), only(rows, "z")
        return UserState(exchange, z, only(rows, "x_own"), use_z=True)

    def start_items(self, model: ModelConfig) -> Messages:
        """Random item rows to the user blocks (schedule ``paper``)."""
        sent = cut(start_items(self.static.items, self.settings, model.seed, model.init_scale))
        return self._with_bases(sent, self.settings.layout.items.num_blocks)

    def route_users(self, state: UserState) -> Messages:
        """Send the users' rows to the item blocks."""
        return self._route(state.rows(), state.use_z)[1]

    def finish_users(
        self, users: DataFrame, state: UserState, use_z: bool, aggregate: bool
    ) -> tuple[UserState, Messages]:
        """Consensus (if `aggregate`) after a user half-step, and the users' rows to the items.

        One job: it computes the half-step too, and collects the sums of all three.

        Parameters
        ----------
        users
            What `update_users` returned.
        state
            The state before it.
        use_z
            Items are updated from z (not x) of shared users.
        """
        consensus = self.consensus if aggregate else None
        sent, messages = self._route(union(users, state.z), use_z, consensus)
        state = replace(state, x=only(users, "x_own", "x_shared"), use_z=use_z)
        if aggregate:
            # Cut once more, or z would keep all messages in memory as long as it is needed.
            z = cut(only(sent, "z"))
            state = replace(state, exchange=only(users, *EXCHANGE_KINDS), z=z)
        return state, messages

    def _route(
        self, moving: DataFrame, use_z: bool, consensus: ConsensusSettings | None = None
    ) -> tuple[DataFrame, Messages]:
        side = self.settings.layout.users
        placed = moving.selectExpr("*", f"{side.block_key_expression()} AS bkey")
        step = make_route_step(self.settings, use_z, consensus)
        sent = cut(cogroup_blocks(self.static.user_routes, placed, side, step, "bkey"))
        return sent, self._with_bases(sent, side.num_blocks)

    def update_items(self, users: Messages) -> Messages:
        """Item half-step: item rows to the user blocks."""
        side = self.settings.layout.items
        step = make_item_step(self.settings, users.bases)
        sent = cut(cogroup_blocks(self.static.items, users.rows, side, step))
        return self._with_bases(sent, side.num_blocks)

    def item_factors(self, users: Messages) -> DataFrame:
        """Item half-step for publication: packed rows of kind `factors`."""
        step = make_item_step(self.settings, users.bases, publish=True)
        return cogroup_blocks(self.static.items, users.rows, self.settings.layout.items, step)

    def update_users(self, items: Messages, state: UserState, exchange: bool) -> DataFrame:
        """User half-step: packed rows of x, of the new X + U (if `exchange`) and of sums."""
        moving = union(items.rows, state.exchange, state.z)
        step = make_user_step(self.settings, items.bases, exchange)
        return cut(cogroup_blocks(self.static.users, moving, self.settings.layout.users, step))

    def _with_bases(self, sent: DataFrame, num_blocks: int) -> Messages:
        rank = self.settings.rank
        sums = collect_sums(sent, num_blocks)
        bases = {d: _basis(d, g.reshape(rank, rank)) for d, g in sums.pop("gram").items()}
        return Messages(only(sent, "message"), bases, sums)


def _basis(domain: str, gram: NDArray[np.float64]) -> GramBasis:
    try:
        return gram_basis(gram)
    except np.linalg.LinAlgError as error:
        raise NumericalError(
            f"domain {domain!r}: the factors are no longer finite. Check the weights of the data "
            "for extremes, or raise reg_param"
        ) from error


def cut(frame: DataFrame) -> DataFrame:
    """The same rows without the steps that led to them, kept by the executors."""
    return frame.localCheckpoint(eager=False)


def union(*frames: DataFrame | None) -> DataFrame:
    """Packed rows of all frames that are there."""
    return reduce(DataFrame.union, [frame for frame in frames if frame is not None])


def only(frame: DataFrame, *kinds: str) -> DataFrame:
    """Rows of some kinds."""
    return frame.where(kind_is(*kinds))
