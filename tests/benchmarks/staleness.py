"""What parties lose whose partner's rows are old, or do not come any more.

Run as `python -m tests.benchmarks.staleness [--rank 32]`, with the pairs in CDIMF_DATA.
The warm pair on one machine, with the consensus of a federation: each party makes z of its own rows
of this round and of those of the other that it has by then. Nothing is waited for; rounds before
the first stand for the common start. Printed are HR@10 in percent (expected over all draws of 999
items) on a validation split of train, after 12 and 24 rounds, and how far the two z of a common
user are apart after 24, as a share of the length of all z.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cdimf_spark.configuration.settings import ModelConfig
from cdimf_spark.kernel.consensus import shared_factors
from cdimf_spark.solver.local import LocalDomain, LocalModel
from cdimf_spark.solver.local_domain import DomainSide, make_sides
from tests.benchmarks.ranking_quality import rank_all, read_task, to_domains, validation_split

SHOWN = (12, 24)
NAMES = ("sport", "cloth")


@dataclass(frozen=True)
class Delay:
    """How late rows are.

    Attributes
    ----------
    lag
        Rounds by which the other party's rows are older than the own ones.
    every
        The first party takes part in every such round only.
    dead_after
        Its last round; its rows stay in use.
    """

    lag: int = 0
    every: int = 1
    dead_after: int = 1000
    options: Mapping[str, Any] = field(default_factory=dict)

    def takes_part(self, name: str, number: int) -> bool:
        """Whether a party solves its rows in a round."""
        return name != NAMES[0] or (number % self.every == 0 and number <= self.dead_after)


DELAYS = {
    "no delay": Delay(),
    "rows of 3 rounds ago": Delay(lag=3),
    "the same, over_relaxation 1": Delay(lag=3, options={"over_relaxation": 1.0}),
    "the same, rho 5": Delay(lag=3, options={"rho": 5.0}),
    "rows of 6 rounds ago": Delay(lag=6),
    "sport in every third round only": Delay(every=3),
    "sport gone after round 6": Delay(dead_after=6),
}


def rounds(
    domains: Mapping[str, LocalDomain], model: ModelConfig, delay: Delay
) -> Iterator[list[DomainSide]]:
    """The parties after each round."""
    sides = make_sides(domains, model)
    for side in sides:
        side.start(model, None)
    sent = {side.name: [side.exchanged] for side in sides}
    for number in range(1, model.max_iter + 1):
        active = [side for side in sides if delay.takes_part(side.name, number)]
        for rows in sent.values():
            rows.append(rows[-1])
        for side in active:
            side.update_users()
            sent[side.name][-1] = side.next_exchanged
        for side in active:
            seen = {other: rows[max(0, number - delay.lag)] for other, rows in sent.items()}
            _receive(side, sides, {**seen, side.name: side.next_exchanged})
            side.update_items(use_z=True)
        yield sides


def _receive(
    side: DomainSide, sides: Sequence[DomainSide], seen: Mapping[str, NDArray[np.float32]]
) -> None:
    exchanged = []
    for other in sides:
        keys = other.keys[other.shared]
        order = np.argsort(keys)
        exchanged.append((keys[order], seen[other.name][order], other.rules.rho))
    keys, z = shared_factors(exchanged, "identity", 0.0)
    side.receive(z[np.searchsorted(keys, side.keys[side.shared])])


def model_of(sides: Sequence[DomainSide]) -> LocalModel:
    """What the parties would publish."""
    return LocalModel(
        user_factors={side.name: side.rows for side in sides},
        item_factors={side.name: side.items for side in sides},
        shared_factors={},
        losses=np.empty((0, 4)),
        shared={side.name: side.shared for side in sides},
        exchanged={side.name: side.exchanged for side in sides},
        rules={side.name: side.rules for side in sides},
    )


def spread(sides: Sequence[DomainSide]) -> float:
    """Distance of the two parties' z, over the length of the first one's."""
    rows = [side.z[np.argsort(side.keys[side.shared])] for side in sides]
    return float(np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rank", type=int, default=32)
    rank = parser.parse_args().rank
    split = validation_split("warm", read_task("warm").train, 0)
    domains = to_domains(split.train)
    print(f"{' / '.join(NAMES):32}" + "".join(f"{f'round {n}':>16}" for n in SHOWN) + "  apart")
    for title, delay in DELAYS.items():
        model = replace(ModelConfig(rank=rank, max_iter=SHOWN[-1]), **delay.options)
        line = f"{title:32}"
        for number, sides in enumerate(rounds(domains, model, delay), start=1):
            if number in SHOWN:
                found = rank_all(model_of(sides), domains, split)
                line += f"{' / '.join(f'{found[name][0]:.2f}' for name in NAMES):>16}"
        print(f"{line}  {spread(sides):.3f}", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
