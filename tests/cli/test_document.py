"""docs/cli.md shows what the commands print."""

from __future__ import annotations

import re

import pytest

from local.stack.running import Stack
from tests.cli.conftest import Run, rest_of
from tools.cli_page import PAGE, written

TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```console\n\$ parley (.*?)\n(.*?)\n```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_help_in_the_document_is_the_commands():
    assert written(TEXT) == TEXT, "run `python -m tools.cli_page`"


def test_there_are_examples():
    assert [command for command, _ in EXAMPLES] == ["credentials", "doctor", "status", "auth-token rotate"]


# What is another value at each run.
_VALUES = (
    (re.compile(r"\b[A-Z]{2}[0-9a-f]{32}\b"), "SID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "moment"),
    (re.compile(r"(?<=home) +/\S+"), " folder"),
    (re.compile(r"\d+(\.\d+)*"), "0"),
    (re.compile(r" +"), " "),
)


def shape(text: str) -> list[str]:
    """What is the same at each run."""
    for pattern, name in _VALUES:
        text = pattern.sub(name, text)
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_shows_what_the_command_prints(
    parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
):
    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    if command == "status":
        rest_of(breakable).post("/chat/v2/Services", FriendlyName="Team")
    ran = parley(*command.split())
    assert (ran.status, ran.err) == (0, "")
    assert shape(ran.out) == shape(shown)
