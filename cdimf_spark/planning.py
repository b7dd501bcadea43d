"""The numbers of ``--plan`` on a command line."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.options import check_names
from cdimf_spark.settings import ModelConfig
from cdimf_spark.sizing import Plan, plan

_FROM_OPTIONS = ("rank", "blocks", "kept")
_NEEDED = ("users", "items", "interactions")


def plan_from_arguments(assignments: Sequence[str], model: ModelConfig) -> Plan:
    """Predict the sizes of a training from ``NAME=NUMBER`` texts and the model's options.

    Raises
    ------
    ConfigurationError
        A name is unknown or missing, or a value is not a whole number.
    """
    known = [name for name in inspect.signature(plan).parameters if name not in _FROM_OPTIONS]
    values = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        check_names({name: text}, known, "--plan")
        values[name] = _whole_number(name, text)
    missing = [name for name in _NEEDED if name not in values]
    if missing:
        raise ConfigurationError(f"--plan wants {', '.join(f'{name}=NUMBER' for name in missing)}")
    # The files of removed iterations stay until the disk is freed, every 50 iterations.
    kept = min(model.max_iter, model.keep_iterations + 60)
    return plan(**values, rank=model.rank, blocks=model.num_blocks, kept=kept)


def _whole_number(name: str, text: str) -> int:
    """Read 1000000, 1_000_000 or 1e6."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not number.is_integer():
        raise ConfigurationError(f"--plan: {name} is {text!r}, but must be a whole number")
    return int(number)
