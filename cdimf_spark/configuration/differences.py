"""What differs between two configurations: what a resumed training is told."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig

_MODEL_KEYS = [entry.name for entry in fields(ModelConfig)]
_DOMAIN_KEYS = [entry.name for entry in fields(DomainConfig) if entry.name != "name"]


class Difference(NamedTuple):
    """An option that two configurations have different values of (None: it is not there)."""

    name: str
    first: Any
    second: Any

    def __str__(self) -> str:
        """Show both values: ``rank 8 -> 9``."""
        values = ("auto" if value is None else str(value) for value in (self.first, self.second))
        return f"{self.name} {' -> '.join(values)}"


def differences(first: TrainConfig, second: TrainConfig) -> list[Difference]:
    """Return the options in which two configurations differ.

    The output folder is where a run is, not what it is, and does not count. A domain that only
    one of the two has is named once: ``domains.sport``.
    """
    one, other = first.to_dict(), second.to_dict()
    found = [Difference(name, one[name], other[name]) for name in (*_MODEL_KEYS, "warm_start")]
    ours, theirs = one["domains"], other["domains"]
    for domain in sorted({*ours, *theirs}):
        name = f"domains.{domain}"
        if domain not in ours or domain not in theirs:
            there = ["absent" if domain not in side else "present" for side in (ours, theirs)]
            found.append(Difference(name, *there))
            continue
        pairs = ((key, ours[domain][key], theirs[domain][key]) for key in _DOMAIN_KEYS)
        found += [Difference(f"{name}.{key}", *values) for key, *values in pairs]
    return [difference for difference in found if difference.first != difference.second]
