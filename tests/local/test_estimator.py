"""What a model is fitted from, and what comes of its options."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import coo_array, csr_array

from cdimf_spark.errors import ConfigurationError, DataError, NumericalError
from cdimf_spark.local.estimator import LocalCDIMF
from cdimf_spark.local.model import LocalCDIMFModel
from tests.support.helpers import Domains, assert_factors_close
from tests.support.training_in_memory import repeat_some, some_domains

SMALL: dict[str, Any] = {"rank": 5, "max_iter": 3, "init_scale": 1.0}


@pytest.fixture(scope="module")
def domains() -> Domains:
    return repeat_some(some_domains(seed=9, names=("books", "films"), n_users=30))


@pytest.fixture(scope="module")
def model(domains: Domains) -> LocalCDIMFModel:
    return LocalCDIMF(**SMALL).fit(domains)


def rows_of(model: LocalCDIMFModel) -> dict[Any, np.ndarray]:
    rows: dict[Any, np.ndarray] = {}
    for name in model.domains:
        for side in (model.user_factors(name), model.item_factors(name)):
            keys = [(name, side.index.name, one) for one in side.index]
            rows |= dict(zip(keys, side.to_numpy(np.float32), strict=True))
    return rows


def as_matrix(frame: pd.DataFrame) -> tuple[Any, ...]:
    users, user_ids = pd.factorize(frame["user_id"])
    items, item_ids = pd.factorize(frame["item_id"])
    cells = coo_array((frame["weight"], (users, items)), (len(user_ids), len(item_ids)))
    return list(user_ids), item_ids, csr_array(cells)


def test_the_same_model_from_pandas_arrow_and_scipy(
    domains: Domains, model: LocalCDIMFModel
) -> None:
    named = [frame.assign(domain=name) for name, frame in domains.items()]
    one = pd.concat(named).sample(frac=1.0, random_state=1)
    table = pa.Table.from_pandas(one, preserve_index=False)
    forms = [
        {name: pa.Table.from_pandas(frame) for name, frame in domains.items()},
        {name: as_matrix(frame) for name, frame in domains.items()},
        {n: f.astype({"user_id": "category"}) for n, f in domains.items()},
        one,
        table,
    ]
    for form in forms:
        assert_factors_close(rows_of(LocalCDIMF(**SMALL).fit(form)), rows_of(model), 1e-5, 1e-6)


def test_integers_are_their_decimal_texts(domains: Domains) -> None:
    numbers = {
        name: frame.assign(**{c: frame[c].str[1:].astype(int) for c in ("user_id", "item_id")})
        for name, frame in domains.items()
    }
    text = {"user_id": str, "item_id": str}
    texts = {name: frame.astype(text) for name, frame in numbers.items()}
    gaps = {name: frame.astype({"user_id": float}) for name, frame in numbers.items()}
    expected = rows_of(LocalCDIMF(**SMALL).fit(texts))
    for form in (numbers, gaps):
        assert_factors_close(rows_of(LocalCDIMF(**SMALL).fit(form)), expected, 0, 0)


def test_options_of_a_domain(domains: Domains, model: LocalCDIMFModel) -> None:
    renamed = {**domains, "books": domains["books"].rename(columns={"user_id": "who"})}
    columns = ["who", "item_id", "weight"]
    found = LocalCDIMF(**SMALL).fit(renamed, {"books": {"columns": columns}})
    assert_factors_close(rows_of(found), rows_of(model), 0, 0)
    apart = LocalCDIMF(**SMALL).fit(domains, {"books": {"rho": 0.0}})
    assert len(apart.serving.shared) == 0
    alone = LocalCDIMF(**SMALL).fit({"books": domains["books"]})
    rows = {key: row for key, row in rows_of(apart).items() if key[0] == "books"}
    assert_factors_close(rows, rows_of(alone), 0, 0)


def test_repeated_pairs_once(domains: Domains) -> None:
    ordered, pair = domains["books"].sort_values("weight"), ["user_id", "item_id"]
    first = ordered.drop_duplicates(pair, keep="last")
    once = LocalCDIMF(**SMALL, duplicates="once").fit({"books": domains["books"]})
    assert_factors_close(rows_of(once), rows_of(LocalCDIMF(**SMALL).fit({"books": first})), 0, 0)


def test_progress(domains: Domains, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []
    with caplog.at_level(logging.INFO):
        model = LocalCDIMF(**SMALL).fit(domains, on_iteration=seen.append)
    assert [row["iteration"] for row in seen] == [1, 2, 3]
    assert seen == model.history["iterations"]
    lines = [line for line in caplog.messages if line.startswith("iteration=")]
    assert [line.split()[0] for line in lines] == [f"iteration={n}/3" for n in (1, 2, 3)]


def test_tolerances_stop_a_training(domains: Domains) -> None:
    options = {**SMALL, "max_iter": 50}
    by_loss = LocalCDIMF(**options, loss_tol=1e-3).fit(domains).history["iterations"]
    by_residual = LocalCDIMF(**options, residual_tol=1e-2).fit(domains).history["iterations"]
    assert 1 < len(by_loss) < 50
    assert 1 < len(by_residual) < 50
    last = by_residual[-1]
    worst = max(last["primal_residual"], last["shared_change"]) / last["shared_norm"]
    assert worst <= 1e-2


def test_a_warm_start_begins_where_the_earlier_model_ended(
    domains: Domains, model: LocalCDIMFModel
) -> None:
    again = LocalCDIMF(**{**SMALL, "max_iter": 1}).fit(domains, warm_start=model)
    cold = LocalCDIMF(**{**SMALL, "max_iter": 1}).fit(domains)
    first, reached = again.history["iterations"][0]["loss"], model.history["iterations"][-1]["loss"]
    assert abs(first - reached) < 0.5 * abs(cold.history["iterations"][0]["loss"] - reached)
    with pytest.raises(ConfigurationError, match="has rank 5"):
        LocalCDIMF(rank=4).fit(domains, warm_start=model)
    with pytest.raises(ConfigurationError, match="schedule paper starts"):
        LocalCDIMF(rank=5, schedule="paper").fit(domains, warm_start=model)
    with pytest.raises(ConfigurationError, match="has the domains books, films, and none of toys"):
        LocalCDIMF(**SMALL).fit({"toys": domains["books"]}, warm_start=model)


def test_errors_of_fit(domains: Domains) -> None:
    frame = domains["books"]
    with pytest.raises(ConfigurationError, match=r"unknown option 'rnk'.*did you mean 'rank'"):
        LocalCDIMF(rnk=3)
    with pytest.raises(ConfigurationError, match=r"fit\(\) wants .*present: user_id, item"):
        LocalCDIMF().fit(frame)
    with pytest.raises(ConfigurationError, match=r"'book'.*did you mean 'books'"):
        LocalCDIMF().fit(domains, {"book": {}})
    with pytest.raises(
        ConfigurationError, match=r"'books\.ro' in domain_options: did you mean 'books\.rho'"
    ):
        LocalCDIMF().fit(domains, {"books": {"ro": 1}})
    with pytest.raises(ConfigurationError, match="not in case only"):
        LocalCDIMF().fit({"books": frame, "Books": frame})
    with pytest.raises(DataError, match="at least one domain"):
        LocalCDIMF().fit({})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_beyond_all_numbers(domains: Domains) -> None:
    extreme = pd.concat([domains["books"].assign(weight=3e38)] * 2)
    with pytest.raises(NumericalError, match="Check the weights of the data"):
        LocalCDIMF(**SMALL).fit({"books": extreme})


def test_domains_without_a_common_user_are_worth_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ids of different spelling trained in silence, each domain for itself."""
    frames = {
        name: pd.DataFrame({"user_id": [f"{name}-{n}" for n in range(4)], "item_id": list("abca")})
        for name in ("books", "films")
    }
    LocalCDIMF(rank=2, max_iter=1).fit(frames)
    assert "in common with another one, which share nothing: books, films" in caplog.text
    caplog.clear()
    LocalCDIMF(rank=2, max_iter=1, rho=0.0).fit(frames)
    LocalCDIMF(rank=2, max_iter=1).fit({name: frames["books"] for name in frames})
    assert "in common" not in caplog.text
