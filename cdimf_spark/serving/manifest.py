"""What an export says about itself: ``model.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cdimf_spark.errors import DataError
from cdimf_spark.solver.rules import DomainRules, RowRule

FILE_NAME = "model.json"
_FORMAT = "cdimf_spark arrays"
_VERSION = 2


@dataclass(frozen=True)
class DomainManifest:
    """The scalars of the row equations of a domain.

    Attributes
    ----------
    rules
        Row rules of users and items, and rho.
    shared_user_weight
        Weight of shared users where items are solved.
    """

    rules: DomainRules
    shared_user_weight: float

    @property
    def coupled(self) -> bool:
        """Whether the domain takes part in the consensus: its factors share a space."""
        return self.rules.rho > 0


@dataclass(frozen=True)
class Manifest:
    """Model as a whole: length of a factor row, run of the training, and the domains by name."""

    rank: int
    run_id: str
    domains: Mapping[str, DomainManifest]

    def write(self, folder: Path) -> None:
        """Write ``model.json``."""
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "rank": self.rank,
            "run_id": self.run_id,
            "domains": {
                name: {
                    "rho": domain.rules.rho,
                    "user_prior": domain.rules.user_prior,
                    "shared_user_weight": domain.shared_user_weight,
                    "users": asdict(domain.rules.users),
                    "items": asdict(domain.rules.items),
                }
                for name, domain in sorted(self.domains.items())
            },
        }
        text = json.dumps(content, indent=2) + "\n"
        (folder / FILE_NAME).write_text(text, encoding="utf-8")


def _advice(folder: Path, error: Exception) -> str:
    if (folder / "runs" / "_delta_log").is_dir():
        return (
            "it is the output of a training on Spark: open it with CDIMFModel.load, or export it "
            "(jobs/export.py --model DIR --output DIR, or model.export)"
        )
    return f"{error}. Export one (jobs/export.py --model DIR --output DIR, or model.export)"


def read_manifest(folder: Path) -> Manifest:
    """Read ``model.json``.

    Raises
    ------
    DataError
        If it is not there, is of another version, or is damaged.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"no exported model in {str(folder)!r}: {_advice(folder, error)}"
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DataError(f"{str(path)!r} does not describe an exported model")
    if content.get("version") != _VERSION:
        raise DataError(
            f"{str(path)!r} is of version {content.get('version')!r} of the format, this package "
            f"reads version {_VERSION}: export the model again with the package that reads it"
        )
    try:
        domains = {name: _domain(entry) for name, entry in content["domains"].items()}
        return Manifest(int(content["rank"]), str(content["run_id"]), domains)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{str(path)!r} is damaged ({error!r}): export the model again") from error


def _domain(entry: Mapping[str, Any]) -> DomainManifest:
    users, items = RowRule(**entry["users"]), RowRule(**entry["items"])
    rules = DomainRules(users, items, float(entry["rho"]), float(entry["user_prior"]))
    return DomainManifest(rules, float(entry["shared_user_weight"]))
