"""How large a training is, from the numbers of its data: without Spark, and without running it.

For D domains with together U user rows (a user counts in each of his domains), S of them shared,
I items and N interactions, rank d, B blocks a side, C cores. Numbers of one block are the means
over blocks and domains: skewed data have larger ones.

    block            N/DB interactions; on each side 8 B apiece (index and weight), and per row
                     its key, id and pointer, and per other-side row that it needs 8 B
    messages         a row of 4d bytes for each (source row, destination block) that has an
                     interaction: at most min(N, sources x B); for interactions placed at random
                     M (1 - exp(-N/M)) of the M = sources x B pairs
    shuffle          messages both ways; X + U and z of shared users to the next user half-step
    disk, iteration  exchange S (4d + 8), consensus 4d S, state 4d (U - S)
    Python worker    the interpreter with its libraries, and the larger of packing a block (its
                     rows as they come, sorted and ranked: about 180 B an interaction) and solving
                     one: of the items of one domain, or of the users of all domains (the rows
                     received: in the Arrow batches, put together, rotated; the rows solved, and
                     what they are sent as; X + U and z of shared users)
    driver, Python   the interpreter with its libraries, and five matrices of d^2 float64 a domain
    driver, JVM      Spark and Delta, and the sums of at most 32 blocks of all domains. In local
                     mode this JVM also is the executors': it caches the interactions while they
                     are packed, then the blocks, and keeps its share of shuffles and what is
                     committed (four times: cached, of the iteration before, on its way, in the
                     writer); garbage fills the heap up to its limit
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cdimf_spark.errors import ConfigurationError

# Interactions of one block, all domains together: about a second of work at rank 64.
_INTERACTIONS_PER_BLOCK = 5_000_000

# What a process holds before it has any data, measured: CPython with numpy, numba, pyarrow and
# pandas; a JVM with Spark and Delta (code, classes, threads, and a heap that works).
_PYTHON_BYTES = 270_000_000
_JVM_BYTES = 1_100_000_000
_JVM_LEAST_HEAP = 1_000_000_000
# Bytes an interaction in a worker that packs it: 43 as it comes (twice: on its way, and in the
# table of the group), 24 as arrays, and 72 at the peak of `pack_block`. In the JVM that reads,
# caches and shuffles it: fitted to a run with 1 million.
_PACKING_BYTES = 180
_READING_BYTES = 400
_COLLECTED_BLOCKS = 32
_COMMITTED_COPIES = 4
_ID_BYTES = 20
# Copies of a row between its arrival and the next step's messages, in a worker.
_RECEIVED_COPIES, _SOLVED_COPIES = 4, 5


def num_blocks(n_interactions: int) -> int:
    """Blocks a side: a function of the data alone, so that no result depends on the cluster."""
    return max(2, -(-n_interactions // _INTERACTIONS_PER_BLOCK))


@dataclass(frozen=True)
class Plan:
    """Sizes of a training; all but the blocks in bytes.

    Attributes
    ----------
    blocks
        Blocks a side; each holds a part of every domain, solved in a task of its own.
    block
        One block of one domain, packed, its larger side.
    shuffle_most, shuffle_expected
        What an iteration shuffles: at most, and with interactions placed at random.
    worker, workers
        One Python worker at its largest; all that run at once.
    driver_python, driver_java
        The two processes of a driver that is not an executor too.
    local_java
        The one JVM of a session with master ``local[*]``.
    disk_iteration, disk
        Working tables of one iteration; all tables at most, until the training is finished.
    """

    blocks: int
    block: int
    shuffle_most: int
    shuffle_expected: int
    worker: int
    workers: int
    driver_python: int
    driver_java: int
    local_java: int
    disk_iteration: int
    disk: int

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes by name, ready for JSON."""
        return asdict(self)


def plan(
    users: int,
    items: int,
    interactions: int,
    domains: int = 1,
    rank: int = 64,
    cores: int = 2,
    shared: int | None = None,
    blocks: int | None = None,
    heap: int = 4 << 30,
    kept: int = 60,
) -> Plan:
    """Predict the sizes of a training (formulas: see the module).

    Parameters
    ----------
    users, items, interactions
        Of all domains together; a user counts in each domain where he has interactions.
    shared
        Those of `users` who are shared; None: all, if there are several domains.
    blocks
        Option `num_blocks`.
    heap
        `spark.driver.memory` in bytes (the JVM of local mode).
    kept
        Iterations whose files are on the disk at once, at most.

    Raises
    ------
    ConfigurationError
        If a number is not positive, or more users are shared than there are.
    """
    numbers = {"users": users, "items": items, "interactions": interactions}
    for name, value in {**numbers, "domains": domains, "rank": rank, "cores": cores}.items():
        if value < 1:
            raise ConfigurationError(f"plan: {name} is {value}, but must be 1 or more")
    shared = (users if domains > 1 else 0) if shared is None else shared
    if not 0 <= shared <= users:
        raise ConfigurationError(f"plan: shared is {shared}, but must be between 0 and users")
    blocks = blocks or num_blocks(interactions)
    row, gram = 4 * rank, 8 * rank**2
    coupling = shared * row * 2
    most = _messages(users, items, interactions, blocks, most=True) * row + coupling
    expected = _messages(users, items, interactions, blocks) * row + coupling
    iteration = shared * (2 * row + 8) + (users - shared) * row
    worker = _worker(users, items, interactions, shared, domains, blocks, row)
    packed = max(
        _packed(users, items, interactions, blocks), _packed(items, users, interactions, blocks)
    )
    static = _packed(users, items, interactions, blocks) + _packed(
        items, users, interactions, blocks
    )
    live = interactions * _READING_BYTES + int(expected) + _COMMITTED_COPIES * iteration
    return Plan(
        blocks=blocks,
        block=packed // (domains * blocks),
        shuffle_most=int(most),
        shuffle_expected=int(expected),
        worker=worker,
        workers=worker * min(cores, domains * blocks),
        driver_python=_PYTHON_BYTES + 5 * gram * domains,
        driver_java=_JVM_BYTES + _JVM_LEAST_HEAP + min(blocks, _COLLECTED_BLOCKS) * gram * domains,
        local_java=_JVM_BYTES + min(heap, _JVM_LEAST_HEAP + live),
        disk_iteration=iteration,
        disk=static + iteration * kept + (users + items + shared) * (row + _ID_BYTES),
    )


def _messages(users: int, items: int, interactions: int, blocks: int, most: bool = False) -> float:
    """Rows sent in an iteration, both ways."""
    total = 0.0
    for sources in (users, items):
        pairs = sources * blocks
        random = -pairs * math.expm1(-interactions / pairs)
        total += min(interactions, pairs) if most else random
    return total


def _packed(rows: int, others: int, interactions: int, blocks: int) -> int:
    """Bytes of one side, packed: interactions, rows, rows wanted of the other side, routes."""
    wanted = min(interactions, others * blocks)
    sent = min(interactions, rows * blocks)
    return 8 * interactions + rows * (16 + _ID_BYTES) + 8 * wanted + 4 * sent


def _worker(
    users: int, items: int, interactions: int, shared: int, domains: int, blocks: int, row: int
) -> int:
    """Largest resident set of one Python worker."""
    tasks = domains * blocks
    packing = _PACKING_BYTES * interactions // tasks
    # A task has one item block of one domain, but the user blocks of one number of all domains.
    solving = max(
        _solving(items // tasks, min(interactions, users * blocks) // tasks, row),
        _solving(users // blocks, min(interactions, items * blocks) // blocks, row)
        + 2 * row * (min(interactions, users * blocks) // blocks + shared // blocks),
    )
    return _PYTHON_BYTES + max(packing, solving)


def _solving(rows: int, received: int, row: int) -> int:
    """Bytes of the rows that a task solves, and of those that it receives for that."""
    return row * (_RECEIVED_COPIES * received + _SOLVED_COPIES * rows)


def plan_text(sizes: Plan) -> str:
    """The plan as a user reads it."""
    lines = [
        ("blocks a side", str(sizes.blocks)),
        ("one block of one domain", _size(sizes.block)),
        ("shuffled in an iteration, expected", _size(sizes.shuffle_expected)),
        ("shuffled in an iteration, at most", _size(sizes.shuffle_most)),
        ("one Python worker", _size(sizes.worker)),
        ("all Python workers", _size(sizes.workers)),
        ("driver, Python process", _size(sizes.driver_python)),
        ("driver, JVM (on a cluster)", _size(sizes.driver_java)),
        ("the JVM of local mode", _size(sizes.local_java)),
        ("disk for one iteration", _size(sizes.disk_iteration)),
        ("disk in all, at most", _size(sizes.disk)),
    ]
    return "\n".join(f"  {name:<36}{value:>10}" for name, value in lines)


def _size(n: int) -> str:
    return f"{n / 1e9:.2f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
