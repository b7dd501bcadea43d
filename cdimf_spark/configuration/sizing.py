"""How large a training is, from the numbers of its data: without Spark, and without running it.

For D domains with together U user rows (a user counts in each of their domains), S of them shared,
I items and N interactions, rank d, B blocks of a side, C cores. Numbers of one block are the means
over blocks and domains: skewed data have larger ones.

    block            N/DB interactions; on each side 8 B apiece (index and weight), and per row
                     its key, id and pointer, and per other-side row that it needs 8 B
    messages         a row of 4d bytes for each (source row, destination block) that has an
                     interaction: at most min(N, sources x B); for interactions placed at random
                     M (1 - exp(-N/M)) of the M = sources x B pairs, B of the other side
    shuffle          messages both ways; X + U of shared users to the next user half-step
    disk, iteration  exchange S (4d + 8), consensus 4d S, state 4d (U - S)
    Python worker    the interpreter with its libraries, and the larger of packing (24 B for each
                     interaction of the blocks of one number, 96 more for those of the domain that
                     is being sorted) and solving: the items of one domain, or the users of all
                     domains (the rows received: in the Arrow batches, put together, rotated; the
                     rows solved, and what they are sent as; X + U and z of shared users)
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
from typing import Any, NamedTuple

from cdimf_spark.errors import ConfigurationError

# Of one task: two seconds of work at rank 64. Larger ones need more memory, smaller ones more
# messages: a row goes to nearly every block of the other side.
_INTERACTIONS_PER_BLOCK = 12_500_000

# What a process holds before it has any data, measured: CPython with numpy, numba, pyarrow and
# pandas; a JVM with Spark and Delta (code, classes, threads, and a heap that works).
_PYTHON_BYTES = 270_000_000
_JVM_BYTES = 1_100_000_000
_JVM_LEAST_HEAP = 1_000_000_000
# Bytes an interaction in a worker that packs it: as it waits, and at the peak of `pack_block`. In
# the JVM that reads, caches and shuffles it: fitted to a run with 1 million.
_WAITING_BYTES, _PACKING_BYTES = 24, 96
_READING_BYTES = 400
_COLLECTED_BLOCKS = 32
_COMMITTED_COPIES = 4
_ID_BYTES = 20
# Copies of a row between its arrival and the next step's messages, in a worker.
_RECEIVED_COPIES, _SOLVED_COPIES = 4, 5


class NumBlocks(NamedTuple):
    """Blocks of users and of items."""

    users: int
    items: int


def num_blocks(
    n_interactions: int, n_of_largest: int, users: int | None = None, items: int | None = None
) -> NumBlocks:
    """Blocks of the two sides: by the data alone, so that no result depends on the cluster.

    A task solves the users of all domains at once, but the items of one domain after another:
    these are cut less often, which makes for fewer messages.

    Parameters
    ----------
    n_interactions, n_of_largest
        Interactions of all domains, and of the largest one.
    users, items
        Options `num_blocks` and `num_item_blocks`.
    """
    return NumBlocks(
        users or _even_blocks(n_interactions), items or users or _even_blocks(n_of_largest)
    )


def _even_blocks(n_interactions: int) -> int:
    """Enough blocks; as many for each core of two."""
    return 2 * max(1, -(-n_interactions // (2 * _INTERACTIONS_PER_BLOCK)))


@dataclass(frozen=True)
class Plan:
    """Sizes of a training; all but the blocks in bytes.

    Attributes
    ----------
    user_blocks, item_blocks
        Blocks of each side; each holds a part of every domain, solved in a task of its own.
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

    user_blocks: int
    item_blocks: int
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
    item_blocks: int | None = None,
    heap: int = 4 << 30,
    kept: int = 60,
) -> Plan:
    """Predict the sizes of a training (formulas: see the module).

    Parameters
    ----------
    users, items, interactions
        Of all domains together; a user counts in each domain where they have interactions.
    shared
        Those of `users` who are shared; None: all, if there are several domains.
    blocks
        Option `num_blocks`.
    item_blocks
        Option `num_item_blocks`.
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
    sides = num_blocks(interactions, interactions // domains, blocks, item_blocks)
    row, gram = 4 * rank, 8 * rank**2
    rows = NumBlocks(users, items)
    coupling = shared * row
    most = _messages(rows, interactions, sides, most=True) * row + coupling
    expected = _messages(rows, interactions, sides) * row + coupling
    iteration = shared * (2 * row + 8) + (users - shared) * row
    worker = _worker(rows, interactions, shared, domains, sides, row)
    packed = (
        _packed(users, items, interactions, sides),
        _packed(items, users, interactions, NumBlocks(*reversed(sides))),
    )
    live = interactions * _READING_BYTES + int(expected) + _COMMITTED_COPIES * iteration
    collected = min(max(sides), _COLLECTED_BLOCKS)
    return Plan(
        user_blocks=sides.users,
        item_blocks=sides.items,
        block=max(size // (domains * n) for size, n in zip(packed, sides, strict=True)),
        shuffle_most=int(most),
        shuffle_expected=int(expected),
        worker=worker,
        workers=worker * min(cores, max(sides)),
        driver_python=_PYTHON_BYTES + 5 * gram * domains,
        driver_java=_JVM_BYTES + _JVM_LEAST_HEAP + collected * gram * domains,
        local_java=_JVM_BYTES + min(heap, _JVM_LEAST_HEAP + live),
        disk_iteration=iteration,
        disk=sum(packed) + iteration * kept + (users + items + shared) * (row + _ID_BYTES),
    )


def _messages(rows: NumBlocks, interactions: int, blocks: NumBlocks, most: bool = False) -> float:
    """Rows sent in an iteration, both ways."""
    total = 0.0
    for sources, destinations in ((rows.users, blocks.items), (rows.items, blocks.users)):
        pairs = sources * destinations
        random = -pairs * math.expm1(-interactions / pairs)
        total += min(interactions, pairs) if most else random
    return total


def _packed(rows: int, others: int, interactions: int, blocks: NumBlocks) -> int:
    """Bytes of one side, packed: interactions, rows, rows wanted of the other side, routes.

    `blocks`: of this side and of the other one.
    """
    wanted = min(interactions, others * blocks[0])
    sent = min(interactions, rows * blocks[1])
    return 8 * interactions + rows * (16 + _ID_BYTES) + 8 * wanted + 4 * sent


def _worker(
    rows: NumBlocks, interactions: int, shared: int, domains: int, blocks: NumBlocks, row: int
) -> int:
    """Largest resident set of one Python worker."""
    task = interactions // min(blocks)
    packing = _WAITING_BYTES * task + _PACKING_BYTES * task // domains
    # A task has the items of one domain at a time, but the users of all domains.
    item_tasks = domains * blocks.items
    from_users = min(interactions, rows.users * blocks.items)
    from_items = min(interactions, rows.items * blocks.users)
    solving = max(
        _solving(rows.items // item_tasks, from_users // item_tasks, row),
        _solving(rows.users // blocks.users, from_items // blocks.users, row)
        + 2 * row * (from_users // blocks.users + shared // blocks.users),
    )
    return _PYTHON_BYTES + max(packing, solving)


def _solving(rows: int, received: int, row: int) -> int:
    """Bytes of the rows that a task solves, and of those that it receives for that."""
    return row * (_RECEIVED_COPIES * received + _SOLVED_COPIES * rows)
