"""The command line against running services: the shared stack, one that a file may break, and stacks in a fake of AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.main import main
from cli.options import Options
from cli.rest import Rest
from local.home import Home, read_json, write_json
from local.stack.running import Stack, start_stack
from local.template.template import Template
from tests.cli.places import FakedPlace


class Ran(NamedTuple):
    """What a command left: its exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def parley(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process, on no service unless a fixture names one."""
    monkeypatch.delenv("PARLEY_STACK", raising=False)

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        status = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(status, out, err)

    return run


@pytest.fixture
def place(dynamodb: Any, template: Template, monkeypatch: pytest.MonkeyPatch) -> FakedPlace:
    """A stack with phones, which the commands work on."""
    (table,) = template.tables()
    place = FakedPlace(dynamodb, table.name)
    monkeypatch.setattr(Options, "place", place)
    return place


def use(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_HOME", str(stack.home.path))


@pytest.fixture
def local(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The shared stack, on which the commands work."""
    use(stack, monkeypatch)
    return stack


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of the file's own, whose secrets and processes a test may change."""
    running = start_stack(Path(tmp_path_factory.mktemp("breakable")) / "home")
    yield running
    running.kill()


def rest_of(stack: Stack) -> Rest:
    """The REST API of a stack, with the account's credentials."""
    return Rest(stack.info["rest_url"], stack.info["account_sid"], stack.info["auth_token"])


def services(stack: Stack) -> list[str]:
    return [service["sid"] for service in rest_of(stack).listed("/chat/v2/Services", "services")]


def keys(stack: Stack) -> list[str]:
    path = f"/2010-04-01/Accounts/{stack.info['account_sid']}/Keys.json?PageSize=1000"
    return [key["sid"] for key in rest_of(stack).get(path)["keys"]]


def altered_home(stack: Stack, folder: Path, **info: Any) -> Home:
    """A home that tells of a running stack, except for some facts."""
    home = Home(folder)
    home.create()
    for name in ("plan.json", "kept.json", "processes.json"):
        write_json(home.path / name, read_json(stack.home.path / name))
    write_json(home.info, {**stack.info, **info})
    return home


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the commands work on a stack of which they are told something wrong."""

    def alter(stack: Stack, **info: Any) -> None:
        home = altered_home(stack, tmp_path / "altered", **info)
        monkeypatch.setenv("PARLEY_HOME", str(home.path))

    return alter
