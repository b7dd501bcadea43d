"""The audit of a fitted model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cdimf_spark.errors import ConfigurationError, DataError
from cdimf_spark.local.estimator import LocalCDIMF
from cdimf_spark.local.model import LocalCDIMFModel
from cdimf_spark.reports.audit_plot import audit_figure
from cdimf_spark.reports.audit_report import verdict


def shop(rng: np.random.Generator, name: str, users: range, taste: bool) -> pd.DataFrame:
    """Users of one of two tastes (by their number, or by chance), items of two kinds."""
    rows = []
    for user in users:
        kind = user % 2 if taste else int(rng.integers(2))
        items = rng.choice(30, 8, replace=False) + 30 * kind
        rows += [(f"u{user}", f"{name}{item}") for item in items]
    return pd.DataFrame(rows, columns=["user_id", "item_id"])


@pytest.fixture(scope="module")
def model() -> LocalCDIMFModel:
    """Sport has tastes that cloth knows nothing of."""
    rng = np.random.default_rng(0)
    shops = {
        "sport": shop(rng, "s", range(400), taste=True),
        "cloth": shop(rng, "c", range(100, 500), taste=False),
        "books": shop(rng, "b", range(380, 700), taste=True),
    }
    return LocalCDIMF(rank=8, max_iter=4).fit(shops, verbose=False)


def test_the_exchange_tells_what_the_reader_could_not_know(model: LocalCDIMFModel) -> None:
    found = model.audit("sport", known=(0.1, 0.4), held_out=120)
    assert (found["reader"], found["shared_users"], found["held_out_users"]) == ("cloth", 300, 120)
    aucs = {(one["features"], one["known"]): one for one in found["attacks"]}
    assert set(aucs) == {(name, share) for name in ("own", "E", "z") for share in (0.1, 0.4)}
    for share in (0.1, 0.4):
        assert aucs["E", share]["auc_low"] > 0.6
        assert aucs["E", share]["auc_low"] > aucs["own", share]["auc_high"]
    assert found.to_dict() == model.audit("sport", known=(0.1, 0.4), held_out=120).to_dict()


def test_the_defaults_hold_on_little_data(model: LocalCDIMFModel) -> None:
    """Of 300 users 1 % are too few to learn from, which was an error."""
    found = model.audit("sport")
    assert sorted({one["known"] for one in found["attacks"]}) == [0.1, 0.5]
    assert found["held_out_users"] == 150


def test_it_prints_a_verdict_and_tables(model: LocalCDIMFModel) -> None:
    found = model.audit("sport", "cloth", known=(0.2,), held_out=100)
    text = str(found)
    assert text.startswith(verdict(found))
    assert "cloth reads rows of 300 users of sport" in text
    assert "the reader's own data alone" in text
    assert len(found.to_pandas()) == 3
    figure = audit_figure(found)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert "X + U as exchanged last" in [line.get_text() for line in legend.get_texts()]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ({"domain": "sprot"}, ConfigurationError, "did you mean 'sport'"),
        ({"reader": "boks"}, ConfigurationError, "did you mean 'books'"),
        ({"reader": "books"}, DataError, "have 20 users in common, too few"),
        ({"known": (2.0,)}, ConfigurationError, "'known' is 2.0"),
        ({"known": "0.1"}, ConfigurationError, "'known' is '0.1'"),
        ({"known": ()}, ConfigurationError, "between 0 and 1"),
        ({"held_out": 0}, ConfigurationError, "'held_out' is 0"),
        ({"seed": "x"}, ConfigurationError, "'seed' is 'x'"),
        ({"known": 0.01}, DataError, "known 0.01 of 300 shared users are 3"),
        ({"known": (0.01,)}, DataError, "known 0.01 of 300 shared users are 3"),
        ({"known": (0.9,)}, DataError, "are 270: it must be between 20 and 150"),
    ],
)
def test_what_cannot_be_audited(
    model: LocalCDIMFModel,
    call: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        model.audit(**{"domain": "sport", **call})  # type: ignore[arg-type]


def test_a_domain_alone_has_nothing_to_audit() -> None:
    rng = np.random.default_rng(0)
    alone = LocalCDIMF(rank=4, max_iter=1).fit({"sport": shop(rng, "s", range(30), True)})
    with pytest.raises(DataError, match="shares no users: nothing of them leaves it"):
        alone.audit("sport")
