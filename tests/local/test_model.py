"""A model in memory: saved, opened, and asked for what it cannot answer."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

from cdimf_spark.errors import ConfigurationError, DataError, ValueOutOfRangeError
from cdimf_spark.local.estimator import LocalCDIMF
from cdimf_spark.local.model import LocalCDIMFModel
from cdimf_spark.local.saving import TRAINING
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.helpers import Domains
from tests.support.training_in_memory import some_domains


@pytest.fixture(scope="module")
def domains() -> Domains:
    return some_domains(seed=4, names=("books", "films"), n_users=30)


@pytest.fixture(scope="module")
def model(domains: Domains) -> LocalCDIMFModel:
    return LocalCDIMF(rank=4, max_iter=2, init_scale=1.0, num_blocks=3).fit(domains)


def test_saved_and_opened(domains: Domains, model: LocalCDIMFModel, tmp_path: Path) -> None:
    path = model.save(tmp_path / "shops")
    opened = LocalCDIMFModel.open(path)
    assert opened.history == model.history
    assert opened.evaluate(domains, k=3, negatives=5) == model.evaluate(domains, k=3, negatives=5)
    user = domains["books"]["user_id"].iloc[0]
    assert opened.explain("books", user, "i0") == model.explain("books", user, "i0")
    people = {*domains["books"]["user_id"], *domains["films"]["user_id"]}
    everybody = [*sorted(people), "nobody"]
    for name in model.domains:
        for users in (None, everybody):
            expected = model.recommend(name, users, k=4)
            pd.testing.assert_frame_equal(opened.recommend(name, users, k=4), expected)
    served = ServingModel.open(path)
    lists = model.recommend("films", everybody, k=4).groupby("user_id")
    for user in everybody[:-1]:
        seen = domains["films"].query("user_id == @user")["item_id"]
        expected = lists.get_group(user)[["item_id", "score", "source"]]
        found = pd.DataFrame(served.recommend("films", user, k=4, exclude=list(seen)))
        assert found["item_id"].tolist() == expected["item_id"].tolist()
        assert found["source"].tolist() == expected["source"].tolist()


def test_saved_without_who_bought_what(model: LocalCDIMFModel, tmp_path: Path) -> None:
    path = model.save(tmp_path / "export", interactions=False)
    assert not [
        file for file in path.rglob("*") if "interactions" in file.name and "items" not in file.name
    ]
    assert not (path / TRAINING).exists()
    opened = LocalCDIMFModel.open(path)
    assert len(opened.recommend("books", k=2, keep_seen=True)) > 0
    with pytest.raises(DataError, match="has no interactions of the training"):
        opened.recommend("books", k=2)


def test_nothing_is_overwritten_by_mistake(model: LocalCDIMFModel, tmp_path: Path) -> None:
    path = model.save(tmp_path / "shops")
    with pytest.raises(ConfigurationError, match="exists"):
        model.save(path)
    model.save(path, overwrite=True)
    with pytest.raises(ConfigurationError, match="the model"):
        LocalCDIMFModel.open(path).save(path, overwrite=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigurationError):
        model.save(tmp_path / "mine", overwrite=True)


def test_a_damaged_training_is_named(model: LocalCDIMFModel, tmp_path: Path) -> None:
    path = model.save(tmp_path / "shops")
    (path / TRAINING).write_text("{}")
    with pytest.raises(DataError, match=r"training\.json.*damaged"):
        LocalCDIMFModel.open(path)


def test_lists_come_in_the_order_asked_for(model: LocalCDIMFModel, domains: Domains) -> None:
    users = sorted(set(domains["books"]["user_id"]))[::-1][:6]
    frame = pd.DataFrame({"user_id": [*users, None, users[0]]})
    for asked in (users, frame):
        found = model.recommend("books", asked, k=2)
        assert list(dict.fromkeys(found["user_id"])) == users
        assert found.groupby("user_id")["score"].apply(lambda s: s.is_monotonic_decreasing).all()


def test_requests_that_cannot_be_answered(
    model: LocalCDIMFModel, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigurationError, match=r"no domain 'book': did you mean 'books'\?"):
        model.recommend("book")
    with pytest.raises(ConfigurationError, match="the list of users is the text 'u1'"):
        model.recommend("books", "u1")
    with pytest.raises(DataError, match="the list of users is empty"):
        model.recommend("books", [])
    with pytest.raises(DataError, match="users: no column 'user_id'; present: who"):
        model.recommend("books", pd.DataFrame({"who": ["u1"]}))
    with pytest.raises(ValueOutOfRangeError, match="from 1 to"):
        model.recommend("books", k=1000)
    with pytest.raises(DataError, match="list of items to allow: domain 'books' has none"):
        model.recommend("books", allow=["gone"])
    with pytest.raises(DataError, match="no item of domain 'books' is left"):
        model.recommend("books", allow=["i0"], deny=["i0"])
    with pytest.raises(DataError, match="has no interactions of user 'nobody'"):
        model.explain("books", "nobody", "i0")
    with pytest.raises(ConfigurationError, match="no domain 'toys'"):
        model.evaluate({"toys": pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"]})})
    with caplog.at_level(logging.WARNING):
        model.recommend("books", ["nobody", "u1"], k=3, allow=["i0", "i1", "gone"])
    assert any("does not have 1 of 3 items" in line for line in caplog.messages)
    assert any("1 user of 2 whom no domain knows" in line for line in caplog.messages)
    assert any("only 2 items left" in line for line in caplog.messages)


def test_the_output_of_a_training_on_spark_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "runs" / "_delta_log").mkdir(parents=True)
    with pytest.raises(DataError, match=r"a training on Spark: open it with CDIMFModel\.load"):
        LocalCDIMFModel.open(tmp_path)
