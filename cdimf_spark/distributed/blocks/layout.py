"""Where every block lives: block numbers, group keys, Spark partitions.

Spark places a row by a hash of its group key, which leaves a third of the partitions empty when
the keys are small block numbers. So block b of a domain gets as its key the next unused integer
whose hash falls into partition b: every partition then holds block b of every domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cdimf_spark.distributed.blocks.block_rows import Address
from cdimf_spark.solver.placement import Placement

_MASK = 0xFFFFFFFF


def spark_hash(value: int, seed: int = 42) -> int:
    """Spark SQL's ``hash`` (32-bit murmur3) of an int column, before the modulo."""
    k = (value & _MASK) * 0xCC9E2D51 & _MASK
    k = ((k << 15) | (k >> 17)) & _MASK
    x = seed ^ (k * 0x1B873593 & _MASK)
    x = (((x << 13) | (x >> 19)) * 5 + 0xE6546B64) & _MASK
    x ^= 4
    x = (x ^ (x >> 16)) * 0x85EBCA6B & _MASK
    x = (x ^ (x >> 13)) * 0xC2B2AE35 & _MASK
    x ^= x >> 16
    return x - (1 << 32) if x >= 1 << 31 else x


def partition_keys(num_domains: int, num_blocks: int) -> list[list[int]]:
    """Group keys by domain and block: ``keys[d][b]`` falls into partition b of `num_blocks`."""
    by_block: list[list[int]] = [[] for _ in range(num_blocks)]
    missing = num_blocks
    candidate = 0
    while missing:
        keys = by_block[spark_hash(candidate) % num_blocks]
        if len(keys) < num_domains:
            keys.append(candidate)
            missing -= len(keys) == num_domains
        candidate += 1
    return [list(keys) for keys in zip(*by_block, strict=True)]


@dataclass(frozen=True)
class Side:
    """The blocks of one side (users or items) of all domains.

    `heavy` has the block of each key that is not placed by its hash (see `Placement`).
    """

    domains: tuple[str, ...]
    num_blocks: int
    heavy: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def placement(self) -> Placement:
        """Which block a key belongs to."""
        return Placement(self.num_blocks, self.heavy)

    @cached_property
    def keys(self) -> list[list[int]]:
        """Group key of every block, by domain (in the order of `domains`) and block."""
        return partition_keys(len(self.domains), self.num_blocks)

    @property
    def flat_keys(self) -> list[int]:
        """The same as one list, domain after domain."""
        return [key for keys in self.keys for key in keys]

    def block_key_expression(self) -> str:
        """SQL for a group key that the rows of equal block numbers of all domains share."""
        return f"get(array({', '.join(map(str, self.keys[0]))}), block)"

    def address(self, domain: str, block: int) -> Address:
        """Where packed rows of a block belong."""
        return Address(self.keys[self.domains.index(domain)][block], domain, block)

    def address_of(self, pkey: int) -> Address:
        """Where packed rows of a group key belong."""
        return self._by_key[pkey]

    @cached_property
    def _by_key(self) -> dict[int, Address]:
        return {at.pkey: at for domain in self.domains for at in self.addresses(domain)}

    def addresses(self, domain: str) -> Iterator[Address]:
        """The addresses of all blocks of a domain, in block order."""
        return (self.address(domain, block) for block in range(self.num_blocks))


@dataclass(frozen=True)
class Layout:
    """The blocks of a training.

    Users of all domains are cut alike: a consensus block needs only blocks of its own number.
    """

    users: Side
    items: Side

    @classmethod
    def of(
        cls,
        domains: tuple[str, ...],
        num_user_blocks: int,
        num_item_blocks: int,
        heavy_users: Mapping[int, int] | None = None,
        heavy_items: Mapping[int, int] | None = None,
    ) -> Layout:
        """Layout of the domains in the given order."""
        users = Side(domains, num_user_blocks, heavy_users or {})
        return cls(users, Side(domains, num_item_blocks, heavy_items or {}))

    def to_dict(self) -> dict[str, Any]:
        """What the log of a training keeps (JSON)."""
        return {
            "blocks": [self.users.num_blocks, self.items.num_blocks],
            "heavy": [list(side.heavy.items()) for side in (self.users, self.items)],
        }

    @classmethod
    def from_dict(cls, domains: tuple[str, ...], values: Mapping[str, Any]) -> Layout:
        """Layout from what `to_dict` returned."""
        return cls.of(domains, *values["blocks"], *map(dict, values["heavy"]))
