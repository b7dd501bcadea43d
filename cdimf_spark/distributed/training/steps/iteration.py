"""One iteration on Spark: the items' step, then the users' step with the consensus.

Each of the two is one job, since the next one needs a Gram matrix that all blocks add to.
Frames between the steps hold packed rows of all domains. Each step's result is cut from its
lineage by a local checkpoint, lazily: the first action on it (a Delta append, or the collection
of a few sums) computes it, and everything later reads the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.blocks.block_ops import cogroup_blocks
from cdimf_spark.distributed.blocks.block_rows import kind_is
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import StaticBlocks
from cdimf_spark.distributed.training.steps.half_step import StepSettings, make_item_step
from cdimf_spark.distributed.training.steps.routing import make_route_step
from cdimf_spark.distributed.training.steps.shared_users import ConsensusSettings
from cdimf_spark.distributed.training.steps.starting import UserStart, start_items, start_users
from cdimf_spark.distributed.training.steps.sums import Sums, collect_sums
from cdimf_spark.distributed.training.steps.user_step import ItemSide, make_user_step
from cdimf_spark.distributed.training.steps.warm_start import EarlierModel
from cdimf_spark.distributed.workers import CogroupFunction
from cdimf_spark.kernel.rows.least_squares import GramBasis
from cdimf_spark.solver.rules import DomainSize, domain_rules
from cdimf_spark.solver.stopping import finite_basis

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
    aggregated
        Whether z is the consensus of `exchange`; else the state is that of the start, U is 0.
    """

    exchange: DataFrame | None
    z: DataFrame | None
    x: DataFrame | None
    use_z: bool
    aggregated: bool = True

    def rows(self) -> DataFrame:
        """All rows that say where the users are: z and x."""
        return union(self.z, self.x)

    def x_of(self, *kinds: str) -> DataFrame | None:
        """Rows of x of some kinds; None if there are none."""
        return only(self.x, *kinds) if self.x is not None and kinds else None


@dataclass(frozen=True)
class Messages:
    """Factor rows on their way to the other side, with the Gram basis of their matrix.

    `sums` has the sums of the step that sent them, and of what the same task did before; `priors`
    by domain the points that the ridge will draw users to.
    """

    rows: DataFrame
    bases: dict[str, GramBasis]
    sums: Sums
    priors: dict[str, NDArray[np.float32] | None]


@dataclass(frozen=True)
class Steps:
    """The steps of a training with its static blocks and settings.

    `earlier` is the model whose user rows it starts from; None: from random ones.
    """

    static: StaticBlocks
    settings: StepSettings
    consensus: ConsensusSettings
    earlier: EarlierModel | None = None

    @classmethod
    def of(
        cls,
        config: TrainConfig,
        layout: Layout,
        static: StaticBlocks,
        sizes: Mapping[str, DomainSize],
    ) -> Self:
        """The steps of a training with all their scalars."""
        model = config.model
        domains = {domain.name: model.for_domain(domain) for domain in config.domains}
        settings = StepSettings(
            layout=layout,
            rank=model.rank,
            over_relaxation=model.resolved_over_relaxation,
            shared_user_weight=model.shared_user_weight,
            rules={name: domain_rules(domains[name], size) for name, size in sizes.items()},
        )
        consensus = ConsensusSettings(
            rho={name: domain.rho for name, domain in domains.items()},
            proximal=model.proximal,
            proximal_strength=model.proximal_strength,
        )
        return cls(static, settings, consensus)

    def start(self, model: ModelConfig) -> UserState:
        """State of iteration 0."""
        start = UserStart.of(model, self.settings.rules)
        side = self.settings.layout.users
        rows = cut(start_users(self.static.users, side, start, self.earlier))
        if self.earlier is not None:
            self.earlier.tell_found(collect_sums(rows, side.num_blocks)["start_sums"])
        exchange, z = only(rows, *EXCHANGE_KINDS), only(rows, "z")
        return UserState(exchange, z, only(rows, "x_own"), use_z=True, aggregated=False)

    def start_items(self, model: ModelConfig) -> Messages:
        """Random item rows to the user blocks (schedule ``paper``)."""
        sent = cut(start_items(self.static.items, self.settings, model.seed, model.init_scale))
        return self._with_bases(sent, self.settings.layout.items.num_blocks)

    def route_users(self, state: UserState) -> Messages:
        """Send the users' rows of a known state to the item blocks."""
        step = make_route_step(self.settings, state.use_z)
        sent = cut(self._by_number(union(state.z, state.x), step))
        return self._with_bases(sent, self.settings.layout.users.num_blocks)

    def update_items(self, users: Messages) -> Messages:
        """Item half-step: item rows to the user blocks."""
        side = self.settings.layout.items
        step = make_item_step(self.settings, users.bases)
        sent = cut(cogroup_blocks(self.static.items, users.rows, side, step))
        return replace(self._with_bases(sent, side.num_blocks), priors=users.priors)

    def item_factors(self, users: Messages) -> DataFrame:
        """Item half-step for publication: packed rows of kind `factors`."""
        step = make_item_step(self.settings, users.bases, publish=True)
        return cogroup_blocks(self.static.items, users.rows, self.settings.layout.items, step)

    def update_users(
        self, items: Messages, state: UserState, use_z: bool, aggregate: bool
    ) -> tuple[UserState, Messages]:
        """User half-step, consensus (if `aggregate`), and the users' rows to the item blocks.

        Parameters
        ----------
        state
            The state before.
        use_z
            Items are updated from z (not x) of shared users.
        """
        item_side = ItemSide(items.bases, items.priors)
        last, new = (self.consensus if is_one else None for is_one in (state.aggregated, aggregate))
        step = make_user_step(self.settings, item_side, use_z, last, new)
        users = cut(self._by_number(union(items.rows, state.exchange), step))
        # The state keeps the messages in memory, longer than they are needed. A copy of the state
        # alone costs more: the first copy goes only when Java collects it, iterations later.
        messages = self._with_bases(users, self.settings.layout.users.num_blocks)
        state = replace(state, x=only(users, "x_own", "x_shared"), use_z=use_z)
        if aggregate:
            exchange, z = only(users, *EXCHANGE_KINDS), only(users, "z")
            state = replace(state, exchange=exchange, z=z, aggregated=True)
        return state, messages

    def notes(self) -> dict[str, Any]:
        """What else the log of the training should have of the last iteration."""
        return {}

    def _by_number(self, moving: DataFrame, step: CogroupFunction) -> DataFrame:
        """Apply a step to the user blocks of each number, all domains together."""
        side = self.settings.layout.users
        placed = moving.selectExpr("*", f"{side.block_key_expression()} AS bkey")
        return cogroup_blocks(self.static.users, placed, side, step, "bkey")

    def _with_bases(self, sent: DataFrame, num_blocks: int) -> Messages:
        rank = self.settings.rank
        sums = collect_sums(sent, num_blocks)
        bases = {d: finite_basis(d, g.reshape(rank, rank)) for d, g in sums.pop("gram").items()}
        rules, row_sums = self.settings.rules, sums.pop("row_sums", {})
        priors = {domain: rules[domain].prior_of(total) for domain, total in row_sums.items()}
        return Messages(only(sent, "message"), bases, sums, priors)


def cut(frame: DataFrame) -> DataFrame:
    """The same rows without the steps that led to them, kept by the executors."""
    return frame.localCheckpoint(eager=False)


def union(*frames: DataFrame | None) -> DataFrame:
    """Packed rows of all frames that are there."""
    return reduce(DataFrame.union, [frame for frame in frames if frame is not None])


def only(frame: DataFrame, *kinds: str) -> DataFrame:
    """Rows of some kinds."""
    return frame.where(kind_is(*kinds))
