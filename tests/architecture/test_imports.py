"""Imports point from the doors down to the leaves, never up and never sideways."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from local.home import REPOSITORY

CORE = REPOSITORY / "layers" / "common" / "python" / "parley"
# From the doors down; what stands on one line are siblings that do not import each other, except within a package.
LAYERS = [
    {"runtime"},
    {"background"},
    {"rest", "sockets", "webhooks"},
    {"faces"},
    {"operations"},
    {"records"},
    {"domain", "store", "ports"},
    {
        "errors",
        "ids",
        "clock",
        "tokens",
        "settings",
        "log",
        "tracing",
        "metrics",
        "keyring",
        "starting",
        "stored",
        "jobs",
        "version",
    },
    {"frozen"},
]
# Leaves that build on other leaves; listed, so that a cycle cannot creep in.
AMONG_LEAVES = {
    ("ids", "clock"),
    ("tokens", "errors"),
    ("tokens", "ids"),
    ("keyring", "clock"),
    ("log", "tracing"),
}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*.py")) if "__pycache__" not in path.parts)


@cache
def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, those for type checkers only left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body.clear()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            # `from parley import errors` names a module, `from parley.errors import X` does not.
            is_package = node.module in ("parley", *(f"parley.{name}" for name in LEVEL))
            found |= {f"{node.module}.{name.name}" for name in node.names} if is_package else {node.module or ""}
    return found


def unit(name: str) -> str:
    """The layer's member that a module of the core belongs to: `parley.rest.routes` is of `rest`."""
    return name.split(".")[1]


def is_allowed(importer: str, wanted: str) -> bool:
    if importer == wanted or (importer, wanted) in AMONG_LEAVES:
        return True
    return LEVEL[importer] < LEVEL[wanted]


CORE_MODULES = [path for path in modules(CORE) if path != CORE / "__init__.py"]


@pytest.mark.parametrize("path", CORE_MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_of_the_core_imports_downwards_only(path: Path):
    importer = unit(".".join(("parley", *path.relative_to(CORE).with_suffix("").parts)))
    wanted = {name for name in imported(path) if name.startswith("parley.")}
    upwards = {name for name in wanted if not is_allowed(importer, unit(name))}
    assert upwards == set()


def test_every_module_of_the_core_has_its_place():
    names = {path.relative_to(CORE).with_suffix("").parts[0] for path in CORE_MODULES}
    assert names == set(LEVEL)


def users_of(root: Path, *libraries: str) -> set[str]:
    """Modules below a folder that import one of some libraries, as paths."""
    return {
        str(path.relative_to(root))
        for path in modules(root)
        if {name.split(".")[0] for name in imported(path)} & set(libraries)
    }


def test_only_the_rest_door_knows_the_web_framework():
    assert all(name.startswith("rest/") for name in users_of(CORE, "fastapi", "starlette", "mangum"))


def test_only_the_table_its_client_the_object_store_push_texting_and_the_composition_root_know_aws():
    ports = {f"ports/{name}.py" for name in ("aws", "objects", "push", "texting")}
    knowing = {*ports, "store/table.py", "store/patience.py", "runtime.py"}
    assert users_of(CORE, "boto3", "botocore") <= knowing


def test_the_code_that_all_protocols_share_imports_no_protocol_and_no_json():
    # A second protocol is a row in `protocols.py` and a package of its own; nothing else names one.
    for protocol in ("native", "sdk"):
        own = CORE / "sockets" / protocol
        for path in (path for path in modules(CORE) if own not in path.parents):
            assert not {name for name in imported(path) if name.startswith(f"parley.sockets.{protocol}")}, path
    for path in (CORE / "sockets").glob("*.py"):
        assert "json" not in imported(path), path


def test_functions_know_no_protocol_of_the_socket():
    for path in modules(REPOSITORY / "functions"):
        assert not {name for name in imported(path) if name.startswith(("parley.sockets.native", "parley.sockets.sdk"))}


def test_no_function_knows_aws_or_the_web_framework():
    assert users_of(REPOSITORY / "functions", "boto3", "botocore", "fastapi", "starlette", "mangum") == set()


def readers_of_the_environment(root: Path) -> set[str]:
    found = set()
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb", "putenv"):
                found.add(str(path.relative_to(root)))
    return found


def test_only_the_settings_read_the_environment():
    assert readers_of_the_environment(CORE) == {"settings.py"}
    assert readers_of_the_environment(REPOSITORY / "functions") == set()


def test_a_function_is_wired_of_the_doors_and_the_runtime_only():
    for path in modules(REPOSITORY / "functions"):
        wanted = {unit(name) for name in imported(path) if name.startswith("parley.")}
        assert wanted <= {
            "runtime",
            "settings",
            "starting",
            "errors",
            "faces",
            "log",
            "operations",
            "rest",
            "sockets",
            "webhooks",
        }, path


def test_functions_do_not_import_each_other_or_the_local_runtime():
    for path in modules(REPOSITORY / "functions"):
        assert not {name.split(".")[0] for name in imported(path)} & {"functions", "local", "tests", "bench"}, path


def test_the_core_knows_neither_functions_nor_the_local_runtime_nor_tests():
    assert users_of(CORE, "functions", "local", "tests", "bench") == set()


def test_the_local_runtime_holds_no_rules_of_chat():
    root = REPOSITORY / "local"
    # The numbers at AWS are enabled by whoever deploys. No API can do it, so the local run does it as the command does.
    for path in set(modules(root)) - {root / "stack" / "numbers.py"}:
        wanted = {unit(name) for name in imported(path) if name.startswith("parley.")}
        assert not wanted & {
            "domain",
            "store",
            "operations",
            "records",
            "faces",
            "rest",
            "sockets",
            "webhooks",
            "background",
        }, path


def test_rules_and_rows_do_not_wait_or_ask_for_the_time():
    # The clock is handed in; a rule that looks at the system's cannot be tested.
    for name in ("domain", "records", "operations"):
        assert users_of(CORE / name, "time", "random", "secrets", "socket", "threading", "asyncio") == set()


def test_only_a_perspective_itself_says_which_channels_a_face_shows():
    # A list of channels picks the lists to read by type, before there is a channel to ask about.
    askers = {
        path.name
        for path in modules(CORE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "shows" and "perspective" in ast.unparse(node.value)
    }
    assert askers == {"channel_lists.py"}, "ask `perspective.knows(channel)`"
