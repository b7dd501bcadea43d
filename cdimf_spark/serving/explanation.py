"""Why an item has its score: the answer of `ServingModel.explain`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdimf_spark.kernel.explanation import score_parts
from cdimf_spark.kernel.ranking.scoring import pair_scores
from cdimf_spark.serving.exported_domain import ExportedDomain
from cdimf_spark.serving.fold_in import Cells, Pull

# Contributions that a printed explanation shows.
_SHOWN = 10


class Contribution(NamedTuple):
    """What one of the user's items adds to a score: its id, its weight, and the number."""

    item_id: str
    weight: float
    contribution: float


class Explanation(NamedTuple):
    """A score and its parts: ``score = own + consensus + prior + remainder``.

    Attributes
    ----------
    domain, user_id, item_id : str
        Whose score of what.
    score : float
        Dot product of the item's row with the row that scores the user (`source`).
    own : float
        Sum of the contributions: what the user's interactions in this domain give.
    consensus : float
        What the pull to the other domains gives: ``rho y' W^-1 (z - u)``; 0 for a user without.
    prior : float
        What being drawn to the domain's mean row gives (option user_prior; 0 without).
    remainder : float
        What the row that scores the user differs from the solution x of their row equation:
        ``y' (row - x)``. 0 for a row that was folded in just now. Else it shows how far a training
        is from its end (a shared user is scored by z, and at the end x = z), or that the
        interactions are not those of the training.
    source : str
        The row behind the score: ``own`` (the published one of the domain) or ``folded``.
    pull : str
        Where the consensus part comes from: ``shared``, ``foreign`` or ``none``.
    contributions : tuple of Contribution
        Largest first.
    unknown : tuple of str
        Items of the user that the model does not have, left out.
    """

    domain: str
    user_id: str
    item_id: str
    score: float
    own: float
    consensus: float
    prior: float
    remainder: float
    source: str
    pull: str
    contributions: tuple[Contribution, ...]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        """The parts as lines, and the largest contributions."""
        head = f"score of {self.item_id!r} for {self.user_id!r} in {self.domain}"
        named = [
            (head, self.score),
            ("  their own interactions", self.own),
            *((f"    {c.item_id}, weight {c.weight:g}", c.contribution) for c in self._largest()),
            (f"  other domains ({self.pull})", self.consensus),
            ("  mean row of the domain", self.prior),
            ("  not explained", self.remainder),
        ]
        width = max(len(name) for name, _ in named)
        return "\n".join(f"{name:<{width}}  {part:9.4f}" for name, part in named)

    def __repr__(self) -> str:
        """The same: what a console shows."""
        return str(self)

    def _largest(self) -> tuple[Contribution, ...]:
        return self.contributions[:_SHOWN]


def explain_score(
    tables: ExportedDomain,
    user_id: str,
    item_id: str,
    cells: Cells,
    pull: Pull,
    row: NDArray[np.float32] | None,
) -> Explanation:
    """Take the score of an item against a row apart; without one, against the solution x.

    Raises
    ------
    DataError
        If the domain has no such item.
    """
    rules, target = tables.manifest.rules, tables.items.factors[tables.item_positions([item_id])]
    rho = 0.0 if pull.source == "none" else rules.rho
    ridge = float(rules.users.ridge(np.array([len(cells.ids)]))[0])
    prior = np.zeros_like(pull.target) if tables.user_prior is None else tables.user_prior
    found = score_parts(
        target,
        tables.items.factors[cells.positions],
        cells.weights,
        tables.item_gram,
        rules.users.unobserved_weight,
        ridge + rho,
        np.stack([rho * pull.target.astype(np.float64), ridge * prior.astype(np.float64)]),
    )
    own, (consensus, mean) = float(found.contributions.sum()), found.pulls[0].tolist()
    solved = own + consensus + mean
    score = solved if row is None else float(pair_scores(row, target, np.float64)[0])
    numbers = zip(cells.ids, cells.weights.tolist(), found.contributions[0].tolist(), strict=True)
    listed = sorted((Contribution(*one) for one in numbers), key=lambda c: (-c[2], c[0]))
    return Explanation(
        domain=tables.name,
        user_id=user_id,
        item_id=item_id,
        score=score,
        own=own,
        consensus=consensus,
        prior=mean,
        remainder=score - solved,
        source="folded" if row is None else "own",
        pull=pull.source,
        contributions=tuple(listed),
        unknown=cells.unknown,
    )
