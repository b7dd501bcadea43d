"""The demonstration of a federation: three shops, each a process of its own, meet in a folder."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pandas as pd
import yaml
from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import load_config
from cdimf_spark.demonstration_data import demonstration_split
from cdimf_spark.distributed.demonstration import to_frames
from cdimf_spark.distributed.estimator import train_from_config
from cdimf_spark.errors import FederationError
from cdimf_spark.reports.text_tables import text_table

_OPTIONS = {"rank": 32}
_PRIVATE = {"max_iter": 6, "num_blocks": 1}
_K = 10

Say = Callable[[str], None]


@dataclass(frozen=True)
class DemonstrationParty:
    """Files of one shop, all in a folder of its own but the terms and the key."""

    name: str
    folder: Path

    @property
    def config(self) -> Path:
        """Its private configuration."""
        return self.folder / f"{self.name}.yaml"

    @property
    def test(self) -> Path:
        """Its held-out interactions."""
        return self.folder / "test.parquet"

    @property
    def results(self) -> Path:
        """What it has measured."""
        return self.folder / "results.json"


def write_parties(folder: Path) -> list[DemonstrationParty]:
    """Write the terms, the key, and the data and the configuration of each shop."""
    data = demonstration_split()
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key"
    key.write_text(secrets.token_hex(32))
    key.chmod(0o600)
    terms = {"federation": "shops", "parties": sorted(data.train), **_OPTIONS}
    (folder / "terms.yaml").write_text(yaml.safe_dump(terms, sort_keys=False))
    return [
        _write_party(folder, name, frame, data.test[name]) for name, frame in data.train.items()
    ]


def _write_party(
    folder: Path, name: str, train: pd.DataFrame, test: pd.DataFrame
) -> DemonstrationParty:
    party = DemonstrationParty(name, folder / name)
    party.folder.mkdir(exist_ok=True)
    train.to_parquet(party.folder / "train.parquet")
    test.to_parquet(party.test)
    federation = {
        "terms": str(folder / "terms.yaml"),
        "party": name,
        "meeting_place": str(folder / "meeting_place"),
        "key_file": str(folder / "key"),
    }
    config = {
        **_PRIVATE,
        "domains": {name: str(party.folder / "train.parquet")},
        "output": str(party.folder / "model"),
        "federation": federation,
    }
    party.config.write_text(yaml.safe_dump(config, sort_keys=False))
    return party


def run_parties(parties: Sequence[DemonstrationParty], say: Say) -> str:
    """Start a process for each party, show what they say, and sum up what they measured.

    Raises
    ------
    FederationError
        If one of them failed.
    """
    processes = {party.name: _start(party) for party in parties}
    readers = [
        Thread(target=_repeat, args=(name, process.stdout, say))
        for name, process in processes.items()
    ]
    for reader in readers:
        reader.start()
    try:
        codes = {name: process.wait() for name, process in processes.items()}
    except BaseException:
        for process in processes.values():
            process.terminate()
        raise
    for reader in readers:
        reader.join()
    failed = [f"party {name!r} (exit code {code})" for name, code in codes.items() if code]
    if failed:
        raise FederationError(f"{', '.join(failed)} failed: see its lines above")
    return _summary(parties)


def _start(party: DemonstrationParty) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cdimf_spark", "federate", "party", str(party.folder)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SPARK_LOCAL_IP": os.environ.get("SPARK_LOCAL_IP", "127.0.0.1")},
    )


def _repeat(name: str, lines: IO[str] | None, say: Say) -> None:
    for line in lines or ():
        say(f"{name:>6} | {line.rstrip()}")


def train_party(spark: SparkSession, party: DemonstrationParty) -> None:
    """What the process of a party does: train, and measure the model beside separate ALS."""
    model = train_from_config(spark, load_config(str(party.config)))
    tests = to_frames(spark, {party.name: pd.read_parquet(party.test)})
    scorers = {"federated": model, "separate ALS": model.baseline("separate")}
    found = {
        name: scorer.evaluate(tests, k=_K, negatives="all", by=["shared"])
        for name, scorer in scorers.items()
    }
    measured = {name: _measures(result["domains"][party.name]) for name, result in found.items()}
    party.results.write_text(json.dumps(measured, indent=2) + "\n")


def _measures(found: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(found[name]) for name in ("n_test", "hr", "ndcg")}


def _summary(parties: Sequence[DemonstrationParty]) -> str:
    rows = [
        (party.name, name, f"{one['n_test']:.0f}", f"{one['hr']:.4f}", f"{one['ndcg']:.4f}")
        for party in parties
        for name, one in json.loads(party.results.read_text()).items()
    ]
    table = text_table(("party", "model", "test rows", f"hr@{_K}", f"ndcg@{_K}"), rows)
    place = parties[0].folder.parent
    return "\n".join(
        (
            "",
            "Each shop trained in a process of its own, and saw of the others what is in",
            f"{place / 'meeting_place'}. Held-out items among all items of the shop:",
            table,
            "",
            f"What left a shop: cdimf audit-log --output {parties[0].folder / 'model'}",
        )
    )
