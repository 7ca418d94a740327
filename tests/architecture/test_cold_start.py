"""Cold starts: before the first request, a function imports what it needs and nothing else."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

import pytest

from local.home import REPOSITORY

FUNCTIONS = sorted(path.parent.name for path in (REPOSITORY / "functions").glob("*/app.py"))
SMALL = [name for name in FUNCTIONS if name != "rest_api"]
# boto3 is never needed: botocore alone does it.
NEVER = {"boto3", "twilio", "requests", "pytest", "yaml", "numpy"}
WEB = {"fastapi", "starlette", "mangum", "anyio", "pydantic", "pydantic_core"}
# What every function needs: botocore's exceptions, but not its sessions and clients, and Powertools with what it needs.
USUAL = {"aws_lambda_powertools", "botocore", "jmespath", "typing_extensions"}
OF_REST = {"annotated_doc", "annotated_types", "opentelemetry", "typing_inspection"} | WEB
OF_BOTOCORES_CLIENTS = {"dateutil", "six", "urllib3"}
# Each function, how many modules of Parley it may import, and from which libraries.
BUDGETS: dict[str, tuple[int, set[str]]] = {
    "carriers": (130, USUAL),
    "fan_out": (138, USUAL),
    "push": (98, USUAL | OF_BOTOCORES_CLIENTS),
    "rest_api": (182, USUAL | OF_REST),
    "webhooks": (150, USUAL),
    "ws_connect": (122, USUAL | {"jwt"}),
    "ws_disconnect": (90, USUAL),
    "ws_message": (176, USUAL),
}
# Libraries that others import if they are there. The layer does not have them.
NOT_IN_THE_LAYER = {"_distutils_hack", "certifi", "orjson"}
OTHER_PORTS = {"parley.ports.http.outgoing", "parley.ports.objects", "parley.ports.push", "parley.ports.queue"}
ENVIRONMENT = {
    "PATH": "/nowhere",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PARLEY_CONNECTIONS_URL": "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/prod",
}
# PyJWT imports cryptography if it is installed. The layer does not have it, so it is hidden here.
_PROGRAM = """
import gc, importlib.util, json, sys
sys.modules["cryptography"] = None
before = sum(generation["collections"] for generation in gc.get_stats())
specification = importlib.util.spec_from_file_location("app", sys.argv[1])
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
looked = sum(generation["collections"] for generation in gc.get_stats()) - before
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items() if module}
libraries = {name.split(".")[0] for name in files if "site-packages" in files[name]}
print(json.dumps([sorted(files), sorted(libraries), looked, gc.isenabled(), gc.get_freeze_count()]))
"""


@pytest.fixture(scope="module")
def started() -> dict[str, list[Any]]:
    """What each function's process printed when it was ready for its first request."""
    found = {}
    for name in FUNCTIONS:
        command = [sys.executable, "-c", _PROGRAM, str(REPOSITORY / "functions" / name / "app.py")]
        environment = {**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY / "layers" / "common" / "python")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found[name] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def imported(started: dict[str, list[Any]]) -> dict[str, tuple[set[str], set[str]]]:
    """The modules that each function has imported when it is ready for its first request, and their libraries."""
    return {name: (set(modules), set(libraries)) for name, (modules, libraries, *_) in started.items()}


@pytest.fixture(scope="module")
def loaded(imported: dict[str, tuple[set[str], set[str]]]) -> dict[str, set[str]]:
    """The modules that each function has imported when it is ready for its first request."""
    return {name: modules for name, (modules, _) in imported.items()}


def test_every_function_has_a_budget_of_imports():
    assert set(BUDGETS) == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_no_more_of_parley_than_its_budget_allows(loaded: dict[str, set[str]], name: str):
    """A module more takes every cold start half a millisecond. Raise the number if the function does need it."""
    most, _ = BUDGETS[name]
    own = {module for module in loaded[name] if module.split(".")[0] == "parley"}
    assert most - 20 < len(own) <= most


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_garbage_collector_is_off_while_a_function_starts_and_later_leaves_out_what_the_function_started_with(
    started: dict[str, list[Any]], name: str
):
    *_, looked, looks, kept = started[name]
    # The collector runs a few times before Parley switches it off. If it stayed on, it would run more than forty times.
    assert looked < 10
    assert looks
    assert kept > 10_000


def test_a_class_whose_objects_never_change_is_a_frozen_class_and_not_a_dataclass_which_starts_slower():
    modules = (REPOSITORY / "layers" / "common" / "python" / "parley").rglob("*.py")
    assert [str(path) for path in modules if "@dataclass(frozen=True" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_no_library_that_its_budget_does_not_list(
    imported: dict[str, tuple[set[str], set[str]]], name: str
):
    _, libraries = imported[name]
    assert libraries - NOT_IN_THE_LAYER <= BUDGETS[name][1]


@pytest.mark.parametrize("name", sorted({*FUNCTIONS} - {"push"}))
def test_a_function_that_somebody_waits_for_starts_without_botocores_sessions_and_clients(
    loaded: dict[str, set[str]], name: str
):
    assert loaded[name] & {"botocore.session", "botocore.client", "botocore.httpsession"} == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_nothing_that_it_never_needs(loaded: dict[str, set[str]], name: str):
    assert loaded[name] & NEVER == set()


@pytest.mark.parametrize("name", SMALL)
def test_a_small_function_does_not_import_the_web_framework(loaded: dict[str, set[str]], name: str):
    assert loaded[name] & WEB == set()


def test_the_rest_function_imports_the_web_framework(loaded: dict[str, set[str]]):
    # So the other tests would find the framework if a function imported it.
    assert {"fastapi", "starlette", "mangum", "pydantic"} <= loaded["rest_api"]


def test_the_rest_function_imports_what_reads_forms_with_files_and_tokens_with_the_first_of_them(
    loaded: dict[str, set[str]],
):
    # The libraries are installed, so the function could import them.
    assert importlib.util.find_spec("python_multipart") and importlib.util.find_spec("jwt")
    later = {
        "python_multipart",
        "multipart",
        "jwt",
        "parley.rest.multipart",
        "parley.ports.objects",
        "parley.ports.push",
    }
    assert loaded["rest_api"] & later == set()


@pytest.mark.parametrize("name", SMALL)
def test_a_function_does_not_import_the_other_doors(loaded: dict[str, set[str]], name: str):
    doors = {module.split(".")[1] for module in loaded[name] if module.startswith("parley.")} & {
        "rest",
        "sockets",
        "webhooks",
        "background",
    }
    own = {"webhooks": {"webhooks", "background"}, "push": {"background"}, "carriers": {"background"}}
    assert doors <= own.get(name, {"sockets"})


@pytest.mark.parametrize("name", SMALL)
def test_the_protocol_of_the_sdks_is_imported_with_its_first_packet(loaded: dict[str, set[str]], name: str):
    assert not {module for module in loaded[name] if module.startswith("parley.sockets.sdk")}


@pytest.mark.parametrize("name", ["ws_connect", "ws_message", "ws_disconnect"])
def test_a_socket_function_does_not_import_other_ports(loaded: dict[str, set[str]], name: str):
    assert not loaded[name] & OTHER_PORTS
