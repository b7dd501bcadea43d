"""The embedded demonstration data: three shops with users in common, generated from a seed.

Every user has a mixture over a few tastes, the same in every domain that they visit. Users of
several domains know one of them well and the others hardly at all: what they do in the first says
what they will like in the others, and only learning across the domains can use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cdimf_spark.schemas import ITEM_ID, USER_ID, WEIGHT

DOMAINS = ("books", "films", "games")
_TITLES = ("The {} {}", "Beyond the {} {}", "Quest for the {} {}")
_TITLES_PER_NOUN = (10, 12, 8)
_ADJECTIVES = (
    "Silent", "Broken", "Golden", "Last", "Hidden", "Distant",
    "Crimson", "Forgotten", "Burning", "Frozen", "Second", "Endless",
)  # fmt: skip
_NOUNS_OF_TASTE = {
    "science fiction": ("Orbit", "Android", "Nebula", "Starship", "Signal", "Colony"),
    "romance": ("Heart", "Kiss", "Wedding", "Promise", "Letter", "Summer"),
    "history": ("Empire", "Treaty", "Cathedral", "Legion", "Dynasty", "Siege"),
    "crime": ("Witness", "Alibi", "Detective", "Verdict", "Heist", "Suspect"),
    "fantasy": ("Dragon", "Wizard", "Amulet", "Throne", "Prophecy", "Griffin"),
    "sport": ("Champion", "Stadium", "Marathon", "Penalty", "League", "Coach"),
    "horror": ("Cellar", "Ghost", "Scream", "Crypt", "Vampire", "Nightmare"),
    "nature": ("Forest", "Glacier", "Ocean", "Wolf", "Meadow", "Volcano"),
}
_FIRST_NAMES = (
    "anna", "boris", "clara", "david", "elena", "felix", "greta", "hugo", "irina", "jonas",
    "karla", "lukas", "maria", "nikolai", "olga", "pavel", "rosa", "simon", "tanja", "victor",
)  # fmt: skip
TASTES = tuple(_NOUNS_OF_TASTE)

_N_USERS = 3000
# Parts of the users in one, two and three domains.
_SHARE_BY_N_DOMAINS = (0.5, 0.25, 0.25)
# A history is a constant plus a geometric number with this mean: where the user is at home (long
# enough to teach the other domains something), and in the domains that they only visit.
_HOME_LENGTH = (2, 6.0)
_VISIT_LENGTH = (1, 1.3)
# Dirichlet parameter of the mixtures. Small: most users have one or two tastes.
_TASTE_CONCENTRATION = 0.08
# The item of popularity rank r = 1, 2, ... within its taste has weight (r + 2)^-1.2.
_POPULARITY_SHIFT, _POPULARITY_EXPONENT = 2.0, 1.2
# Part of the choices that follow popularity alone.
_TASTELESS_SHARE = 0.05
# Parts of the histories with one item held out, and of the visits wholly held out.
_HELD_OUT_HOME, _HELD_OUT_VISIT, _COLD_SHARE = 0.12, 0.8, 0.15


@dataclass(frozen=True)
class DemonstrationSet:
    """Demonstration data, split for an evaluation.

    Attributes
    ----------
    train
        For each domain a frame (user_id, item_id, weight); every weight is 1.
    test
        For each domain a frame (user_id, item_id). Most users have one item here, taken out of
        their history. Cold users have their whole history here: they are absent from `train` of
        this domain and present in that of another. Every item occurs in `train` of its domain.
    taste_of_user
        The main taste of each user, one of `TASTES`. An item id ends in its taste in brackets.
    """

    train: dict[str, pd.DataFrame]
    test: dict[str, pd.DataFrame]
    taste_of_user: dict[str, str]


class _Population(NamedTuple):
    """Users: `taste_mix` float64 (n_users, n_tastes), rows sum to 1; `user_ids` object (n_users,).

    `lengths` int64 (n_users, n_domains): interactions to draw, 0 where the user is absent;
    `home` int64 (n_users,): the domain with the long history.
    """

    user_ids: NDArray[np.object_]
    taste_mix: NDArray[np.float64]
    lengths: NDArray[np.int64]
    home: NDArray[np.int64]


class _Catalogue(NamedTuple):
    """Items of a domain: `item_ids` object (n_items,) and `item_tastes` int64 (n_items,)."""

    item_ids: NDArray[np.object_]
    item_tastes: NDArray[np.int64]


def demonstration_split(seed: int = 0) -> DemonstrationSet:
    """Generate the demonstration data.

    Parameters
    ----------
    seed
        The same seed gives the same data, down to the order of rows.

    Returns
    -------
    DemonstrationSet
        About 3,000 users, 1,400 items and 25,000 interactions in three domains.

    Raises
    ------
    ValueError
        If `seed` is negative.
    """
    rng = np.random.default_rng(seed)
    population = _draw_population(rng)
    parts = {domain: _draw_domain(population, d, rng) for d, domain in enumerate(DOMAINS)}
    train = {domain: part[0] for domain, part in parts.items()}
    test = {domain: part[1] for domain, part in parts.items()}
    main_taste = np.array(TASTES)[population.taste_mix.argmax(axis=1)]
    taste_of_user = dict(zip(population.user_ids.tolist(), main_taste.tolist(), strict=True))
    return DemonstrationSet(train, test, taste_of_user)


def _draw_population(rng: np.random.Generator) -> _Population:
    """Draw who visits which domains, how often, and with which tastes."""
    names = [f"{_FIRST_NAMES[u % len(_FIRST_NAMES)]}-{u:04d}" for u in range(_N_USERS)]
    taste_mix = rng.dirichlet(np.full(len(TASTES), _TASTE_CONCENTRATION), _N_USERS)
    n_domains = rng.choice([1, 2, 3], _N_USERS, p=_SHARE_BY_N_DOMAINS)
    # The domains of a user in random order: the first is their home.
    order = rng.random((_N_USERS, len(DOMAINS))).argsort(axis=1)
    place = order.argsort(axis=1)
    constant, mean = np.where(place[..., None] == 0, _HOME_LENGTH, _VISIT_LENGTH).T
    lengths = (constant + rng.geometric(1 / mean)).T.astype(np.int64)
    lengths[place >= n_domains[:, None]] = 0
    return _Population(np.array(names, object), taste_mix, lengths, order[:, 0])


def _build_catalogue(d: int) -> _Catalogue:
    """Name the items of domain `d`, taste by taste."""
    item_ids, item_tastes = [], []
    for t, (taste, nouns) in enumerate(_NOUNS_OF_TASTE.items()):
        for noun in nouns:
            for adjective in _ADJECTIVES[: _TITLES_PER_NOUN[d]]:
                item_ids.append(f"{_TITLES[d].format(adjective, noun)} ({taste})")
                item_tastes.append(t)
    return _Catalogue(np.array(item_ids, object), np.array(item_tastes, np.int64))


def _draw_domain(
    population: _Population, d: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the interactions of domain `d`; return its train and test frames."""
    catalogue = _build_catalogue(d)
    users, items = _draw_interactions(population, d, catalogue, rng)
    held_out = _draw_held_out(population, d, users, rng)
    # A test item that nobody has in train says nothing about a model: such rows are dropped.
    known = held_out & np.isin(items, items[~held_out])
    frame = pd.DataFrame(
        {USER_ID: population.user_ids[users], ITEM_ID: catalogue.item_ids[items], WEIGHT: 1.0}
    )
    train = frame[~held_out].reset_index(drop=True)
    return train, frame.loc[known, [USER_ID, ITEM_ID]].reset_index(drop=True)


def _draw_interactions(
    population: _Population, d: int, catalogue: _Catalogue, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw distinct items for each user of domain `d`.

    Returns
    -------
    users, items : int64 (n_interactions,)
        Row numbers, ordered by user.
    """
    preference = _draw_preference(population.taste_mix, catalogue.item_tastes, rng)
    # Gumbel noise on the logarithms: the n best are n draws without replacement.
    noisy = np.log(preference) + rng.gumbel(size=preference.shape)
    best = np.argsort(-noisy, axis=1)
    drawn = np.arange(best.shape[1]) < population.lengths[:, d, None]
    return np.nonzero(drawn)[0], best[drawn]


def _draw_preference(
    taste_mix: NDArray[np.float64], item_tastes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw popularities; return the preference for each item, float64 (n_users, n_items)."""
    popularity = np.empty(len(item_tastes))
    for t in range(len(TASTES)):
        members = np.nonzero(item_tastes == t)[0]
        rank = 1 + rng.permutation(len(members))
        weights = (rank + _POPULARITY_SHIFT) ** -_POPULARITY_EXPONENT
        popularity[members] = weights / weights.sum()
    by_taste = taste_mix[:, item_tastes] * popularity
    return (1 - _TASTELESS_SHARE) * by_taste + _TASTELESS_SHARE * popularity / len(TASTES)


def _draw_held_out(
    population: _Population, d: int, users: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw the test part of the interactions of domain `d`.

    Parameters
    ----------
    users : int64 (n_interactions,)
        User of each interaction, ascending.

    Returns
    -------
    bool (n_interactions,)
    """
    lengths = population.lengths[:, d]
    lot = rng.random(len(lengths))
    # Cold users have the low lots and the others the high ones, so that no user is both.
    visit = population.home != d
    cold = visit & (lot < _COLD_SHARE)
    warm = (lengths > 1) & (lot >= 1 - np.where(visit, _HELD_OUT_VISIT, _HELD_OUT_HOME))
    # Items of a user come in the order of drawing, popular ones first: take any of them.
    position = np.arange(len(users)) - np.searchsorted(users, users)
    chosen = np.floor(rng.random(len(lengths)) * lengths)
    one_of_many = warm[users] & (position == chosen[users])
    held_out: NDArray[np.bool_] = cold[users] | one_of_many
    return held_out
