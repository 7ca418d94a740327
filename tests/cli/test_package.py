"""What `pipx install .` installs: the command and what it imports, at the pinned versions."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from local.home import REPOSITORY
from tests.architecture.test_imports import imported, modules

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
SHIPPED = WHEEL["force-include"]
LEFT_OUT = {REPOSITORY / name for name in WHEEL["exclude"]}
CORE = REPOSITORY / "layers" / "common" / "python"
# The modules that a dependency is imported as.
LIBRARIES = {"boto3": {"boto3", "botocore"}, "PyJWT": {"jwt"}, "click": {"click"}, "rich": {"rich"}}
LIBRARIES |= {"websockets": {"websockets"}, "aws-lambda-powertools": {"aws_lambda_powertools"}}


def file_of(name: str) -> Path | None:
    """The file of a module of this repository; `parley.keyring.AuthTokens` is in that of `parley.keyring`."""
    parts = name.split(".")
    root = CORE if parts[0] == "parley" else REPOSITORY
    for end in (len(parts), len(parts) - 1):
        path = root.joinpath(*parts[:end])
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def needed() -> Iterator[Path]:
    """Every file of the repository that the command imports, itself left out."""
    own = set(modules(REPOSITORY / "cli")) - LEFT_OUT
    seen: set[Path] = set()
    waiting = list(own)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imported(path):
            if name.split(".")[0] in ("cli", "local", "parley") and (found := file_of(name)):
                waiting.append(found)
                waiting += [folder / "__init__.py" for folder in found.parents if (folder / "__init__.py").is_file()]
    yield from seen - own


def test_the_package_holds_what_the_command_imports():
    """Its own modules, the whole core, and of the local runtime only what the command needs of it."""
    assert WHEEL["packages"] == ["cli", "layers/common/python/parley"]
    assert {REPOSITORY / name for name in SHIPPED} == {path for path in needed() if CORE not in path.parents}
    for name, place in SHIPPED.items():
        assert name == place


def test_the_package_needs_the_libraries_that_the_command_imports_at_the_pinned_versions():
    pinned = set()
    for name in ("runtime", "cli"):
        pinned |= set(
            re.findall(r"^\S+==\S+$", (REPOSITORY / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
        )
    dependencies = set(PROJECT["project"]["dependencies"])
    assert dependencies <= pinned
    files = [*(set(modules(REPOSITORY / "cli")) - LEFT_OUT), *needed()]
    used = {name.split(".")[0] for path in files for name in imported(path)}
    for dependency in dependencies:
        assert LIBRARIES[dependency.partition("==")[0]] & used
    others = used - {"cli", "local", "parley"} - set(sys.stdlib_module_names)
    assert others <= set().union(*LIBRARIES.values())


def test_functions_do_not_import_the_libraries_of_the_command():
    for root in (REPOSITORY / "functions", CORE / "parley"):
        for path in modules(root):
            assert not {name.split(".")[0] for name in imported(path)} & {"click", "rich", "cli", "websockets"}, path
