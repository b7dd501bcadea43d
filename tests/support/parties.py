"""Parties of a federation in one session: each in a thread, with folders of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.output.runs import Run
from cdimf_spark.distributed.training.run_training import train
from tests.support.helpers import Domains, to_spark
from tests.support.training_in_memory import configs_of

KEY = b"an example of a key that is long enough"
SMALL_TERMS: dict[str, Any] = {"rank": 6, "init_scale": 1.0, "round_timeout": "5m"}
SMALL_MODEL: dict[str, Any] = {"max_iter": 3, "num_blocks": 2}


@dataclass(frozen=True)
class Federation:
    """Parties that have a domain each, of the same name."""

    spark: SparkSession
    folder: Path
    domains: Domains
    terms: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=lambda: SMALL_MODEL)

    @property
    def place(self) -> Path:
        return self.folder / "place"

    def output(self, party: str) -> Path:
        return self.folder / party / "model"

    def config(self, party: str, **changes: Any) -> TrainConfig:
        self.folder.mkdir(parents=True, exist_ok=True)
        key, terms = self.folder / "key", self.folder / f"{party}.terms.yaml"
        # At once: another party, in its thread, may be reading it.
        mine = key.with_name(f"key.{party}")
        mine.write_bytes(KEY)
        mine.replace(key)
        common = {"federation": "shops", "parties": sorted(self.domains), **self.terms}
        terms.write_text(yaml.safe_dump({**common, **changes.pop("terms", {})}))
        federation = {
            "terms": str(terms),
            "party": party,
            "meeting_place": str(self.place),
            "key_file": str(key),
        }
        values = {**self.model, **changes, "federation": federation}
        values["output"] = str(self.output(party))
        config = TrainConfig.from_dict(values)
        domains = configs_of({party: self.domains[party]})
        return TrainConfig(config.model, domains, config.output, federation=config.federation)

    def train(self, party: str, resume: bool = False, **changes: Any) -> Run:
        found = Party.of(self.spark, self.config(party, **changes))
        data = to_spark(self.spark, {party: self.domains[party]})
        return train(self.spark, data, found.config, resume, federation=found)

    def train_all(self, parties: Sequence[str] = (), **changes: Any) -> dict[str, Run]:
        names = list(parties or self.domains)
        calls = [partial(self.train, name, **changes) for name in names]
        return dict(zip(names, at_once(calls), strict=True))


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Results of calls that run side by side; the first error of any is raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]
