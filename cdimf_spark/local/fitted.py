"""A training's result as the tables that `ServingModel` serves, in memory."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.local.input.domain_data import DomainData, KeyedIds
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.manifest import DomainManifest, Manifest
from cdimf_spark.serving.row_files import Rows
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.serving.serving_model import ServingModel
from cdimf_spark.solver.local import LocalModel

Matrix = NDArray[np.float32]


def serve(trained: LocalModel, data: Mapping[str, DomainData], model: ModelConfig) -> ServingModel:
    """Tables of all domains."""
    weight = model.shared_user_weight
    entries = {name: DomainManifest(trained.rules[name], weight) for name in data}
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    domains = {name: _tables(name, data[name], trained, entries[name]) for name in data}
    shared = trained.shared_factors
    rows = np.array(list(shared.values()), np.float32).reshape(-1, model.rank)
    table = RowTable.of(Rows.of(list(shared), rows))
    return ServingModel(Manifest(model.rank, run_id, entries), domains, table)


def _tables(
    name: str, data: DomainData, trained: LocalModel, entry: DomainManifest
) -> ExportedDomain:
    counts = np.bincount(data.cells.indices, minlength=len(data.items.ids))
    is_shared = trained.shared[name]
    ids = [data.users.ids[i] for i in np.flatnonzero(is_shared)]
    sharing = KeyedIds(data.users.keys[is_shared], ids)
    return ExportedDomain(
        name,
        entry,
        _table(data.items, trained.item_factors[name], counts),
        _table(data.users, trained.user_factors[name], is_shared, entry.shared_user_weight),
        _table(sharing, trained.exchanged[name], np.zeros(len(ids))),
    )


def _table(
    ids: KeyedIds, factors: Matrix, marks: NDArray[np.generic], marked_weight: float = 1.0
) -> RowTable:
    texts = [one.encode("utf-8") for one in ids.ids]
    rows = Rows(
        ids.keys,
        factors,
        np.frombuffer(b"".join(texts), np.uint8),
        np.array([len(text) for text in texts], np.int64),
        marks.astype(np.int64),
    )
    return RowTable.of(rows, marked_weight)
