"""`parley content`: the templates that messages name by their SID."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from cli.options import Options, Sid, common, pass_options
from cli.trouble import Trouble

if TYPE_CHECKING:
    from cli.records import StoredContents

_LARGEST = 256 * 1024


@click.group("content")
@common
def command() -> None:
    """Store the texts that messages name with ContentSid."""


_sid = click.argument("sid", metavar="HX…", type=Sid("HX", "template"))


def _contents(options: Options) -> StoredContents:
    from cli.records import StoredContents

    return StoredContents(options.place)


@command.command("put")
@click.argument("file", type=click.File("rb"))
@common
@pass_options
def _put(options: Options, file: BinaryIO) -> None:
    """Store the template in FILE (- for standard input), and print its SID.

    The file has the JSON with which Twilio's Content API creates a template. A template with the same friendly name and
    language keeps its SID, and gets the new text.
    """
    sid = _contents(options).put(_read(file))["sid"]
    options.output.json({"sid": sid}) if options.json else options.output.line(sid)


def _read(file: BinaryIO) -> dict[str, Any]:
    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise Trouble(f"{file.name} is larger than {_LARGEST} bytes")
    try:
        given = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Trouble(f"{file.name} is not JSON in UTF-8: {error}") from None
    if not isinstance(given, dict):
        raise Trouble(f"{file.name} has no JSON object")
    return given


@command.command("list")
@common
@pass_options
def _list(options: Options) -> None:
    """Show the stored templates."""
    contents = _contents(options).all()
    if options.json:
        options.output.json([_facts(one) for one in contents])
    elif contents:
        rows = [(one["sid"], one["friendly_name"], one["language"], _start(one["body"])) for one in contents]
        options.output.table(("SID", "NAME", "LANGUAGE", "TEXT"), rows)
    else:
        options.output.line("no template is stored")


def _start(body: str) -> str:
    line = " ".join(body.split())
    return f"{line[:59]}…" if len(line) > 60 else line


@command.command("fetch")
@_sid
@common
@pass_options
def _fetch(options: Options, sid: str) -> None:
    """Print a template as the JSON that `put` takes. With --json, its SID is printed too."""
    facts = _facts(_contents(options).fetch(sid))
    options.output.json(facts if options.json else {name: value for name, value in facts.items() if name != "sid"})


def _facts(record: Any) -> dict[str, Any]:
    template = {"template": record["template"]} if record.get("template") else {}
    return {
        "sid": record["sid"],
        "friendly_name": record["friendly_name"],
        "language": record["language"],
        "variables": dict(record.get("variables", {})),
        "types": {"twilio/text": {"body": record["body"]}},
        **template,
    }


@command.command("delete")
@_sid
@common
@pass_options
def _delete(options: Options, sid: str) -> None:
    """Delete a template.

    A message that names it later, and has no text of its own, reaches no phone through AWS. Its receipts say so.
    """
    _contents(options).delete(sid)
    options.output.json({"sid": sid, "deleted": True}) if options.json else options.output.line(f"{sid} is deleted")
