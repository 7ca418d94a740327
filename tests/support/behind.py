"""The account of a running local stack, reached past its doors: some records cannot be made by REST."""

from __future__ import annotations

from typing import Any

from local.emulators.engine import Endpoints
from local.process.plan import Plan
from local.stack.running import Stack
from parley.clock import Clock
from tests.support.fakes import FakeClock
from tests.support.world import World


def world_behind(stack: Stack) -> World:
    """A world of the stack's own account, on its table."""
    client, table = table_behind(stack)
    world = World(client, table, stack.info["account_sid"], FakeClock(Clock().now_ms()))
    # As the stack has it: what is made here is written to there.
    world.actions_per_second = 30
    return world


def table_behind(stack: Stack) -> tuple[Any, str]:
    """A client, and the name of the stack's table."""
    plan = Plan.load(stack.home.plan)
    client = Endpoints(plan.engine, plan.dynamodb, plan.ministack).client("dynamodb")
    return client, str(plan.physical["Table"]["ref"])
