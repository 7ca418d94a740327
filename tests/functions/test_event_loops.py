"""The REST function answers even if its thread's event loop, on which Mangum runs it, was closed or never made."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World


def test_the_rest_function_answers_after_other_code_has_run_and_closed_a_loop(world: World) -> None:
    """A test that called asyncio.run() made every later one in its process fail."""
    asyncio.run(asyncio.sleep(0))
    assert Raw(LambdaDoor(world)).get("/chat/v2/Services")["services"] == []


def test_the_rest_function_answers_in_a_thread_of_its_own(world: World) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: Raw(LambdaDoor(world)).get("/chat/v2/Services")["services"]).result() == []
