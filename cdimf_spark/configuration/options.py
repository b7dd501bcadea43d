"""Typed options: the default, the meaning and the range of a field, declared in one place.

A frozen dataclass declares its fields with `option` and calls `check_options` when it is made.
Values come as Python objects or, from YAML and the command line, as text; both are read by the
same rules. The help text of the jobs is made from the same declarations.
"""

import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, cast

from cdimf_spark.errors import UnknownKeyError, ValueOutOfRangeError

_NONE_WORDS = ("", "auto", "none", "null", "off")


@dataclass(frozen=True)
class Option:
    """What an option means and which values it may have.

    Parameters
    ----------
    help : str
        The meaning, in a few words.
    kind : type
        int, float, str or bool.
    auto : str or None
        What None (in text: auto, null, off) stands for; None if the option needs a value.
    low, high : float
        The range, ends included unless `exclusive`.
    exclusive : bool
        The ends of the range do not belong to it.
    choices : tuple of str
        The only values of a str option; any if empty.
    parse : callable or None
        Reads and checks a value in place of the rules above; raises ValueError with the words
        that follow "must be".
    """

    help: str
    kind: type
    auto: str | None = None
    low: float = -math.inf
    high: float = math.inf
    exclusive: bool = False
    choices: tuple[str, ...] = ()
    parse: Callable[[object], object] | None = None


def option(default: Any, help: str, kind: type | None = None, **limits: Any) -> Any:
    """Declare a field of an options dataclass; `limits` are those of `Option`."""
    declared = Option(help=help, kind=kind or type(default), **limits)
    return field(default=default, metadata={"option": declared})


def options_of(cls: type) -> dict[str, Option]:
    """Return the declared options of a dataclass by name, in order."""
    declared = {entry.name: entry.metadata.get("option") for entry in fields(cls)}
    return {name: entry for name, entry in declared.items() if entry is not None}


def check_options(instance: Any) -> None:
    """Read and check every declared option of a new frozen dataclass, in place.

    Raises
    ------
    ValueOutOfRangeError
        A value is of the wrong kind or outside its range.
    """
    for name, declared in options_of(type(instance)).items():
        object.__setattr__(instance, name, read_value(name, getattr(instance, name), declared))


def check_names(values: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Raise `UnknownKeyError` for the first name in `values` that is not a known one."""
    known = tuple(known)
    for name in values:
        if name not in known:
            raise UnknownKeyError(str(name), known, where)


def split_names(text: str) -> list[str]:
    """Names in a text with commas between them."""
    return [part.strip() for part in text.split(",") if part.strip()]


def read_value(name: str, value: object, declared: Option) -> object:
    """Return `value` as the option's kind, checked.

    Raises
    ------
    ValueOutOfRangeError
        The value is of the wrong kind or outside its range.
    """
    # A parser of its own may need the blanks: one may be a separator.
    stripped = isinstance(value, str) and declared.parse is None
    text = str(value).strip() if stripped else value
    if text is None or (isinstance(text, str) and text.lower() in _NONE_WORDS):
        if declared.auto is None:
            raise ValueOutOfRangeError(name, value, allowed_values(declared))
        return None
    try:
        if declared.parse is not None:
            return declared.parse(value)
        return _READERS[declared.kind](text, declared)
    except ValueError as error:
        allowed = str(error) if declared.parse is not None else allowed_values(declared)
        raise ValueOutOfRangeError(name, value, allowed) from None


def _read_number(value: object, declared: Option) -> float:
    """Read a finite number in range; text is read as Python reads it, so ``1e-3`` is one."""
    if isinstance(value, bool) or not isinstance(value, str | numbers.Real):
        raise ValueError
    number = _text_to_number(value) if isinstance(value, str) else cast(float, value)
    # Not a number fails the first comparison already.
    inside = declared.low <= number <= declared.high and number not in (-math.inf, math.inf)
    if not inside or (declared.exclusive and number in (declared.low, declared.high)):
        raise ValueError
    return number


def _text_to_number(text: str) -> float:
    try:
        # Not by way of a float, which would round large seeds.
        return int(text)
    except ValueError:
        return float(text)


def _read_float(value: object, declared: Option) -> float:
    try:
        return float(_read_number(value, declared))
    except OverflowError:
        raise ValueError from None


def _read_int(value: object, declared: Option) -> int:
    """Read a whole number; ``10.0`` and ``1e6`` are whole numbers too."""
    number = _read_number(value, declared)
    if number != int(number):
        raise ValueError
    return int(number)


def _read_str(value: object, declared: Option) -> str:
    if not isinstance(value, str) or (declared.choices and value not in declared.choices):
        raise ValueError
    return value


def _read_bool(value: object, declared: Option) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in words:
        raise ValueError
    return words[value.lower()]


_READERS: dict[type, Callable[[object, Option], object]] = {
    int: _read_int,
    float: _read_float,
    str: _read_str,
    bool: _read_bool,
}


def allowed_values(declared: Option) -> str:
    """Say in words which values an option may have."""
    if declared.choices:
        words = "one of " + ", ".join(declared.choices)
    elif declared.kind in (int, float):
        words = "a whole number" if declared.kind is int else "a finite number"
        words += _range_in_words(declared)
    else:
        words = "true or false" if declared.kind is bool else "a text"
    return words + (" (or auto)" if declared.auto is not None else "")


def _range_in_words(declared: Option) -> str:
    low, high = str(declared.low), str(declared.high)
    if math.isfinite(declared.low) and math.isfinite(declared.high):
        return f" between {low} and {high}" + (", both excluded" if declared.exclusive else "")
    if math.isfinite(declared.low):
        return f" above {low}" if declared.exclusive else f", {low} or more"
    return ""


def describe_options(cls: type) -> list[tuple[str, str, str, str]]:
    """Return (name, default, meaning, allowed values) of each option, for help texts."""
    defaults: dict[str, Field[Any]] = {entry.name: entry for entry in fields(cls)}
    rows = []
    for name, declared in options_of(cls).items():
        default = defaults[name].default
        shown = "" if default is MISSING else default
        if default is None:
            shown = f"auto: {declared.auto}" if declared.auto else "auto"
        rows.append((name, str(shown), declared.help, allowed_values(declared)))
    return rows


def option_help(model: type, domain: type) -> str:
    """The options of a model and of a domain as the end of a job's help text."""
    lines = ["options (KEY of --set, and of the YAML file):"]
    for title, cls in ((None, model), ("domains.NAME.", domain)):
        for name, default, meaning, allowed in describe_options(cls):
            lines.append(f"  {title or ''}{name}")
            lines.append(f"      {meaning}; {allowed} (default {default or 'none'})")
    return "\n".join(lines)
