"""What held-out items were ranked among, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ALL = "all items"


def ranked_among(result: Mapping[str, Any]) -> str:
    """What an evaluation or comparison ranked among; domains that differ from the rest are named.

    Parameters
    ----------
    result
        What `evaluate` or `compare` returned.
    """
    asked = result["negatives"]
    small = [name for name in result["domains"] if asked != "all" and _of(result, name) == "all"]
    if asked == "all" or len(small) == len(result["domains"]):
        return _ALL
    drawn = f"{asked} drawn items (seed {result['seed']})"
    return f"{drawn}, but all items of {', '.join(small)}" if small else drawn


def is_uniform(result: Mapping[str, Any]) -> bool:
    """Tell whether all domains were ranked alike, so that their numbers have a mean."""
    return len({_of(result, name) for name in result["domains"]}) == 1


def _of(result: Mapping[str, Any], domain: str) -> Any:
    """What was drawn in a domain; what was asked for where the result does not say."""
    return result["domains"][domain].get("negatives", result["negatives"])
