"""`parley content`: templates come from a file in the form of Twilio's Content API, and keep their SIDs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from parley.ids import content_sid
from parley.log import logger
from parley.operations import contents
from parley.operations.context import Context
from tests.cli.conftest import Run
from tests.cli.places import FakedPlace

WELCOME = {
    "friendly_name": "welcome",
    "language": "en",
    "variables": {"1": "Ada"},
    "types": {"twilio/text": {"body": "Hello {{1}}"}},
}
NOBODY = f"HX{'0' * 32}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "welcome.json"
    path.write_text(json.dumps(WELCOME))
    return path


def test_a_template_from_a_file_is_stored_under_a_sid_that_stays(parley: Run, place: FakedPlace, file: Path):
    sid = content_sid(place.account_sid, "welcome", "en")
    assert parley("content", "put", str(file)) == (0, f"{sid}\n", "")
    file.write_text(
        json.dumps({**WELCOME, "types": {"twilio/text": {"body": "Good day {{1}}"}}, "template": "greeting_2"})
    )
    assert parley("content", "put", str(file), "--json").json == {"sid": sid}
    (stored,) = contents.every(place.context)
    assert (stored["body"], stored["variables"], stored["template"]) == ("Good day {{1}}", {"1": "Ada"}, "greeting_2")


def test_the_list_shows_templates_with_the_beginning_of_their_texts(parley: Run, place: FakedPlace, file: Path):
    assert parley("content", "list") == (0, "no template is stored\n", "")
    assert parley("content", "list", "--json").json == []
    parley("content", "put", str(file))
    long = {**WELCOME, "language": "pt_BR", "types": {"twilio/text": {"body": "Bom dia\n" + "x" * 100}}}
    file.write_text(json.dumps(long))
    parley("content", "put", str(file))
    lines = [line.split("  ") for line in parley("content", "list").out.splitlines()]
    shown = [[cell.strip() for cell in line[1:] if cell] for line in lines]
    assert shown[0] == ["NAME", "LANGUAGE", "TEXT"]
    assert sorted(shown[1:]) == [["welcome", "en", "Hello {{1}}"], ["welcome", "pt_BR", f"Bom dia {'x' * 51}…"]]


def test_an_operation_logs_nothing_within_a_command_and_logs_again_after_it(
    parley: Run, place: FakedPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def every(context: Context) -> Iterator[Mapping[str, Any]]:
        logger.warning("a line of the log")
        return iter(())

    monkeypatch.setattr(contents, "every", every)
    assert parley("content", "list") == (0, "no template is stored\n", "")
    assert caplog.messages == []
    every(place.context)
    assert caplog.messages == ["a line of the log"]


def test_put_takes_what_fetch_has_printed(parley: Run, place: FakedPlace, file: Path):
    sid = parley("content", "put", str(file)).out.strip()
    ran = parley("content", "fetch", sid)
    assert json.loads(ran.out) == WELCOME
    assert parley("content", "fetch", sid, "--json").json == {"sid": sid, **WELCOME}
    file.write_text(ran.out)
    assert parley("content", "put", str(file)).out.strip() == sid


def test_a_deleted_template_is_gone(parley: Run, place: FakedPlace, file: Path):
    sid = parley("content", "put", str(file)).out.strip()
    assert parley("content", "delete", sid) == (0, f"{sid} is deleted\n", "")
    line = f"parley: there is no template {sid}: `parley content list` shows all\n"
    assert parley("content", "delete", sid) == (1, "", line)
    assert parley("content", "fetch", sid) == (1, "", line)


WRONG: dict[str, tuple[bytes, str]] = {
    "no json": (b"{", "is not JSON in UTF-8"),
    "another encoding": (b"\xff\xfe", "is not JSON in UTF-8"),
    "too deep": (b"[" * 100_000, "is not JSON in UTF-8"),
    "a list": (b"[]", "has no JSON object"),
    "too large": (b" " * 300_000, "is larger than 262144 bytes"),
    "no name": (json.dumps({**WELCOME, "friendly_name": ""}).encode(), "friendly_name: a text of 1 to 256 characters"),
    "no language": (json.dumps({**WELCOME, "language": "English"}).encode(), "language: a language such as en"),
    "another type": (json.dumps({**WELCOME, "types": {"twilio/media": {}}}).encode(), "types: twilio/text alone"),
    "a text that is too long": (
        json.dumps({**WELCOME, "types": {"twilio/text": {"body": "x" * 1601}}}).encode(),
        "body: a text of 1 to 1600 characters",
    ),
    "a text with half of a pair of surrogates": (
        json.dumps({**WELCOME, "types": {"twilio/text": {"body": "\ud800"}}}).encode(),
        "body: a text of 1 to 1600 characters",
    ),
    "a variable that is no text": (
        json.dumps({**WELCOME, "variables": {"1": 1}}).encode(),
        "content variables not json",
    ),
    "an unknown member": (json.dumps({**WELCOME, "sid": NOBODY}).encode(), "sid: a template has no such member"),
    "a name that Meta does not take": (
        json.dumps({**WELCOME, "template": "Welcome!"}).encode(),
        "template: WhatsApp's names",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_is_no_template_is_refused_and_nothing_is_stored(
    parley: Run, place: FakedPlace, file: Path, wrong: str
):
    content, line = WRONG[wrong]
    file.write_bytes(content)
    ran = parley("content", "put", str(file))
    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert line in ran.err
    assert contents.every(place.context) == []
