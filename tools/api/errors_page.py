"""The page of error codes: for each code its status, message, cause and cure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from parley import errors
from parley.errors import Error
from parley.faces.errors import TABLE, Row
from tools.api import words
from tools.api.causes import CAUSES
from tools.api.refusals import answers

_LABELS = {"chat": "Chat", "conversations": "Conversations", "account": "account"}
# What requests meet whatever they ask for.
_EVERYWHERE = (
    *(errors.UNAUTHENTICATED, errors.NOT_FOUND, errors.VERB_NOT_ALLOWED, errors.INVALID_BODY, errors.TOO_LARGE),
    *(errors.EMPTY_UPDATE, errors.INVALID_PAGE_SIZE, errors.INVALID_PAGE_TOKEN, errors.CONCURRENT_UPDATE),
    *(errors.INTERNAL, errors.UNAVAILABLE),
)


class Told(NamedTuple):
    """One answer to an error, and the APIs that give it."""

    error: Error
    code: int
    status: int
    text: str
    where: str


def told() -> list[Told]:
    """Every answer to an error, by code."""
    found: dict[tuple[str, int, int, str], list[str]] = {}
    for error, row in TABLE.items():
        for column in Row._fields:
            if getattr(row, column) is not None:
                for one in answers(column, error):
                    found.setdefault((error.name, one.code, one.status, one.text), []).append(column)
    by_name = {error.name: error for error in TABLE}
    rows = [
        Told(by_name[name], code, status, text, _where(columns))
        for (name, code, status, text), columns in found.items()
    ]
    return sorted(rows, key=lambda one: one.code)


def _where(columns: list[str]) -> str:
    return "all" if len(columns) == len(_LABELS) else ", ".join(_LABELS[column] for column in columns)


def page(notice: str) -> str:
    """The page."""
    return "\n".join([notice, *_introduction(), *_everywhere(), *_codes()])


def _introduction() -> Iterator[str]:
    yield "# Error codes\n"
    yield "A refused request changes nothing. Its answer has the HTTP status of the error and this body:\n"
    yield '```json\n{\n  "code": 50404,\n  "message": "Member already exists",'
    yield '  "more_info": "https://www.twilio.com/docs/errors/50404",\n  "status": 409\n}\n```\n'
    yield "Sockets answer with the same codes and messages. Codes and messages are those of Twilio where Twilio"
    yield "documents them. A name in braces stands for a detail of the request. *Chat* includes media and sockets.\n"
    yield "The helper library for Python raises `TwilioRestException`, which has `status`, `code` and `msg`.\n"


def _everywhere() -> Iterator[str]:
    yield "## Every request\n"
    yield "Every request can be refused with these codes, so the other pages do not repeat them.\n"
    yield "| Code | Status | Message |\n| --- | --- | --- |"
    rows = {(one.code, one.status, one.text) for one in told() if one.error in _EVERYWHERE and one.where == "all"}
    yield (
        "\n".join(f"| [{code}](#{code}) | {status} | {words.message(text)} |" for code, status, text in sorted(rows))
        + "\n"
    )


def _codes() -> Iterator[str]:
    yield "## All codes\n"
    by_code: dict[int, list[Told]] = {}
    for one in told():
        by_code.setdefault(one.code, []).append(one)
    for code, rows in by_code.items():
        yield f"### {code}\n"
        yield "| Status | In | Message | Cause | What to do |\n| --- | --- | --- | --- | --- |"
        for one in rows:
            why, cure = CAUSES[one.error]
            yield f"| {one.status} | {one.where} | {words.message(one.text)} | {why} | {cure} |"
        yield ""
