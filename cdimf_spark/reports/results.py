"""What evaluations, comparisons and trainings return: numbers that print as tables.

A result is read like the JSON that the jobs write (``result["domains"]["sport"]["hr"]``), prints as
the tables that they print, shows as an HTML table in notebooks, and can be drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from cdimf_spark.reports.audit_plot import audit_figure
from cdimf_spark.reports.audit_report import audit_text
from cdimf_spark.reports.comparison_plot import comparison_figure
from cdimf_spark.reports.comparison_report import comparison_tables
from cdimf_spark.reports.evaluation_plot import METRICS, evaluation_figure
from cdimf_spark.reports.evaluation_report import evaluation_table
from cdimf_spark.reports.history_plot import history_figure
from cdimf_spark.reports.measures_report import groups_of, measures_tables
from cdimf_spark.reports.overlap_plot import overlap_figure
from cdimf_spark.reports.text_tables import text_table, training_summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Result(Mapping[str, Any]):
    """Named numbers in the layout of the JSON files.

    Parameters
    ----------
    values : mapping of str to object
        Ready for JSON.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        """A part of the result, by its name in the JSON file."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the parts."""
        return iter(self._values)

    def __len__(self) -> int:
        """Number of the parts."""
        return len(self._values)

    def __repr__(self) -> str:
        """The tables that it prints as: what a console or a notebook without HTML shows."""
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """The same as a dict, ready for ``json.dump``."""
        return dict(self._values)

    def to_pandas(self) -> pd.DataFrame:
        """The same as one table."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return str(self.to_pandas().to_html(index=False, float_format="{:.4f}".format))


class Evaluation(Result):
    """Ranking metrics of held-out items: see `evaluate` for its parts."""

    def __str__(self) -> str:
        """The tables that the job prints."""
        return f"{evaluation_table(self)}\n{measures_tables(self)}"

    def to_pandas(self) -> pd.DataFrame:
        """Means over users: domain, group, k, metric, mean, low, high, n_users, n_test.

        `low` and `high` are the ends of the 95 % interval, missing for a single user.
        """
        return _means(self["measures"])

    def plot(self, metric: str = "ndcg", k: int | None = None) -> Figure:
        """Draw a metric by domain and group with intervals; needs matplotlib.

        Parameters
        ----------
        metric : str
            hr, ndcg, map, precision or recall.
        k : int, optional
            Length of the list; by default the main one.
        """
        return evaluation_figure(self, metric, k)


class Comparison(Result):
    """A model beside its baselines on the same test rows: see `compare` for its parts."""

    def __str__(self) -> str:
        """The tables that the job prints."""
        return comparison_tables(self)

    def to_pandas(self) -> pd.DataFrame:
        """Differences to each baseline: as `Evaluation.to_pandas`, with a column baseline."""
        tables = [
            _means({domain: measures}).assign(baseline=baseline)
            for domain, found in self["domains"].items()
            for baseline, measures in found["differences"].items()
        ]
        columns = ["domain", "baseline", *_COLUMNS[1:]]
        if not tables:
            return pd.DataFrame([], columns=columns)
        return pd.concat(tables, ignore_index=True)[columns]

    def plot(self) -> Figure:
        """Draw the differences of NDCG by group with intervals; needs matplotlib."""
        return comparison_figure(self)


class History(Result):
    """Metrics of a training by iteration (``history["iterations"]``)."""

    def __init__(self, iterations: Sequence[Mapping[str, Any]]) -> None:
        super().__init__({"iterations": [dict(one) for one in iterations]})

    def __str__(self) -> str:
        """What the training job prints of it."""
        iterations = self["iterations"]
        return training_summary(iterations) if iterations else "no iteration"

    def to_pandas(self) -> pd.DataFrame:
        """A row for each iteration: iteration, seconds, loss and its parts, residuals."""
        rows = [{k: v for k, v in one.items() if k != "domains"} for one in self["iterations"]]
        first = ["iteration", "seconds"]
        names = dict.fromkeys([*first, *(name for row in rows for name in row)])
        return pd.DataFrame(rows, columns=list(names))

    def plot(self) -> Figure:
        """Draw losses and residuals; needs matplotlib."""
        return history_figure(self["iterations"])


class Overlap(Result):
    """Users by the domains that have them (``overlap["groups"]``)."""

    def __init__(self, users: Mapping[tuple[str, ...], int]) -> None:
        order = sorted(users.items(), key=lambda one: (-one[1], one[0]))
        super().__init__({"groups": [{"domains": list(g), "users": n} for g, n in order]})

    def __str__(self) -> str:
        """A table."""
        rows = [(" + ".join(one["domains"]), f"{one['users']:,}") for one in self["groups"]]
        return text_table(("domains", "users"), rows)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each subset of domains: domains, users."""
        rows = [(" + ".join(one["domains"]), one["users"]) for one in self["groups"]]
        return pd.DataFrame(rows, columns=["domains", "users"])

    def plot(self) -> Figure:
        """Draw a bar for each subset of domains; needs matplotlib."""
        return overlap_figure({tuple(one["domains"]): one["users"] for one in self["groups"]})


class Audit(Result):
    """What a reader of the exchange learns of a domain's users (``audit["attacks"]``)."""

    def __str__(self) -> str:
        """A verdict in words, and tables."""
        return audit_text(self)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each kind of rows and share of known histories."""
        return pd.DataFrame(self["attacks"])

    def plot(self) -> Figure:
        """Draw the AUC by known histories; needs matplotlib."""
        return audit_figure(self)


_COLUMNS = ["domain", "group", "k", "metric", "mean", "low", "high", "n_users", "n_test"]


def _means(measures: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Means of all domains and groups as one table."""
    rows = [
        (domain, group, int(k), metric, mean["mean"], mean["low"], mean["high"], *sizes)
        for domain, found in measures.items()
        for group, one in groups_of(found)
        for sizes in [(one["n_users"], one["n_test"])]
        for k, at in one["at"].items()
        for metric, mean in at.items()
        if metric in METRICS
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)
