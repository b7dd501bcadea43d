"""A model as a folder: the export that `ServingModel` reads, and beside it what it was made of.

    training.json                               options, blocks of the items, history
    domains/NAME/interactions.indptr.npy        int64 (n_users + 1,)
    domains/NAME/interactions.columns.npy       int32 or int64 (n_interactions,): rows of items
    domains/NAME/interactions.weights.npy       float32 (n_interactions,)

Rows and columns are those of the tables ``users`` and ``items`` of the export (`row_files`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.errors import DataError
from cdimf_spark.local.scoring_data import Training
from cdimf_spark.results.folders import Order
from cdimf_spark.results.marker import Kind
from cdimf_spark.results.replacing import check_output, local_place, new_result
from cdimf_spark.serving.exported_domain import ITEM_MARK, USER_MARK, domain_folder
from cdimf_spark.serving.row_files import RowWriter
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.serving.serving_model import ServingModel
from cdimf_spark.solver.placement import Placement

TRAINING = "training.json"
_PARTS = ("indptr", "columns", "weights")


def save(
    serving: ServingModel, training: Training | None, path: str | Path, overwrite: bool
) -> Path:
    """Write a model to a new folder, which appears when it is complete.

    Parameters
    ----------
    training
        None: write the export alone.

    Raises
    ------
    ConfigurationError
        If there is something at the path that must not be replaced, or it is where the model is.
    """
    given, order = str(path), Order(Kind.ARRAYS, overwrite=overwrite)
    read = [] if serving.path is None else [("the model", local_place(str(serving.path), order))]
    target = check_output(local_place(given, order), order, read)
    with new_result(target, given, order) as folder:
        folder.mkdir()
        for name in serving.domains:
            _write_domain(serving, name, folder)
            if training is not None:
                _write_cells(training.cells[name], domain_folder(folder, name))
        _write_table(serving.shared, folder, "shared")
        if training is not None:
            text = json.dumps(_to_dict(training), indent=2) + "\n"
            (folder / TRAINING).write_text(text, encoding="utf-8")
        serving.manifest.write(folder)
    return target


def read_training(serving: ServingModel, path: str | Path) -> Training | None:
    """Training of a saved model; None where the folder has the export alone.

    Raises
    ------
    DataError
        If it is damaged.
    """
    file = Path(path) / TRAINING
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        heavy = {int(key): int(block) for key, block in content["heavy_items"]}
        cells = {name: _read_cells(serving, name, Path(path)) for name in serving.domains}
        placement = Placement(int(content["item_blocks"]), heavy)
        return Training(ModelConfig(**content["config"]), cells, placement, content["history"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{str(file)!r} and its interactions are damaged ({error!r})") from error


def _to_dict(training: Training) -> dict[str, Any]:
    return {
        "config": asdict(training.config),
        "item_blocks": training.items.num_blocks,
        "heavy_items": [[key, block] for key, block in training.items.heavy.items()],
        "history": list(training.history),
    }


def _write_domain(serving: ServingModel, name: str, folder: Path) -> None:
    tables, at = serving.domain(name), domain_folder(folder, name)
    at.mkdir(parents=True)
    _write_table(tables.items, at, "items", ITEM_MARK)
    weight = tables.manifest.shared_user_weight
    _write_table(tables.users, at, "users", USER_MARK, weight)
    _write_table(tables.exchanged, at, "exchanged")


def _write_table(
    table: RowTable, folder: Path, name: str, mark: str | None = None, marked_weight: float = 1.0
) -> None:
    rows = table.rows
    rank = rows.factors.shape[1]
    writer = RowWriter(folder, name, len(table), len(rows.ids), rank, mark, marked_weight)
    writer.append(rows)
    writer.close()


def _write_cells(cells: csr_array, folder: Path) -> None:
    for part, array in zip(_PARTS, (cells.indptr, cells.indices, cells.data), strict=True):
        np.save(folder / f"interactions.{part}.npy", array)


def _read_cells(serving: ServingModel, name: str, root: Path) -> csr_array:
    tables, folder = serving.domain(name), domain_folder(root, name)
    indptr, columns, weights = (
        np.load(folder / f"interactions.{part}.npy", allow_pickle=False) for part in _PARTS
    )
    shape = (len(tables.users), len(tables.items))
    return csr_array((weights, columns, indptr), shape)
