"""Progress of a training on one machine: a line and a move of the bar for each iteration."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.progress import step
from cdimf_spark.solver.iteration_metrics import iteration_line
from cdimf_spark.solver.stopping import check_loss, converged

logger = logging.getLogger(__name__)

# Gets a row of `history`.
Hook = Callable[[Mapping[str, Any]], None]


class Watch:
    """What `train_local` calls after each iteration: keeps the history, and says when to stop.

    Attributes
    ----------
    history
        Metrics of the iterations so far.
    """

    def __init__(self, model: ModelConfig, hook: Hook | None = None) -> None:
        self.history: list[dict[str, Any]] = []
        self._model, self._hook = model, hook
        self._began = time.perf_counter()

    def __call__(self, iteration: int, metrics: dict[str, Any]) -> bool:
        """Note an iteration; True if it is enough.

        Raises
        ------
        NumericalError
            If the loss is no number, or the model is far worse than none.
        """
        check_loss(iteration, metrics)
        now = time.perf_counter()
        row = {"iteration": iteration, "seconds": now - self._began, **metrics}
        self._began = now
        self.history.append(row)
        logger.info("%s", iteration_line(row, self._model.max_iter))
        step(iteration, f"loss={row['loss']:.6g}, explained={row['explained']:.3f}")
        if self._hook is not None:
            self._hook(row)
        reason = converged(self.history, self._model)
        if reason:
            logger.info("stopped after iteration %d: %s", iteration, reason)
        return bool(reason)
