"""Loading and calling functions as Lambda does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.process.functions import FunctionError, Invoker, LoadedFunction, PayloadTooLarge
from local.template.declared import Function

MakeFunction = Callable[..., Function]


@pytest.fixture
def make(tmp_path: Path) -> MakeFunction:
    def make(code: str, name: str = "F", timeout_seconds: int = 5, **environment: str) -> Function:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(code)
        return Function(name, f"parley-{name}", folder, "app.handler", environment, (), timeout_seconds, 512)

    return make


def result_of(function: Function, event: dict[str, Any] | None = None) -> Any:
    return LoadedFunction(function).invoke(event or {})


def test_each_function_reads_its_own_settings_while_it_is_imported(make: MakeFunction):
    code = "import os\nSETTING = os.environ.get('PARLEY_THING')\ndef handler(event, context): return SETTING"
    with_setting = LoadedFunction(make(code, "One", PARLEY_THING="1"))
    without = LoadedFunction(make(code, "Two"))
    assert (with_setting.invoke({}), without.invoke({})) == ("1", None)
    assert "PARLEY_THING" not in os.environ


def test_the_context_is_like_lambdas(make: MakeFunction):
    code = """
def handler(event, context):
    return [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn, context.aws_request_id,
            context.get_remaining_time_in_millis(), context.function_version]
"""
    name, memory, arn, request_id, remaining, version = result_of(make(code))
    assert (name, memory, version) == ("parley-F", "512", "$LATEST")
    assert arn == "arn:aws:lambda:us-east-1:000000000000:function:parley-F"
    assert len(request_id) == 36
    assert 4000 < remaining <= 5000


def test_a_handler_cannot_change_its_callers_event(make: MakeFunction):
    event = {"a": [1]}
    result_of(make("def handler(event, context): event['a'].append(2)"), event)
    assert event == {"a": [1]}


@pytest.mark.parametrize("body", ["raise ValueError('x')", "return {1, 2}", "raise SystemExit(1)"])
def test_an_outcome_that_lambda_calls_an_error_is_an_error(make: MakeFunction, body: str):
    with pytest.raises(FunctionError):
        result_of(make(f"def handler(event, context): {body}"))


def test_payloads_are_limited_to_6_mb_both_ways(make: MakeFunction):
    function = LoadedFunction(make("def handler(event, context): return 'x' * event['n']"))
    with pytest.raises(PayloadTooLarge):
        function.invoke({"n": 1, "filler": "x" * 6 * 1024 * 1024})
    with pytest.raises(FunctionError, match="6291456"):
        function.invoke({"n": 6 * 1024 * 1024})


def test_a_call_that_takes_too_long_is_an_error(make: MakeFunction):
    invoker = Invoker(
        {"F": make("import time\ndef handler(event, context): time.sleep(1.5)", timeout_seconds=1)}, iter("F"), 1
    )
    with pytest.raises(FunctionError, match="timed out after 1 s"):
        invoker.call("F", {})
    invoker.close()


def test_worker_threads_have_an_event_loop_of_their_own(make: MakeFunction):
    code = """
import asyncio
async def answer(): return 42
def handler(event, context): return asyncio.get_event_loop().run_until_complete(answer())
"""
    invoker = Invoker({"F": make(code)}, iter("F"), 4)

    async def many() -> list[Any]:
        return await asyncio.gather(*(asyncio.wrap_future(invoker.submit("F", {})) for _ in range(20)))

    assert asyncio.run(many()) == [42] * 20
    invoker.close()


def test_a_function_without_code_says_where_it_was_looked_for(make: MakeFunction, tmp_path: Path):
    function = make("", "Gone")
    (tmp_path / "Gone/app.py").unlink()
    with pytest.raises(FunctionError, match=r"Gone/app\.py"):
        LoadedFunction(function)
