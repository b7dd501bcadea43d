"""Going on after the loss of an executor.

What an iteration hands to the next one is kept by the executors and cut from its lineage, so Spark
cannot compute it again when one of them dies. It is in the working tables, though, up to the last
recorded iteration: the training goes on from there, as another process would with `--resume`. The
static blocks and the tasks under way Spark itself repeats.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from cdimf_spark.distributed.output.runs import Run

logger = logging.getLogger(__name__)

# Of a checkpoint whose block is gone, and of a cluster that gave up a stage for lost executors.
_LOST = re.compile(
    r"CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND|Checkpoint block \S+ not found|ExecutorLostFailure"
)
# So many losses without one iteration between them are no accident.
_MOST_IN_A_ROW = 3


def survive_losses(run: Run, attempt: Callable[[], None]) -> None:
    """Call `attempt`, which iterates and publishes, until no part of the state is lost meanwhile.

    Before it is called again, `run` is as the log says.

    Raises
    ------
    Exception
        What `attempt` raised, if it is about anything else, or was lost more than three times in a
        row without a further iteration.
    """
    losses, reached = 0, run.iteration
    while True:
        try:
            return attempt()
        except Exception as error:
            if not is_loss(error):
                raise
            run.forget_unrecorded()
            losses = losses + 1 if run.iteration == reached else 1
            reached = run.iteration
            if losses > _MOST_IN_A_ROW:
                raise
            logger.warning(
                "an executor was lost, and with it part of the state: run %s repeats what came "
                "after iteration %d",
                run.run_id,
                run.iteration,
            )


def is_loss(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that an executor died with what it kept."""
    while error is not None:
        if _LOST.search(str(error)):
            return True
        error = error.__cause__
    return False
