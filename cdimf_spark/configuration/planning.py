"""``--plan`` on a command line: its numbers, and what it prints."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from cdimf_spark.configuration.options import check_names
from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.configuration.sizing import Plan, plan
from cdimf_spark.errors import ConfigurationError

_FROM_OPTIONS = ("rank", "blocks", "item_blocks", "kept")
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
    return plan(
        **values,
        rank=model.rank,
        blocks=model.num_blocks,
        item_blocks=model.num_item_blocks,
        kept=kept,
    )


def _whole_number(name: str, text: str) -> int:
    """Read 1000000, 1_000_000 or 1e6."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not number.is_integer():
        raise ConfigurationError(f"--plan: {name} is {text!r}, but must be a whole number")
    return int(number)


def plan_text(sizes: Plan) -> str:
    """The plan as a user reads it."""
    lines = [
        ("blocks of users, of items", f"{sizes.user_blocks}, {sizes.item_blocks}"),
        ("one block of one domain", _size(sizes.block)),
        ("shuffled in an iteration, expected", _size(sizes.shuffle_expected)),
        ("shuffled in an iteration, at most", _size(sizes.shuffle_most)),
        ("one Python worker", _size(sizes.worker)),
        ("all Python workers", _size(sizes.workers)),
        ("driver, Python process", _size(sizes.driver_python)),
        ("driver, JVM (on a cluster)", _size(sizes.driver_java)),
        ("the JVM of local mode", _size(sizes.local_java)),
        ("disk for one iteration", _size(sizes.disk_iteration)),
        ("disk in all, at most", _size(sizes.disk)),
    ]
    return "\n".join(f"  {name:<36}{value:>10}" for name, value in lines)


def _size(n: int) -> str:
    if n >= 1e9:
        return f"{n / 1e9:.2f} GB"
    return f"{n / 1e6:.1f} MB" if n >= 1e6 else f"{n / 1e3:.1f} kB"
