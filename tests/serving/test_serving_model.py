"""Lists of an exported model, the files behind it, and what happens when they are damaged."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdimf_spark.errors import ConfigurationError, DataError, ValueOutOfRangeError
from cdimf_spark.kernel.augmentation import augment_items
from cdimf_spark.kernel.initialization import id_keys
from cdimf_spark.serving.row_files import Rows, RowWriter
from cdimf_spark.serving.row_table import RowTable
from cdimf_spark.serving.serving_model import ServingModel
from tests.support.exports import RANK, Shops, random_shops, write_shops, write_table


def expected_list(shops: Shops, domain: str, row: np.ndarray, left_out: set[str]) -> list[str]:
    items = shops.shops[domain].items
    scores = {i: float(items[i].astype(float) @ row.astype(float)) for i in items}
    return sorted(set(scores) - left_out, key=lambda i: -scores[i])


@pytest.mark.parametrize(
    ("domain", "user", "source"),
    [("sport", "u20", "own"), ("sport", "u3", "own"), ("cloth", "u3", "foreign")],
)
def test_lists(shops: Shops, served: ServingModel, domain: str, user: str, source: str) -> None:
    other = {"own": domain, "foreign": "sport"}[source]
    left_out = {f"{domain[0]}ä{n}" for n in range(0, 40, 3)}
    found = served.recommend(domain, user, k=7, exclude=[*left_out, "gone"])
    row = shops.shops[other].users[user]
    assert [one.item_id for one in found] == expected_list(shops, domain, row, left_out)[:7]
    assert {one.source for one in found} == {source}
    assert found[0].score == pytest.approx(float(row @ shops.shops[domain].items[found[0].item_id]))


def test_user_known_by_the_consensus_only(shops: Shops, tmp_path: Path) -> None:
    some = random_shops()
    some.shared["traveller"] = np.ones(RANK, np.float32)
    served = ServingModel.open(write_shops(some, tmp_path))
    assert served.user_row("sport", "traveller").source == "shared"
    assert served.fold_in("sport", ["sä1"], user_id="traveller").pull == "shared"


def test_folded_rows_get_lists(shops: Shops, served: ServingModel) -> None:
    row = served.fold_in("sport", ["sä1", "sä2"])
    found = served.recommend_row("sport", row.factors, k=38, exclude=["sä1", "sä2"])
    expected = expected_list(shops, "sport", row.factors, {"sä1", "sä2"})
    assert [one.item_id for one in found] == expected
    assert found[0].source == "folded"
    # Fewer are left than asked for.
    assert len(served.recommend_row("sport", row.factors, k=40, exclude=["sä1"])) == 39


def test_errors_of_lists(served: ServingModel) -> None:
    with pytest.raises(DataError, match=r"no domain of the model .* knows user 'nobody'"):
        served.recommend("sport", "nobody")
    with pytest.raises(DataError, match="knows user 'u59'"):
        served.recommend("sport", "u59")  # Books alone knows them, in a space of its own.
    with pytest.raises(ValueOutOfRangeError, match="from 1 to 40"):
        served.recommend("sport", "u20", k=41)
    with pytest.raises(DataError, match="a row of 6 numbers"):
        served.recommend_row("sport", np.ones(5, np.float32))


def test_a_lone_text_is_no_list_of_items_to_leave_out(served: ServingModel) -> None:
    words = r"exclude is 'sä1', but .* not a text: \['sä1'\]"
    with pytest.raises(DataError, match=words):
        served.recommend("sport", "u20", exclude="sä1")
    with pytest.raises(DataError, match=words):
        served.recommend_row("sport", np.ones(RANK, np.float32), exclude="sä1")


@pytest.mark.parametrize("exclude", [None, 7, [7], ["sä1", None], b"x"])
def test_items_to_leave_out_are_ids(served: ServingModel, exclude: Any) -> None:
    with pytest.raises(DataError, match=r"exclude is|item id .* is not a text"):
        served.recommend("sport", "u20", exclude=exclude)


def test_unknown_items_to_leave_out_are_logged(
    served: ServingModel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "cdimf_spark"):
        served.recommend("sport", "u20", exclude=["sä1", "garden-107"])
        served.recommend("sport", "u20", exclude=["garden-107"])
        served.recommend("sport", "u20", exclude=["sä1"])
    assert [one.levelname for one in caplog.records] == ["INFO", "WARNING"]
    assert "has 1 of the 2 items to leave out; it does not have 'garden-107'" in caplog.messages[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (np.full(RANK, np.nan), r"6 of the 6 numbers are not finite, the first at \[0\] is nan"),
        ([1, 2, 3, 4, 5, 1e300], r"1 of the 6 .* at \[5\] is inf"),
        (["a"] * RANK, "a row of 6 numbers: cannot be read as such from list"),
        (None, r"its shape is \(\)"),
        (np.ones((1, RANK)), r"its shape is \(1, 6\)"),
    ],
)
def test_rows_are_finite_numbers(served: ServingModel, row: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        served.recommend_row("sport", row)


def test_a_folded_row_in_place_of_its_factors(served: ServingModel) -> None:
    row: Any = served.fold_in("sport", ["sä1"])
    with pytest.raises(DataError, match=r"from FoldedRow; .* give `\.factors`"):
        served.recommend_row("sport", row)


@pytest.mark.parametrize("rows", [np.ones(RANK), np.ones((2, 5)), np.full((2, RANK), np.inf), "x"])
def test_rows_for_an_index_are_finite_numbers(served: ServingModel, rows: Any) -> None:
    with pytest.raises(DataError, match=r"rows of 6 numbers|not finite"):
        served.user_vectors(rows)


@pytest.mark.parametrize("k", [0, -1, 41, 2.5, "5", None, True])
def test_lengths_out_of_range(served: ServingModel, k: Any) -> None:
    with pytest.raises(ValueOutOfRangeError, match=r"option 'k' is .* from 1 to 40"):
        served.recommend("sport", "u20", k=k)
    with pytest.raises(ValueOutOfRangeError, match=r"option 'k' is .* from 1 to 40"):
        served.recommend_row("sport", np.ones(RANK, np.float32), k=k)


@pytest.mark.parametrize("wrong", [7, None, ["u20"], b"u20"])
def test_ids_are_texts(served: ServingModel, wrong: Any) -> None:
    calls: list[tuple[Callable[..., object], tuple[Any, ...]]] = [
        (served.recommend, ("sport", wrong)),
        (served.user_row, ("sport", wrong)),
        (served.explain, ("sport", wrong, "sä1", ["sä1"])),
        (served.explain, ("sport", "u20", wrong, ["sä1"])),
    ]
    if wrong is not None:
        calls.append((served.fold_in, ("sport", ["sä1"], wrong)))
    for call, arguments in calls:
        with pytest.raises(DataError, match=r"(user|item) id .* is not a text"):
            call(*arguments)
    for call in (served.domain, served.item_vectors, served.prepare):
        with pytest.raises(ConfigurationError, match="the model has no domain"):
            call(wrong)


@pytest.mark.parametrize("wrong", ["sä1", 7, None, [7], [["sä1"]], {7: 1.0}])
def test_interactions_are_ids_or_weights_by_id(served: ServingModel, wrong: Any) -> None:
    with pytest.raises(DataError, match=r"interactions is|item id .* is not a text"):
        served.fold_in("sport", wrong)
    with pytest.raises(DataError, match=r"interactions is|item id .* is not a text"):
        served.explain("sport", "u20", "sä1", wrong)
    with pytest.raises(DataError, match=r"interactions is|user id .* is not a text"):
        served.fold_in_item("sport", wrong)


def test_a_pull_is_wanted_or_not(served: ServingModel) -> None:
    with pytest.raises(ValueOutOfRangeError, match="option 'pull' is 'no'"):
        served.fold_in("sport", ["sä1"], pull="no")  # type: ignore[arg-type]


def test_cosine_order_is_the_order_of_inner_products(shops: Shops, served: ServingModel) -> None:
    vectors = served.item_vectors("sport").astype(float)
    table = served.domain("sport").items
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, lengths.max(), rtol=1e-6)
    users = np.stack(list(shops.shops["sport"].users.values()))
    queries = served.user_vectors(users).astype(float)
    cosines = queries @ vectors.T / np.linalg.norm(queries, axis=1)[:, None] / lengths
    products = users.astype(float) @ table.factors.astype(float).T
    distances = ((queries[:, None] - vectors[None]) ** 2).sum(2)
    order = np.argsort(-products, axis=1)
    np.testing.assert_array_equal(np.argsort(-cosines, axis=1), order)
    np.testing.assert_array_equal(np.argsort(distances, axis=1), order)


def test_bound_below_a_row(served: ServingModel) -> None:
    with pytest.raises(ValueError, match="longer than the bound"):
        augment_items(np.ones((1, 4), np.float32), 1.9)


def test_arrays_are_mapped_and_in_the_order_of_keys(shops: Shops, served: ServingModel) -> None:
    table = served.domain("sport").items
    ids = [table.id_of(n) for n in range(len(table))]
    assert sorted(ids) == sorted(shops.shops["sport"].items)
    np.testing.assert_array_equal(table.keys, np.sort(id_keys(ids)))
    np.testing.assert_array_equal(table.factors, [shops.shops["sport"].items[i] for i in ids])
    assert [f"sä{n}" for n in table.marks] == ids
    assert isinstance(table.factors.base, np.memmap)
    assert not table.factors.flags.writeable


def test_equal_keys_of_different_ids_are_told_apart(tmp_path: Path) -> None:
    write_table(tmp_path, "t", {"a": np.ones(RANK, np.float32)})
    ids = np.lib.format.open_memmap(tmp_path / "t.ids.npy", "r+")
    ids[0] = ord("b")
    ids.flush()
    assert RowTable.open(tmp_path, "t").row_of("a") is None


def test_writer_refuses_what_was_not_announced(tmp_path: Path) -> None:
    rows = Rows.of(["a", "b"], np.ones((2, RANK), np.float32))
    with pytest.raises(DataError, match="the model changed"):
        RowWriter(tmp_path, "t", 1, 2, RANK).append(rows)
    writer = RowWriter(tmp_path, "t", 3, 3, RANK)
    writer.append(rows)
    with pytest.raises(DataError, match="the model changed"):
        writer.close()
    with pytest.raises(DataError, match="an id occurs twice"):
        RowWriter(tmp_path, "t", 2, 2, RANK).append(Rows.of(["a", "a"], rows.factors))
    with pytest.raises(DataError, match="not finite"):
        RowWriter(tmp_path, "t", 2, 2, RANK).append(Rows.of(["a", "b"], rows.factors * np.nan))


def test_damaged_exports(shops: Shops, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no exported model in .*nowhere"):
        ServingModel.open(tmp_path / "nowhere")
    path = write_shops(shops, tmp_path / "export")
    manifest = path / "model.json"
    content = json.loads(manifest.read_text())
    for changed, words in (
        ({"format": "other"}, "does not describe"),
        ({"version": 1}, "is of version 1"),
        ({"domains": {"sport": {}}}, "is damaged"),
    ):
        manifest.write_text(json.dumps(content | changed))
        with pytest.raises(DataError, match=words):
            ServingModel.open(path)
    manifest.write_text(json.dumps(content))
    (path / "domains" / "sport" / "items.factors.npy").unlink()
    with pytest.raises(DataError, match=r"export is damaged.*items\.factors\.npy"):
        ServingModel.open(path)
