"""The private part of a federation: which party this is, and where the parties meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from cdimf_spark.configuration.domains import make_options
from cdimf_spark.configuration.options import check_names, check_options, option, options_of
from cdimf_spark.errors import ConfigurationError


@dataclass(frozen=True)
class FederationConfig:
    """Section ``federation`` of a party's own configuration.

    Raises
    ------
    ConfigurationError
        If something is missing, or the key is given twice.
    """

    terms: str = option("", "the YAML file of the terms, which all parties have", str)
    party: str = option("", "name of this party in the terms", str)
    meeting_place: str = option("", "folder where the parties meet: each writes its own part", str)
    key_file: str | None = option(
        None, "file with the secret key of all parties (pseudonyms, digests)", str, auto="none"
    )
    key_env: str | None = option(None, "environment variable with that key", str, auto="none")
    keep_files: str = option(
        "7d", "how long files of rounds that are over stay readable, as 12h or 7d", str
    )

    def __post_init__(self) -> None:
        """Check what must be there."""
        check_options(self)
        missing = [n for n in ("terms", "party", "meeting_place") if not getattr(self, n)]
        if missing:
            raise ConfigurationError(f"federation: {missing[0]!r} is missing")
        if (self.key_file is None) == (self.key_env is None):
            raise ConfigurationError(
                "federation: give the secret key of the parties either as key_file or as key_env "
                "(make one: openssl rand -hex 32)"
            )

    @classmethod
    def from_dict(cls, values: object, where: str) -> Self | None:
        """Read the section; None if there is none."""
        if values is None or values == "":
            return None
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"{where}: federation must be a mapping of options")
        check_names(values, list(options_of(cls)), f"{where}, federation")
        made: Self = make_options(cls, values, where, "federation.")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the section as a mapping."""
        return asdict(self)
