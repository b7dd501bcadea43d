"""Durations in options: ``90``, ``90s``, ``10m``, ``2h``, ``7d``."""

from __future__ import annotations

import math
import re

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")


def parse_duration(value: object) -> float:
    """Read a duration.

    Parameters
    ----------
    value : int, float or str
        Seconds, or a number with a unit: s, m, h or d.

    Returns
    -------
    float
        Seconds, above 0.

    Raises
    ------
    ValueError
        With the words that follow "must be".
    """
    match = _DURATION.fullmatch(str(value).strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else math.nan
    if isinstance(value, bool) or not 0 < seconds < math.inf:
        raise ValueError("a duration above 0, as 90s, 10m, 2h or 7d")
    return seconds


def duration_text(seconds: float) -> str:
    """Say a duration in its largest whole unit: 600 is ``10m``."""
    units = (("d", 86400), ("h", 3600), ("m", 60))
    unit, size = next(((u, s) for u, s in units if seconds >= s and seconds % s == 0), ("s", 1))
    return f"{seconds / size:.10g}{unit}"
