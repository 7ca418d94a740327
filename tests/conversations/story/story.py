"""Tells story.json with Twilio's helper library for Python, as story.cjs does with the one for Node.

Each step has five parts: a title, a resource as the library names it, a verb, a form with the names that go over the wire,
and a name under which later steps use the SID of the result. `scope` is the default service, or the service that paths name.
`list known` leaves out what the story has not made: some lists are of the whole account. `list sorted` is for participants,
whose order follows from their SIDs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twilio.base.exceptions import TwilioException

from tests.helper_libraries.answers import plain, refusal
from tests.helper_libraries.transcripts import numbered

HERE = Path(__file__).resolve().parent
STEPS = json.loads((HERE / "story.json").read_text(encoding="utf-8"))
_DATE = re.compile(r"20(?!15)\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NAME = re.compile(r"\{(\w+)\}")


def tell(api: Any, scope: Any, names: dict[str, str]) -> list[list[Any]]:
    """Make every step; what the library told of each.

    Args:
        names: The SIDs that the story begins with, by their names.
    """
    roots = {"api": api, "scope": scope, "service": api.services(names["service"])}
    return [[step[0], _tell(roots, names, *step[1:])] for step in STEPS]


def _tell(roots: dict[str, Any], names: dict[str, str], path: str, verb: str, *more: Any) -> Any:
    form, name = (*more, {}, "")[:2] if len(more) < 2 else more
    act, _, how = verb.partition(" ")
    given = {_parameter(key): _valued(value, names) for key, value in form.items()}
    try:
        result = getattr(_addressed(roots, names, path), act)(**given)
    except TwilioException as error:
        return refusal(error)
    if name:
        names[name] = result.sid
    if not isinstance(result, list):
        return result if result is True else _shown(result)
    if how == "sorted":
        result.sort(key=lambda item: item.identity or "")
    return [_shown(item) for item in result if how != "known" or item.sid in names.values()]


def _addressed(roots: dict[str, Any], names: dict[str, str], path: str) -> Any:
    """`scope.users(alice).user_conversations` as the library has it."""
    found: Any = None
    for name, parentheses, address in re.findall(r"(\w+)(\(([^)]*)\))?\.?", path):
        part = roots[name] if found is None else getattr(found, name)
        found = part(*([_valued(address, names)] if address else [])) if parentheses else part
    return found


def _valued(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_valued(part, names) for part in value]
    return _NAME.sub(lambda found: names.get(found[1], found[0]), value) if isinstance(value, str) else value


def _parameter(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace(".", "_")).lower()


def _shown(item: Any) -> dict[str, Any]:
    return {name: plain(value) for name, value in vars(item).items() if not name.startswith("_")}


def settled(calls: list[list[Any]], base_url: str) -> list[list[Any]]:
    """The calls without what differs by nature: the moment, SIDs and the server's address."""
    text = json.dumps(numbered(calls), ensure_ascii=False).replace(base_url, "")
    settled: list[list[Any]] = json.loads(_DATE.sub("now", text))
    return settled
