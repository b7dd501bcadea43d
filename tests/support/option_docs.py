"""What signatures and docstrings say of declared options, made from the declarations."""

from __future__ import annotations

from dataclasses import fields
from textwrap import wrap
from typing import Any

from cdimf_spark.configuration.options import describe_options


def docstring_section(cls: type) -> str:
    """The options as a numpydoc section of parameters, for a class's docstring."""
    types = {entry.name: type_name(entry.type) for entry in fields(cls)}
    lines = []
    for name, default, meaning, allowed in describe_options(cls):
        start = f"    {name} : {types[name]}, default {_default(cls, name)}"
        text = f"{meaning[0].upper()}{meaning[1:]}; {allowed.removesuffix(' (or auto)')}"
        auto = f". None: {default.removeprefix('auto: ')}" if default.startswith("auto") else ""
        indent = " " * 8
        lines += [
            start,
            *wrap(f"{text}{auto}.", 92, initial_indent=indent, subsequent_indent=indent),
        ]
    return "\n".join(lines)


def type_name(annotation: Any) -> str:
    """``int``, or ``float | None``."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _default(cls: type, name: str) -> Any:
    return repr(next(entry.default for entry in fields(cls) if entry.name == name))
