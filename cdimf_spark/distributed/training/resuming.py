"""Whether a run may go on, or is the answer: the same data, options and form of its state.

`started` holds what the run began with. The data are compared by content, not by path or time of
change: each domain's number of usable rows and a sum of their hashes, which depends neither on
the order nor on the partitioning. A resumed run therefore reads its input once, in one job (it does
not pack it again).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdimf_spark import __version__
from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.differences import differences
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.input.content import Content
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training.steps.warm_start import EARLIER_RUN, EarlierModel
from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.wording import counted

# To be raised by whoever changes the meaning of the working tables, or what an iteration computes.
STATE_FORMAT = 2

# How long it trains and what it keeps: not what an iteration computes. How the input is read is
# compared by what was read.
_FREE = ("max_iter", "keep_iterations")
_READING = ("path", "format", "columns", "separator", "header")


def start_details(
    config: TrainConfig,
    layout: Layout,
    contents: Mapping[str, Content],
    earlier: EarlierModel | None = None,
) -> dict[str, Any]:
    """What the event `started` says."""
    return {
        EARLIER_RUN: earlier.run_id if earlier else None,
        "config": config.to_dict(),
        "layout": layout.to_dict(),
        "state_format": STATE_FORMAT,
        "version": __version__,
        "data": {name: list(content) for name, content in contents.items()},
    }


def check_options(run: Run, config: TrainConfig) -> None:
    """Compare the form of the state, and the options that alter a result.

    Raises
    ------
    ConfigurationError
        They differ; the message has each option with its old and its new value.
    """
    check_format(run, "resume", "start a new run without --resume")
    before = TrainConfig.from_dict(run.details["config"], f"run {run.run_id}")
    changed = [c for c in differences(before, config) if not _is_free(c.name)]
    if changed:
        raise ConfigurationError(
            f"cannot resume run {run.run_id} with other options: "
            f"{', '.join(map(str, changed))}. Restore them, or start a new run without --resume"
        )
    if config.model.max_iter < run.iteration:
        raise ConfigurationError(
            f"cannot resume run {run.run_id}: max_iter is {config.model.max_iter}, but "
            f"{counted(run.iteration, 'iteration')} are done, and none is taken back. Set max_iter "
            "to that or more, or start a new run without --resume"
        )


def check_format(run: Run, task: str, advice: str) -> None:
    """Raise ConfigurationError if this version cannot read the working tables of a run.

    Parameters
    ----------
    task
        What was to be done with the run: ``resume``, ``open the model of``.
    advice
        What to do instead of using the version that wrote the tables.
    """
    found = run.details.get("state_format", 1)
    if found != STATE_FORMAT:
        raise ConfigurationError(
            f"cannot {task} run {run.run_id}: its tables have format {found} (cdimf_spark "
            f"{run.details.get('version', 'before 0.1')}), this is format {STATE_FORMAT} "
            f"(cdimf_spark {__version__}). Use that version, or {advice}"
        )


def _is_free(name: str) -> bool:
    return name in _FREE or (name.startswith("domains.") and name.rpartition(".")[2] in _READING)


def check_data(run: Run, contents: Mapping[str, Content]) -> None:
    """Compare the content of the data.

    Raises
    ------
    DataError
        It differs; the message says of each domain how.
    """
    changed = []
    for name, values in run.details["data"].items():
        before, now = Content(*values), contents[name]
        if before.n_rows != now.n_rows:
            changed.append(f"domain {name!r}: rows {before.n_rows} -> {now.n_rows}")
        elif before != now:
            changed.append(f"domain {name!r}: same number of rows, other content")
    if changed:
        raise DataError(
            f"cannot resume run {run.run_id} with other data ({'; '.join(changed)}): name the data "
            "that it began with, or start a new run without --resume"
        )
