"""Models of everybody's interactions, whose factors go back to the domains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cdimf_spark.distributed.baselines.mllib import ALPHA, REG_PARAM, mllib_als
from cdimf_spark.distributed.baselines.pooled import pooled_als
from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.model import CDIMFModel
from cdimf_spark.distributed.published import PublishedModel
from cdimf_spark.distributed.scoring.scoring_tables import ScoringTables
from cdimf_spark.kernel.initialization import id_keys
from tests.support.helpers import Domains, assert_factors_close
from tests.support.served_model import training_cells
from tests.support.training_in_memory import train_on_one_machine


def rows_by_key(
    tables: ScoringTables, side: str, domains: Domains
) -> dict[tuple[str, str], np.ndarray]:
    """Factor rows by domain and id."""
    frame = tables.users if side == "user" else tables.items
    rows = frame.where("kind IN ('keys', 'factors')").toArrow()
    found = {}
    for name, data in domains.items():
        ids = {int(id_keys([one])[0]): one for one in data[f"{side}_id"].astype(str).unique()}
        for block in range(tables.layout.items.num_blocks):
            where = {"domain": name, "block": block}
            factors = decode_matrix(rows, "factors", tables.rank, **where)
            for key, row in zip(decode(rows, "keys", **where), factors, strict=True):
                found[name, ids.pop(int(key))] = row
        assert not ids
    return found


@pytest.mark.slow
def test_pooled_als_equals_one_training_of_everything(
    spark: SparkSession, model: CDIMFModel, domains: Domains
) -> None:
    pooled = pd.concat(
        frame.assign(item_id=f"{name} " + frame["item_id"].astype(str))
        for name, frame in domains.items()
    )
    options = replace(
        model.config.model,
        rho=0.0,
        schedule="consensus",
        shared_user_weight=1.0,
        max_iter=len(model.history["iterations"]),
    )
    expected, _ = train_on_one_machine({"pooled": pooled}, options)
    tables = pooled_als(PublishedModel(spark, model.path))
    for side in ("user", "item"):
        found = rows_by_key(tables, side, domains)
        wanted = {
            (name, one): expected[side]["pooled", f"{name} {one}" if side == "item" else one]
            for name, one in found
        }
        assert_factors_close(found, wanted)
        assert np.abs(np.stack(list(found.values()))).max() > 0.01


@pytest.mark.slow
def test_users_of_mllib_solve_its_equation(
    spark: SparkSession, model: CDIMFModel, domains: Domains
) -> None:
    """Hu, Koren and Volinsky (2008), with the ridge times the number of interactions."""
    tables = mllib_als(PublishedModel(spark, model.path))
    users, items = (rows_by_key(tables, side, domains) for side in ("user", "item"))
    source = np.stack([row.astype(float) for row in items.values()])
    gram, cells = source.T @ source, training_cells_of_all(domains)
    expected = {}
    for (name, user), row in users.items():
        rows = np.stack([items[one].astype(float) for one in cells[user]])
        weights = ALPHA * np.array(list(cells[user].values()))
        lhs = gram + (rows.T * weights) @ rows + REG_PARAM * len(rows) * np.eye(len(row))
        expected[name, user] = np.linalg.solve(lhs, (1 + weights) @ rows)
    assert_factors_close(users, expected, rtol=1e-3, atol=1e-4)


def training_cells_of_all(domains: Domains) -> dict[str, dict[tuple[str, str], float]]:
    """Weights by user, and by domain and item."""
    cells: dict[str, dict[tuple[str, str], float]] = {}
    for name, frame in domains.items():
        for user, own in training_cells(frame, "user_id", "item_id").items():
            cells.setdefault(user, {}).update({(name, i): w for i, w in own.items()})
    return cells
