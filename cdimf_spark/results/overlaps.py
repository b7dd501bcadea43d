"""An output that is, contains, or lies in something that is read is refused."""

from __future__ import annotations

from collections.abc import Iterable

from cdimf_spark.errors import ConfigurationError
from cdimf_spark.results.places import Place, is_pattern, on_disk, overlap, resolved, same_or_within

Named = tuple[str, Place]


def refuse_overlap(output: Place, inputs: Iterable[Named], what: str = "output") -> None:
    """Raise ConfigurationError if an output and something that is read have a file in common.

    Parameters
    ----------
    output : Place
    inputs : iterable of (str, Place)
        What messages call it ("the model"), and where it lies; globs included.
    what : str
        What messages call the output.
    """
    real = resolved(output)
    for name, place in inputs:
        if overlap(place, output) or overlap(resolved(place), real) or _share_disk(place, real):
            raise ConfigurationError(
                f"{what} {output.given!r} {_relation(output, real, place)} {name} "
                f"{place.given!r}, which would be changed, or be read together with the result "
                f"the next time: name {'a file' if what.startswith('--') else 'a folder'} "
                "apart from it"
            )


def _share_disk(place: Place, real: Place) -> bool:
    """Whether a link, or another name of one folder, makes them overlap."""
    if real.local is None:
        return False
    return any(
        same_or_within(path, real.local) or same_or_within(real.local, path)
        for path in on_disk(place)
    )


def _relation(output: Place, real: Place, place: Place) -> str:
    if place.parts == output.parts:
        return "is"
    there = resolved(place)
    if len(real.parts) == len(there.parts):
        return "is matched by" if is_pattern(place) else "is, through a link,"
    if len(real.parts) < len(there.parts):
        return "contains"
    return "lies inside"
