"""Joined ALS is one training of everybody's interactions, whose factors go back to the domains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cdimf_spark.distributed.blocks.block_rows import decode, decode_matrix
from cdimf_spark.distributed.scoring.model import CDIMFModel
from cdimf_spark.distributed.scoring.pooled import pooled_als
from cdimf_spark.kernel.initialization import id_keys
from tests.distributed.training_in_memory import train_on_one_machine
from tests.helpers import Domains, assert_factors_close


def test_pooled_als_equals_one_training_of_everything(model: CDIMFModel, domains: Domains) -> None:
    pooled = pd.concat(
        frame.assign(item_id=f"{name} " + frame["item_id"].astype(str))
        for name, frame in domains.items()
    )
    options = replace(
        model.config.model,
        rho=0.0,
        schedule="consensus",
        shared_user_weight=1.0,
        max_iter=len(model.run.iterations),
    )
    expected, _ = train_on_one_machine({"pooled": pooled}, options)
    tables = pooled_als(model).tables
    for side, frame in (("user", tables.users), ("item", tables.items)):
        rows = frame.where("kind IN ('keys', 'factors')").toArrow()
        found, wanted = {}, {}
        for name, data in domains.items():
            for block in range(tables.layout.items.num_blocks):
                where = {"domain": name, "block": block}
                factors = decode_matrix(rows, "factors", model.rank, **where)
                for key, row in zip(decode(rows, "keys", **where), factors, strict=True):
                    found[name, int(key)] = row
            for one in data[f"{side}_id"].astype(str).unique():
                known_as = f"{name} {one}" if side == "item" else one
                key = int(id_keys([one])[0])
                wanted[name, key] = expected[side]["pooled", known_as]
        assert len(found) == len(wanted)
        assert_factors_close(found, wanted)
        assert np.abs(np.stack(list(found.values()))).max() > 0.01
