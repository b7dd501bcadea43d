"""The parts of a score add up to it, and each is what the formula says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdimf_spark.errors import DataError
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.exports import RANK, Shops

ITEMS = st.dictionaries(st.integers(0, 39), st.floats(0.125, 20.0, width=32), min_size=1)


@given(chosen=ITEMS, item=st.integers(0, 39), user=st.sampled_from(["u3", "u20", "u40", "new"]))
@pytest.mark.parametrize("domain", ["sport", "cloth"])
def test_parts_add_up(
    shops: Shops,
    served: ServingModel,
    domain: str,
    chosen: dict[int, float],
    item: int,
    user: str,
) -> None:
    cells = {f"{domain[0]}ä{n}": weight for n, weight in chosen.items()}
    target = f"{domain[0]}ä{item}"
    found = served.explain(domain, user, target, cells)
    assert sum(c.contribution for c in found.contributions) == pytest.approx(found.own, abs=1e-12)
    total = found.own + found.consensus + found.prior + found.remainder
    assert total == pytest.approx(found.score, abs=1e-12)
    y = shops.shops[domain].items[target].astype(float)
    folded = served.fold_in(domain, cells, user_id=user).factors
    assert total - found.remainder == pytest.approx(float(y @ folded), abs=2e-5)
    assert {c.item_id: c.weight for c in found.contributions} == cells
    parts = [c.contribution for c in found.contributions]
    assert parts == sorted(parts, reverse=True)


def test_score_of_a_known_user_is_that_of_the_lists(shops: Shops, served: ServingModel) -> None:
    (first,) = served.recommend("sport", "u20", k=1)
    found = served.explain("sport", "u20", first.item_id, ["sä1", "sä2"])
    assert (found.score, found.source, found.pull) == (first.score, "own", "shared")


def test_contribution_is_weight_times_similarity(shops: Shops, served: ServingModel) -> None:
    """Hu et al., section 5: without a pull, the row is linear in the weights on the right."""
    shop, cells = shops.shops["books"], {"bä1": 2.0, "bä2": 1.0, "gone": 1.0}
    found = served.explain("books", "new", "bä9", cells)
    rule = shop.rules.users
    lhs = rule.unobserved_weight * shop.gram("items")
    lhs += rule.reg_param * (2 / rule.mean_count) ** rule.reg_exponent * np.eye(RANK)
    rows = {one: shop.items[one].astype(float) for one in ("bä1", "bä2", "bä9")}
    for one in ("bä1", "bä2"):
        lhs += cells[one] * np.outer(rows[one], rows[one])
    expected = {
        one: cells[one] * rows["bä9"] @ np.linalg.solve(lhs, rows[one]) for one in ("bä1", "bä2")
    }
    assert {c.item_id: c.contribution for c in found.contributions} == pytest.approx(expected)
    assert (found.consensus, found.remainder, found.source) == (0.0, 0.0, "folded")
    assert found.unknown == ("gone",)


def test_consensus_part_is_what_the_pull_moves(shops: Shops, served: ServingModel) -> None:
    shop, cells = shops.shops["sport"], {"sä1": 1.0, "sä5": 2.0}
    found = served.explain("sport", "u20", "sä9", cells)
    z = shops.shared["u20"].astype(float)
    target = 2 * z - shop.exchanged["u20"].astype(float)
    pulled = shop.solve("users", cells, shop.rules.rho, target)
    unmoved = shop.solve("users", cells, shop.rules.rho, 0.0)
    y = shop.items["sä9"].astype(float)
    assert found.consensus == pytest.approx(y @ (pulled - unmoved), rel=1e-5)
    assert found.remainder == pytest.approx(
        y @ (shop.users["u20"].astype(float) - pulled), rel=1e-4
    )


def test_prior_part_is_what_the_mean_row_moves(shops: Shops, served: ServingModel) -> None:
    shop, cells = shops.shops["cloth"], {"cä1": 1.0, "cä5": 2.0}
    found = served.explain("cloth", "nobody", "cä9", cells)
    unmoved = replace(shop, rules=replace(shop.rules, user_prior=0.0)).solve("users", cells)
    y = shop.items["cä9"].astype(float)
    expected = y @ (shop.solve("users", cells) - unmoved)
    assert abs(expected) > 1e-4
    assert found.prior == pytest.approx(expected, rel=1e-5)
    assert served.explain("sport", "u20", "sä9", ["sä1"]).prior == 0


def test_unknown_item(served: ServingModel) -> None:
    with pytest.raises(DataError, match="domain 'sport' has no item 'cä1'"):
        served.explain("sport", "u20", "cä1", ["sä1"])
    with pytest.raises(DataError, match="none of the 1 item ids"):
        served.explain("sport", "u20", "sä1", ["gone"])


def test_an_explanation_prints_its_parts(served: ServingModel) -> None:
    found = served.explain("sport", "u20", "sä3", {f"sä{n}": 1.0 + n for n in range(12)})
    lines = str(found).splitlines()
    assert lines[0].startswith("score of 'sä3' for 'u20' in sport")
    shown = [float(line.split()[-1]) for line in lines]
    assert shown[0] == pytest.approx(found.score, abs=1e-4)
    # The score, its four parts, and the ten largest contributions.
    assert len(lines) == 15
    assert shown[1] + sum(shown[-3:]) == pytest.approx(shown[0], abs=3e-4)
    assert shown[2:12] == [
        pytest.approx(c.contribution, abs=1e-4) for c in found.contributions[:10]
    ]
