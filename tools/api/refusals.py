"""Which errors each operation of the REST API can answer.

    python -m tools.api.refusals <folder>

Some follow from the request: every list can refuse a page size. Others follow from the form: bad values are tried on
each parameter. The rest stand in `refusals.json`: each error that a test has provoked at an operation, and the limits
on actions per second, which are tried on a few operations only. If a test provokes another error, it fails.
This command adds what tests have written below a folder:

    PARLEY_REFUSALS=<folder> .venv/bin/python -m pytest tests/rest tests/conversations
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "layers/common/python"))

from parley import errors
from parley.errors import Error, Refusal
from parley.faces import media
from parley.faces.errors import _BY_RECORD, _BY_TYPE, TABLE, Answer, answer
from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount, Parameter
from parley.rest.routes import METHODS
from tools.published import REPOSITORY, Offered, offered

OBSERVED = Path(__file__).with_name("refusals.json")
# Values that most kinds of parameters refuse for one reason or another.
_BAD = (
    *("", "nope", "-1", "99999999999999999999", "{", "[1]", '{"1": 1}', "x" * 300, "\u00e9" * 40_000, "/path"),
    *(
        "system",
        "US" + "0" * 32,
        "CH" + "0" * 32,
        "HX",
        "PT1S",
        "http://",
        "http://10.0.0.1/",
        "https://a.example/" * 200,
    ),
    *(json.dumps({"1": "x" * 300}), json.dumps({"x" * 30: "1"}), json.dumps({str(n): "x" * 256 for n in range(200)})),
    json.dumps("x" * 40_000),
)
# What any request can meet, and what a path, a list or a body adds.
_ALWAYS = (errors.UNAUTHENTICATED, errors.INTERNAL, errors.UNAVAILABLE)
_OF_LISTS = (errors.INVALID_PARAMETER, errors.INVALID_PAGE_SIZE, errors.INVALID_PAGE_TOKEN)
_OF_BODIES = (errors.INVALID_BODY, errors.TOO_LARGE)
_OF_TOKENS = (
    *(errors.TOKEN_INVALID, errors.TOKEN_HEADER, errors.TOKEN_ISSUER, errors.TOKEN_EXPIRED, errors.TOKEN_GRANTS),
    *(errors.TOKEN_NOT_YET_VALID, errors.TOKEN_SIGNATURE, errors.TOKEN_FOREIGN_SERVICE, errors.TOKEN_TOO_LONG_LIVED),
    *(errors.IDENTITY_TOO_LONG_TO_CONNECT, errors.ENDPOINT_ID_TOO_LONG),
)
_BY_NAME = {error.name: error for error in TABLE}


class Asked(NamedTuple):
    """A verb of a resource in a column of the table of errors: the operations that share their observed refusals."""

    column: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return ".".join(self)


def asked(mount: Mount, verb: str) -> Asked:
    """What the observed refusals of an operation are listed under."""
    return Asked(mount.face.errors, mount.resource, verb)


def of(mount: Mount, verb: str) -> tuple[Error, ...]:
    """The errors that an operation can answer, in the order of the table."""
    found = {*_from_request(mount, verb), *of_form(mount, verb), *observed(asked(mount, verb))}
    return tuple(error for error in TABLE if error in found)


def own(mount: Mount, verb: str) -> tuple[Error, ...]:
    """The errors of an operation without those that every operation of its kind can answer."""
    common = {*_from_request(mount, verb)} - {errors.INVALID_PARAMETER}
    return tuple(error for error in of(mount, verb) if error not in common)


def _from_request(mount: Mount, verb: str) -> set[Error]:
    found = {*_ALWAYS}
    found |= {errors.NOT_FOUND} if "{" in mount.route(verb) else set()
    found |= {errors.CONCURRENT_UPDATE} if verb in ("create", "update", "delete") else set()
    found |= {*_OF_BODIES} if METHODS[verb] == "POST" else set()
    found |= {errors.ACCESS_DENIED} if mount.record.prefix == "SK" else set()
    found |= {mount.empty_update} if verb == "update" else set()
    found |= {*_OF_TOKENS} if mount.face is media.FACE else set()
    if verb == "list":
        found |= {*_OF_LISTS[:2], mount.by_index or _OF_LISTS[2]}
    return found


def of_form(mount: Mount, verb: str) -> frozenset[Error]:
    """The errors with which bad values in a form are refused."""
    return _of_form(mount.face.name, mount.path, verb)


@cache
def _of_form(face: str, path: str, verb: str) -> frozenset[Error]:
    (mount,) = (mount for mount in MOUNTS if (mount.face.name, mount.path) == (face, path))
    found: set[Error] = set()
    for parameter in mount.form(verb):
        found |= _tried(parameter)
        if parameter.is_required or (parameter.always and verb == "update"):
            found.add(parameter.missing or errors.MISSING_PARAMETER)
    return frozenset(found)


def _tried(parameter: Parameter) -> set[Error]:
    found = set()
    for values in (*([value] for value in _BAD), ["x"] * 200, ["{}"] * 200):
        try:
            parameter.kind.parse(parameter.form_name, values)
        except Refusal as refusal:
            found.add(refusal.error)
    return found


@cache
def _observed() -> dict[str, list[str]]:
    return dict(json.loads(OBSERVED.read_text(encoding="utf-8")))


def observed(where: Asked) -> tuple[Error, ...]:
    """The errors that tests have provoked at an operation."""
    return tuple(_BY_NAME[name] for name in _observed().get(str(where), ()))


def answers(column: str, error: Error) -> list[Answer]:
    """Every answer of a column to an error; codes may depend on the case."""
    found = answer(column, error)
    codes = [found.code, *_BY_TYPE.get((column, error), {}).values(), *_BY_RECORD.get((column, error), {}).values()]
    return [found._replace(code=code) for code in dict.fromkeys(codes)]


def error_of(column: str, status: int, code: int, text: str) -> Error | None:
    """The error that an answer tells of."""
    if text.startswith("The requested resource ") and code == 20404:
        return errors.NOT_FOUND
    # Exact texts first: some of them are also what a text with names in it can become.
    for error in sorted(TABLE, key=lambda error: len(error.details)):
        if getattr(TABLE[error], column) is None:
            continue
        for known in answers(column, error):
            pattern = re.sub(r"\\\{\w+\\\}", ".*", re.escape(known.text))
            if (known.status, known.code) == (status, code) and re.fullmatch(pattern, text, re.DOTALL):
                return error
    return None


@cache
def _routes() -> list[tuple[str, re.Pattern[str], Offered]]:
    found = [
        (
            one.method,
            re.compile(re.sub(r"\{\w+\}", "[^/]+", re.escape(one.path).replace(r"\{", "{").replace(r"\}", "}"))),
            one,
        )
        for one in offered()
    ]
    # What stands fixed comes before what a name fills.
    return sorted(found, key=lambda one: one[2].path.count("{"))


def offered_at(method: str, path: str) -> Offered | None:
    """The operation that a request is for."""
    wanted = "GET" if method == "HEAD" else method
    return next((one for verb, pattern, one in _routes() if verb == wanted and pattern.fullmatch(path)), None)


def main(folder: str) -> None:
    found: dict[str, set[str]] = {where: set(names) for where, names in _observed().items()}
    for file in Path(folder).glob("*.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            where, name = line.split()
            found.setdefault(where, set()).add(name)
    implied: dict[str, set[str]] = {}
    for one in offered():
        where = str(asked(one.mount, one.verb))
        names = {error.name for error in (*_from_request(one.mount, one.verb), *of_form(one.mount, one.verb))}
        implied[where] = implied.get(where, names) & names
    order = [error.name for error in TABLE]
    written = {
        where: sorted(names - implied[where], key=order.index)
        for where, names in sorted(found.items())
        if where in implied and names - implied[where]
    }
    OBSERVED.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {OBSERVED.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main(sys.argv[1])
