"""The loop of a training: start or resume, iterate, record."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.distributed.output.commits import Commit, Commits
from cdimf_spark.distributed.output.runs import ITERATION, Run
from cdimf_spark.distributed.training.releasing import collecting_little, release_frames
from cdimf_spark.distributed.training.steps.iteration import (
    Messages,
    Steps,
    UserState,
)
from cdimf_spark.distributed.training.timing import Stopwatch
from cdimf_spark.distributed.training.working_tables import WorkingTables
from cdimf_spark.errors import NumericalError
from cdimf_spark.progress import stage, step
from cdimf_spark.solver.iteration_metrics import iteration_line, iteration_metrics
from cdimf_spark.solver.stopping import check_loss, converged

logger = logging.getLogger(__name__)

# Deleting is a commit a table. Removing the files takes three seconds (six the first time), which
# the commits of the next iteration wait for.
_FORGET_EVERY = 10
_FREE_DISK_EVERY = 50


class Trained(NamedTuple):
    """Where a training ended.

    `state` is that of the last good iteration, `messages` its user rows on their way to the item
    blocks; `breakdown` says why the next iteration was none, if so.
    """

    state: UserState
    messages: Messages
    breakdown: NumericalError | None


@dataclass(frozen=True)
class Trainer:
    """The loop of one run.

    Attributes
    ----------
    model
        Options.
    steps
        The steps with the static blocks.
    run
        Log of the run; its finished iterations are not repeated.
    working
        Working tables of the run.
    """

    model: ModelConfig
    steps: Steps
    run: Run
    working: WorkingTables

    def train(self) -> Trained:
        """Iterate until `max_iter` or a tolerance, or until the numbers break down.

        Raises
        ------
        NumericalError
            If they do in the first iteration.
        """
        if self.run.resumed:
            self.working.forget_after(self.run.iteration)
        state, messages = self._resume() if self.run.iterations else self._start()
        breakdown = None
        _announce(len(self.run.iterations))
        with collecting_little(), Commits() as commits:
            while not self._finished():
                try:
                    state, messages = self._iterate(state, messages, commits)
                except NumericalError as error:
                    if not self.run.iterations:
                        raise
                    breakdown = error
                    break
        if messages is None:
            raise AssertionError("max_iter is at least 1")
        return Trained(state, messages, breakdown)

    def _start(self) -> tuple[UserState, Messages | None]:
        """State of iteration 0; schedule paper starts from random items, not from users."""
        state = self.steps.start(self.model)
        return state, None if self.model.schedule == "paper" else self.steps.route_users(state)

    def _resume(self) -> tuple[UserState, Messages]:
        last = self.run.iteration
        aggregated = last - last % self.model.aggregation_period
        logger.info("run %s goes on after iteration %d", self.run.run_id, last)
        if self.working.coupled and aggregated == 0:
            # No exchange yet: the consensus is still that of the start.
            start = self.steps.start(self.model)
            x = self.working.read("state", last, self.run.writers[-1])
            state = replace(start, x=x, use_z=False)
        else:
            use_z = self._use_z(last)
            state = self.working.read_state(last, aggregated, use_z, self.run.writers)
        return state, self.steps.route_users(state)

    def _finished(self) -> bool:
        done = self.run.iterations
        if len(done) >= self.model.max_iter:
            return True
        reason = converged(done, self.model)
        if reason:
            logger.info("stopped after iteration %d: %s", len(done), reason)
        return bool(reason)

    def _iterate(
        self, state: UserState, messages: Messages | None, commits: Commits
    ) -> tuple[UserState, Messages]:
        """One iteration; its tables are committed while the next one is computed."""
        iteration, watch = self.run.iteration + 1, Stopwatch()
        aggregate = self.working.coupled and iteration % self.model.aggregation_period == 0
        with watch.part("items"):
            items = self._update_items(messages)
        with watch.part("users"):
            use_z = self._use_z(iteration)
            state, messages = self.steps.update_users(items, state, use_z, aggregate)
        metrics = iteration_metrics({**items.sums, **messages.sums})
        check_loss(iteration, metrics)
        with watch.part("waiting"):
            # For the commits of the iteration before, if they are not yet through.
            commits.wait()
        metrics |= {"iteration": iteration, "seconds": watch.seconds(), **self.steps.notes()}
        logger.info("%s (%s)", iteration_line(metrics, self.model.max_iter), watch)
        stage("iterations")
        step(iteration, f"loss={metrics['loss']:.6g}, seconds={metrics['seconds']:.2f}")
        self.run.note(ITERATION, iteration, metrics)
        commits.add(
            self._tables(iteration, state, aggregate), partial(self._mark, iteration, metrics)
        )
        release_frames()
        return state, messages

    def _update_items(self, messages: Messages | None) -> Messages:
        if messages is None:
            return self.steps.start_items(self.model)
        return self.steps.update_items(messages)

    def _tables(self, iteration: int, state: UserState, aggregated: bool) -> list[Commit]:
        """The commits that an iteration leaves for the next one."""
        rows = {"state": state.x_of(*self.working.state_kinds(state.use_z))}
        if aggregated:
            rows |= {"exchange": state.exchange, "consensus": state.z}
        return self.working.commits(rows, iteration)

    def _mark(self, iteration: int, metrics: dict[str, Any]) -> None:
        """Say that an iteration is complete; now and then remove what it made superfluous.

        The next iteration's tables are written only after this.
        """
        self.run.write(ITERATION, iteration, metrics)
        # The last ones are forgotten with the publication.
        if iteration % _FORGET_EVERY == 0 and iteration + _FORGET_EVERY <= self.model.max_iter:
            free_disk = iteration % _FREE_DISK_EVERY == 0
            self.working.forget(first_kept(iteration, self.model), free_disk=free_disk)

    def _use_z(self, iteration: int) -> bool:
        """Whether items are updated from z after an iteration: not between two aggregations."""
        aggregated = iteration % self.model.aggregation_period == 0
        return self.model.schedule == "consensus" and aggregated


def first_kept(iteration: int, model: ModelConfig) -> int:
    """First iteration whose state is kept: a resumed run needs the last consensus, however old."""
    aggregated = iteration - iteration % model.aggregation_period
    return min(iteration - model.keep_iterations + 1, aggregated)


def clears_up(run: Run) -> bool:
    """Whether to delete old iterations after publishing: a short first run leaves them to the next.

    Nobody reads them, and three commits more would be a tenth of the time of a small training.
    """
    return not run.first or run.iteration > _FREE_DISK_EVERY


def _announce(done: int) -> None:
    """Say why the first iteration of a process may take longer than all others."""
    step(done)
    stage("loading the solver")
    logger.info(
        "iterating: the first one loads the row solver; a machine that never ran it compiles it, "
        "which takes some 20 seconds"
    )
