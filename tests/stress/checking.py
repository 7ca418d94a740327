"""The checker of invariants over the table of a running stack."""

from __future__ import annotations

from local.emulators.engine import Endpoints
from local.process.plan import Plan
from local.stack.running import Stack
from parley.clock import Clock
from tests.support.invariants import contradictions, everything
from tests.support.waiting import until


def require_consistency(stack: Stack, *, deaths: bool = False) -> None:
    """What the stack's account has stored must agree, as soon as its background work is done."""
    plan = Plan.load(stack.home.plan)
    client = Endpoints(plan.engine, plan.dynamodb, plan.ministack).client("dynamodb")
    table, account = str(plan.physical["Table"]["ref"]), stack.info["account_sid"]
    found: list[str] = []

    def is_consistent() -> bool:
        found[:] = contradictions(everything(client, table, account), now_ms=Clock().now_ms(), deaths=deaths)
        return not found

    try:
        until(is_consistent)
    except AssertionError:
        assert found == []
