"""Faults of a federation, again and again: `python -m tests.faults.federation --stops 50`.

Two parties in threads of one session. Stops: a party ends at a commit that is drawn, goes on, ends
again, and so on; the published bits must be those of parties that were never stopped. Damage:
whatever can be wrong with the tables of another party, or with the meeting place; the party that
finds it goes on without it, or ends by an error that names the other one, in time, and its earlier
model stays as it was. (Processes that are killed and paused: tests/distributed/federation.)
"""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from cdimf_spark.distributed.federation.joining import join
from cdimf_spark.distributed.federation.party import Party
from cdimf_spark.distributed.session import build_session
from cdimf_spark.errors import FederationError
from cdimf_spark.federation.secrets import digest_key
from tests.faults import party_damage as damage
from tests.faults.party_outcomes import Fault, outcome_of
from tests.faults.party_stops import stop_again_and_again
from tests.support.hostile import resend
from tests.support.parties import SMALL_TERMS, Federation
from tests.support.training_in_memory import some_domains

# Terms of which a party may have others.
OTHERS = {
    "rank": 7,
    "seed": 5,
    "schedule": "paper",
    "over_relaxation": 1.0,
    "proximal": "l2",
    "aggregation_period": 2,
    "init_scale": 0.5,
    "quorum": 2,
    "max_staleness": 9,
    "on_stale": "drop",
}


def stops(reference: Federation, root: Path, seed: int, number: int) -> Iterator[Fault]:
    """So many stops, some a training."""
    rng, done = np.random.default_rng(seed), 0
    while done < number:
        federation = replace(reference, folder=root / f"stops {done}")
        for fault in stop_again_and_again(federation, reference, rng, min(6, number - done)):
            done += 1
            yield fault
        shutil.rmtree(federation.folder, ignore_errors=True)


def copied(base: Federation, root: Path, what: str) -> Federation:
    """Parties as they were, in a folder of their own."""
    folder = root / "".join(one if one.isalnum() else "_" for one in what)
    shutil.copytree(base.folder, folder)
    return replace(base, folder=folder)


def damages(base: Federation, root: Path, match: str) -> Iterator[Fault]:
    """Everything that is done to films, or to the meeting place, while books is away."""
    for kind, what, act in damage.ACTS:
        if not re.search(match, f"{kind} {what}"):
            continue
        federation = copied(base, root, what)
        act(federation)
        yield damage.go_on(Fault(kind, what, "books"), federation)
        shutil.rmtree(federation.folder)
    for what, rows in damage.HOSTILE:
        federation = copied(base, root, what)
        resend(federation, "films", 5, rows)
        yield damage.go_on(Fault("hostile", what, "books"), federation, 5)
        shutil.rmtree(federation.folder)
    for words in damage.REFUSALS:
        federation = copied(base, root, words)
        yield damage.full_place(Fault("place", words, "books"), federation, words)
        shutil.rmtree(federation.folder)


def strangers(base: Federation, root: Path) -> Iterator[Fault]:
    """Parties that have other terms or another key, or never come."""
    for name, value in OTHERS.items():
        federation = replace(base, folder=root / f"terms {name}")
        words = (f"{name} is", "party 'films'")
        call = partial(other_terms, federation, {name: value})
        yield outcome_of(Fault("terms", name, "books"), call, words)
    federation = replace(base, folder=root / "key")
    call = partial(other_key, federation)
    yield outcome_of(Fault("terms", "another key", "books"), call, ("films", "secret keys differ"))
    alone = replace(base, folder=root / "alone", terms={**base.terms, "join_timeout": "2s"})
    absent = Fault("absent", "never joins", "books")
    yield outcome_of(absent, lambda: alone.train("books"), ("films", "join_timeout"))


def other_terms(federation: Federation, terms: dict[str, object]) -> None:
    """Films joins with other terms, and then books with its own."""
    films = Party.of(federation.spark, federation.config("films", terms=terms))
    with pytest.raises(FederationError):
        join(films.place, replace(films.terms, join_timeout=0.1), {"films": 1.0})
    federation.train("books")


def other_key(federation: Federation) -> None:
    """Films joins with another key."""
    films = Party.of(federation.spark, federation.config("films"))
    secret = digest_key(b"another key that is long enough", "shops")
    with pytest.raises(FederationError):
        join(
            replace(films.place, secret=secret),
            replace(films.terms, join_timeout=0.1),
            {"films": 1.0},
        )
    federation.train("books")


def table(faults: list[Fault]) -> str:
    """Faults by kind, how the party ended, and what should not have been."""
    kinds = Counter(fault.kind for fault in faults)
    ended = Counter(fault.kind for fault in faults if fault.outcome != "went on")
    wrong = Counter(fault.kind for fault in faults if fault.problem)
    lines = [f"{'kind':<10}{'faults':>8}{'went on':>9}{'named it':>10}{'wrong':>7}"]
    lines += [
        f"{kind:<10}{n:>8}{n - ended[kind]:>9}{ended[kind]:>10}{wrong[kind]:>7}"
        for kind, n in sorted(kinds.items())
    ]
    n_ended = ended.total()
    total = f"{'all':<10}{len(faults):>8}{len(faults) - n_ended:>9}{n_ended:>10}{wrong.total():>7}"
    return "\n".join([*lines, total])


def main() -> int:
    """Run all faults, say what became of each, and return 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--match", default="", help="damages whose line has this pattern")
    parser.add_argument("--only", choices=("strangers", "damages", "stops"))
    given = parser.parse_args()
    logging.getLogger("cdimf_spark").setLevel(logging.ERROR)
    # Nothing that only pays for much data: the trainings are tiny and many.
    spark = build_session(
        spark__master="local[2]",
        spark__driver__memory="3g",
        spark__driver__extraJavaOptions="-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -Xss8m",
        spark__sql__shuffle__partitions="2",
        spark__sql__codegen__wholeStage="false",
        spark__sql__codegen__factoryMode="NO_CODEGEN",
    )
    root = Path(tempfile.mkdtemp())
    domains = some_domains(seed=6, n_users=40, names=("books", "films"))
    reference = Federation(spark, root / "reference", domains, SMALL_TERMS)
    reference.train_all()
    patient = {**SMALL_TERMS, "quorum": 1, "round_timeout": "2s", "join_timeout": "15s"}
    base = Federation(spark, root / "base", domains, patient)
    base.train_all()
    base.train("films", resume=True, max_iter=4)
    faults = []
    every = {
        "strangers": strangers(base, root),
        "damages": damages(base, root, given.match),
        "stops": stops(reference, root, given.seed, given.stops),
    }
    chosen = [faults for name, faults in every.items() if given.only in (None, name)]
    for fault in chain.from_iterable(chosen):
        faults.append(fault)
        problem = fault.problem and f"!! {fault.problem}"
        print(f"{fault.kind}: {fault.what}: {fault.outcome} {problem}", flush=True)
    print(table(faults))
    shutil.rmtree(root)
    return int(any(fault.problem for fault in faults))


if __name__ == "__main__":
    sys.exit(main())
