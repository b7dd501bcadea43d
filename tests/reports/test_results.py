"""Results: read like their JSON, printed as tables, drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdimf_spark.errors import ConfigurationError, MissingPackageError
from cdimf_spark.reports import figures
from cdimf_spark.reports.results import Comparison, Evaluation, History, Overlap, Result
from tests.support.measures import comparison, evaluation, history

USERS = {("sport",): 70, ("cloth",): 40, ("cloth", "sport"): 1230}
RESULTS = {
    "evaluation": Evaluation(evaluation("cloth", "sport")),
    "comparison": Comparison(comparison("cloth", "sport")),
    "history": History(history(3)),
    "overlap": Overlap(USERS),
}


@pytest.fixture(params=RESULTS)
def result(request: pytest.FixtureRequest) -> Result:
    return RESULTS[request.param]


def test_a_result_is_its_json(result: Result) -> None:
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
    assert dict(result) == result.to_dict()
    assert len(result) == len(list(result))


def test_a_result_shows_as_its_table(result: Result) -> None:
    assert repr(result) == str(result)
    assert "Result object" not in str(result)
    frame = result.to_pandas()
    assert len(frame)
    html = result._repr_html_()
    assert html.startswith("<table")
    for column in frame.columns:
        assert f"<th>{column}</th>" in html


def test_a_result_is_drawn(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    result.plot().savefig(path)  # type: ignore[attr-defined]
    assert path.read_bytes().startswith(b"\x89PNG")


def test_an_evaluation_as_a_table() -> None:
    frame = Evaluation(evaluation("cloth", "sport")).to_pandas()
    # Domains, all rows and four groups, lengths, metrics.
    assert len(frame) == 2 * 5 * 2 * 5
    one = frame.query("domain == 'sport' and group == 'history: 5-9' and k == 20")
    row = one.set_index("metric").loc["recall"]
    assert (row["mean"], row["n_users"], row["n_test"]) == (0.25, 1, 2)
    assert one["low"].isna().all()


def test_a_comparison_as_a_table() -> None:
    frame = Comparison(comparison("sport")).to_pandas()
    assert list(frame.columns[:3]) == ["domain", "baseline", "group"]
    assert set(frame["baseline"]) == {"separate"}
    assert frame["mean"].eq(0.01).all()


def test_a_comparison_with_nothing_to_compare_is_an_empty_table() -> None:
    found = comparison("sport")
    found["domains"]["sport"]["differences"] = {}
    assert Comparison(found).to_pandas().empty


def test_a_history_as_a_table() -> None:
    frame = History(history(3)).to_pandas()
    assert list(frame["iteration"]) == [1, 2, 3]
    assert list(frame["loss"]) == [12.0, 6.0, 4.0]
    assert "domains" not in frame


def test_a_history_of_nothing_has_its_columns() -> None:
    assert list(History([]).to_pandas().columns) == ["iteration", "seconds"]
    assert str(History([])) == "no iteration"


def test_a_history_without_shared_users_has_no_residuals_to_draw() -> None:
    assert len(History(history(2, shared=False)).plot().axes) == 1
    assert len(History(history(2)).plot().axes) == 2


def test_an_overlap_begins_with_the_largest_group() -> None:
    frame = Overlap(USERS).to_pandas()
    assert list(frame["domains"]) == ["cloth + sport", "sport", "cloth"]
    assert list(frame["users"]) == [1230, 70, 40]
    assert "1,230" in str(Overlap(USERS))


@pytest.mark.parametrize(
    ("metric", "k", "words"),
    [("hrr", None, "one of hr, ndcg"), ("hr", 30, "one of 10, 20")],
)
def test_what_was_not_evaluated_cannot_be_drawn(metric: str, k: int | None, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Evaluation(evaluation("sport")).plot(metric, k)


def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install matplotlib"):
        History(history(2)).plot()
