"""What a training asks of a federation that it belongs to; without one, nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pyspark.sql import DataFrame

from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training.steps.iteration import Steps


class Federation(Protocol):
    """One party's side of a training whose domains are in several applications."""

    def align(self, keyed: DataFrame) -> tuple[DataFrame, Mapping[str, Any]]:
        """Join the others, and find the shared users: see `indexing.PSEUDONYM`.

        Returns the interactions with two columns more, and what a resumed run must know.
        """

    def rejoin(self, details: Mapping[str, Any]) -> None:
        """Join the others again, with what `align` returned."""

    def steps(self, steps: Steps, run: Run) -> Steps:
        """The steps of a run, made from those of a single application."""

    def finish(self, run: Run) -> None:
        """Say that the run is published."""


def is_party(run: Run) -> bool:
    """Whether a run is one party's part of a federation."""
    return "federation" in run.details
