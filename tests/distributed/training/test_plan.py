"""The physical plans of the loop: static blocks stay where they are.

A shuffle of the blocks in every iteration would not change a single number, only the time. So it
is the plan that is tested.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from cdimf_spark.configuration.config import TrainConfig
from cdimf_spark.configuration.settings import DomainConfig, ModelConfig
from cdimf_spark.distributed.blocks.indexing import with_keys
from cdimf_spark.distributed.blocks.layout import Layout
from cdimf_spark.distributed.blocks.packing import (
    StaticBlocks,
    block_sizes,
    build_blocks,
    persist_blocks,
)
from cdimf_spark.distributed.input.validation import clean_rows
from cdimf_spark.distributed.training.steps import iteration
from tests.support.helpers import random_domains, to_spark

Node = tuple[int, str]


def plan_of(frame: DataFrame) -> list[Node]:
    """Depth and text of the nodes of the executed plan, top first; not what filled a cache."""
    text = frame._jdf.queryExecution().executedPlan().toString()
    nodes: list[Node] = []
    cached = None
    for line in text.splitlines():
        match = re.fullmatch(r"([ :+|-]*)(?:\*\(\d+\) )?(.*)", line)
        assert match is not None
        indent, node = match.groups()
        depth = len(indent)
        if cached is not None and depth > cached:
            continue
        cached = depth if node.startswith("InMemoryRelation") else None
        nodes.append((depth, node))
    return nodes


def below(nodes: list[Node], position: int) -> Iterator[Node]:
    """The nodes under the one at a position."""
    for depth, node in nodes[position + 1 :]:
        if depth <= nodes[position][0]:
            return
        yield depth, node


def sides_of_cogroup(nodes: list[Node]) -> tuple[list[str], list[str]]:
    """The nodes under the left and under the right side of the only cogroup."""
    places = [i for i, (_, node) in enumerate(nodes) if node.startswith("FlatMapCoGroups")]
    assert len(places) == 1
    inside = list(below(nodes, places[0]))
    first = min(depth for depth, _ in inside)
    second = [i for i, (depth, _) in enumerate(inside) if depth == first][1]
    return [node for _, node in inside[:second]], [node for _, node in inside[second:]]


def shuffles(nodes: list[str]) -> int:
    return sum(node.startswith(("Exchange", "ShuffleExchange")) for node in nodes)


@pytest.fixture(scope="module")
def plans(spark: SparkSession) -> dict[str, list[Node]]:
    """Plans of the steps of one iteration, as they are before their lineage is cut."""
    domains = random_domains(np.random.default_rng(2), names=("a", "b"), n_users=20)
    configs = tuple(DomainConfig(name, "memory") for name in domains)
    model = ModelConfig(rank=4, num_blocks=3)
    layout = Layout.of(("a", "b"), 3, 3)
    keyed = with_keys(clean_rows(to_spark(spark, domains)))
    static = persist_blocks(build_blocks(keyed, layout, frozenset("ab"), "sum"), layout)
    config = TrainConfig(model, configs, "nowhere")
    sizes = block_sizes(static.users, static.items, layout).domains
    steps = iteration.Steps.of(config, layout, static, sizes)

    cut = iteration.cut
    seen: list[list[Node]] = []

    def look_and_cut(frame: DataFrame) -> DataFrame:
        seen.append(plan_of(frame))
        return cut(frame)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iteration, "cut", look_and_cut)
        state = steps.start(model)
        messages = steps.route_users(state)
        items = steps.update_items(messages)
        state, _ = steps.update_users(items, state, use_z=True, aggregate=True)
    names = ("start", "routes", "items", "users")
    found = dict(zip(names, seen, strict=True))
    # What is committed, and what the next step takes.
    assert state.exchange is not None
    found["state"] = [node for frame in (state.exchange, state.rows()) for node in plan_of(frame)]
    found["publish"] = plan_of(steps.item_factors(messages))
    static.unpersist()
    return found


@pytest.mark.slow
def test_only_what_moves_is_shuffled(plans: dict[str, list[Node]]) -> None:
    for name in ("routes", "items", "users", "publish"):
        static, moving = sides_of_cogroup(plans[name])
        assert any(node.startswith("InMemoryTableScan") for node in static), name
        assert shuffles(static) == 0, name
        assert shuffles(moving) == 1, name
        assert not any(node.startswith("InMemoryTableScan") for node in moving), name
        assert shuffles([node for _, node in plans[name]]) == 1, name


def test_a_start_and_a_new_state_move_nothing(plans: dict[str, list[Node]]) -> None:
    assert shuffles([node for _, node in plans["start"]]) == 0
    assert shuffles([node for _, node in plans["state"]]) == 0


def test_a_cogroup_of_frames_that_are_not_cached_is_seen(spark: SparkSession) -> None:
    """The reader of plans itself: here both sides are shuffled."""
    one, other = (spark.range(n).selectExpr("cast(id as int) as pkey") for n in (4, 5))

    def nothing(left, right):  # type: ignore[no-untyped-def]
        return left

    both = one.groupBy("pkey").cogroup(other.groupBy("pkey")).applyInArrow(nothing, "pkey int")
    static, moving = sides_of_cogroup(plan_of(both))
    assert (shuffles(static), shuffles(moving)) == (1, 1)


def test_sides_are_put_into_memory_one_after_the_other() -> None:
    # Side by side, all blocks of a side came to lie on one of two executors now and then.
    events: list[str] = []

    class OneSide:
        def count(self) -> int:
            events.append("begun")
            time.sleep(0.05)
            events.append("ended")
            return 1

    StaticBlocks(cast(DataFrame, OneSide()), cast(DataFrame, OneSide())).fill()
    assert events == ["begun", "ended"] * 2
