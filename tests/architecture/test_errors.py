"""Errors: each is raised by the code and seen by a test, and each face has an answer to those that it can meet."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import fields
from functools import cache, partial
from pathlib import Path

import pytest

from local.home import REPOSITORY
from parley import errors
from parley.errors import Error, Refusal
from parley.faces import media
from parley.faces.errors import TABLE, Answer, Row, answer, translate
from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount
from parley.operations.table import OPERATIONS, Operation
from parley.records.kinds import Checked
from parley.sockets.native.actions import ACTIONS, Action
from tests.architecture.calls import errors_within, is_known
from tests.sdk.acts_of_tables import ACTS, Listed
from tools.api import refusals

CORE = REPOSITORY / "layers" / "common" / "python" / "parley"
TESTS = REPOSITORY / "tests"
ERRORS = {name: value for name, value in vars(errors).items() if isinstance(value, Error)}
# The modules that name every error and raise none.
TABLES = {CORE / "errors.py", CORE / "faces" / "errors.py"}
# Codes that stand for several texts: Twilio's general ones.
GENERAL = {20001, 20404, 20409, 20413, 20106}
COLUMNS = Row._fields
ANSWERS = [
    (column, name, found)
    for name, error in ERRORS.items()
    for column in COLUMNS
    if (found := getattr(TABLE.get(error, Row()), column))
]


@cache
def names_used(path: Path) -> frozenset[str]:
    """Every name and attribute that occurs in a module, outside its imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return frozenset(found)


@cache
def sources(root: Path) -> list[Path]:
    return [path for path in sorted(root.rglob("*.py")) if path not in TABLES]


@cache
def used_by_tests() -> tuple[frozenset[str], str]:
    """The names that tests use, and the whole text of the tests."""
    paths = [path for path in sources(TESTS) if path != Path(__file__)]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return frozenset().union(*map(names_used, paths)), texts


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_raised_by_the_code(name: str):
    is_raised = any(name in names_used(path) for path in sources(CORE) + sources(REPOSITORY / "functions"))
    assert is_raised, f"nothing raises {name}"


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_expected_by_a_test(name: str):
    names, texts = used_by_tests()
    # The error itself, one of its answers' texts up to what is filled in, or a code that stands for nothing else.
    assert name in names or any(is_in(texts, found) for _, of, found in ANSWERS if of == name), (
        f"no test expects {name}"
    )


def is_in(texts: str, found: Answer) -> bool:
    """Whether `texts` contain this answer's text or code, and that of no other answer."""
    others = [other for _, _, other in ANSWERS if other != found]
    is_only_one = all(other.code != found.code for other in others)
    is_only_pair = all(other[:2] != found[:2] for other in others)
    return (
        found.text.split("{")[0].strip() in texts
        or (is_only_one and re.search(rf"\b{found.code}\b", texts) is not None)
        or (is_only_pair and f"{found.status}, {found.code}" in texts)
    )


@pytest.mark.parametrize(
    ("column", "name", "found"), ANSWERS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_answer_has_a_status_a_code_and_a_text(column: str, name: str, found: Answer):
    assert 400 <= found.status <= 503
    assert 19_000 <= found.code < 60_000
    assert found.text == found.text.strip() and found.text[0].isupper() and not found.text.endswith(".")
    assert set(re.findall(r"\{(\w+)\}", found.text)) <= set(ERRORS[name].details)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_code_means_one_thing_in_a_face(column: str):
    meanings: dict[int, set[str]] = {}
    for of, _, found in ANSWERS:
        if of == column:
            meanings.setdefault(found.code, set()).add(found.text)
    several = {code for code, texts in meanings.items() if len(texts) > 1}
    # 50105 is "role type wrong" at Twilio's too, for a bad value and for the wrong scope.
    assert several - GENERAL <= {50105}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_code_has_one_status_in_a_face(column: str):
    statuses: dict[int, set[int]] = {}
    for of, _, found in ANSWERS:
        if of == column:
            statuses.setdefault(found.code, set()).add(found.status)
    # 20106: a token is bad (401), or good and not for this service (403), https://www.twilio.com/docs/api/errors/20106.
    assert {code for code, found in statuses.items() if len(found) > 1} <= {20106}


@pytest.mark.parametrize("column", COLUMNS)
def test_no_two_errors_are_answered_alike(column: str):
    rows = [(found.code, found.text) for of, _, found in ANSWERS if of == column]
    assert len(rows) == len(set(rows))


def test_every_error_has_an_answer_in_some_face():
    assert set(ERRORS.values()) == set(TABLE)
    assert [name for name, error in ERRORS.items() if not any(TABLE[error])] == []


def test_a_refusal_carries_its_error_and_its_details_and_knows_no_code():
    refusal = errors.MISSING_PARAMETER(name="Identity")
    assert isinstance(refusal, Refusal)
    assert refusal.error is errors.MISSING_PARAMETER
    assert str(refusal) == "MISSING_PARAMETER(name='Identity')"
    assert translate("chat", refusal) == (400, 20001, "Missing required parameter Identity in the post body")


def test_a_refusal_without_an_answer_is_logged_and_becomes_an_internal_error(caplog: pytest.LogCaptureFixture):
    assert translate("account", errors.MEMBER_EXISTS()) == answer("account", errors.INTERNAL)
    assert "refusal without an answer" in caplog.text


@cache
def calls_by_name() -> dict[str, list[tuple[Path, ast.Call]]]:
    """Every call in the core, by the last name of what is called."""
    found: dict[str, list[tuple[Path, ast.Call]]] = {}
    for path in sources(CORE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                found.setdefault(name, []).append((path, node))
    return found


@pytest.mark.parametrize("name", [name for name, error in ERRORS.items() if error.details])
def test_an_error_is_raised_with_all_its_details(name: str):
    for path, node in calls_by_name().get(name, ()):
        assert {keyword.arg for keyword in node.keywords} == set(ERRORS[name].details), f"{path}:{node.lineno}"


def root(operation: Operation) -> str:
    """An operation's name in the graph of calls."""
    while isinstance(operation, partial):
        operation = operation.func
    return f"{operation.__module__}.{operation.__qualname__}"


def in_form(mount: Mount, verb: str) -> tuple[set[str], set[str]]:
    """What a form can raise: the errors that its kinds name, and the functions that parse it."""
    named = {parameter.missing for parameter in mount.form(verb)}
    named |= {"update": {mount.empty_update}, "list": {mount.by_index}}.get(verb, set())
    functions = {"parley.faces.forms.parse"} if mount.form(verb) else set()
    for parameter in mount.form(verb):
        kind = parameter.kind
        values = [getattr(kind, field.name) for field in fields(kind)]  # type: ignore[arg-type]
        named |= {value for value in values if isinstance(value, Error)}
        functions.add(f"parley.records.kinds.{type(kind).__name__}.parse")
        functions |= {root(kind.rule)} if isinstance(kind, Checked) else set()
    return {error.name for error in named if error}, functions


def raised(mount: Mount, verb: str, operation: Operation, *doors: str) -> set[str]:
    """The names of the errors that a request to a mount can meet."""
    named, functions = in_form(mount, verb)
    return named | errors_within({*functions, root(operation), *doors})


def lacking(column: str, names: Iterable[str], table: dict[Error, Row] = TABLE) -> set[str]:
    return {name for name in names if getattr(table.get(ERRORS[name], Row()), column) is None}


OFFERED = [(mount, verb) for mount in MOUNTS for verb in mount.verbs]
IDS = [f"{mount.face.name} {mount.resource} {mount.plural}{verb}" for mount, verb in OFFERED]
IN_REST = "parley.rest.routes."
IN_MEDIA = "parley.rest.media."


def over_rest(mount: Mount, verb: str) -> set[str]:
    if mount.face is media.FACE:
        doors = [IN_MEDIA + "prepared", IN_MEDIA + "answer_file" if mount is media.FILES else IN_REST + "answer_one"]
    else:
        doors = [IN_REST + "_prepared", IN_REST + ("answer_list" if verb == "list" else "answer_one")]
    # What the graph misses, because a kind is within another or a rule is a closure.
    of_form = {error.name for error in refusals.of_form(mount, verb)}
    return raised(mount, verb, OPERATIONS[mount.resource, verb], *doors) | of_form


@pytest.mark.parametrize(("mount", "verb"), OFFERED, ids=IDS)
def test_a_face_answers_every_error_that_its_operations_can_raise(mount: Mount, verb: str):
    assert lacking(mount.face.errors, over_rest(mount, verb)) == set()


@pytest.mark.parametrize(("mount", "verb"), OFFERED, ids=IDS)
def test_the_reference_names_no_error_that_an_operation_cannot_raise(mount: Mount, verb: str):
    named = refusals.own(mount, verb)
    assert {error.name for error in named} <= over_rest(mount, verb)


def test_the_observed_refusals_are_those_of_operations():
    known = {str(refusals.asked(mount, verb)) for mount, verb in OFFERED}
    assert set(json.loads(refusals.OBSERVED.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("name", ["answer_file", "answer_set", "to_bytes", "to_content"])
def test_the_media_face_answers_every_error_that_its_own_routes_can_raise(name: str):
    assert is_known(IN_MEDIA + name)
    assert lacking("chat", errors_within([IN_MEDIA + name])) == set()


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if isinstance(action, Action)])
def test_the_native_sockets_answer_every_error_that_an_action_can_raise(name: str):
    action = ACTIONS[name]
    assert isinstance(action, Action)
    operation = action.operation or OPERATIONS[action.mount.resource, action.verb]
    asking = "parley.webhooks.asking.PreEvents.ask"
    assert is_known(asking)
    assert lacking("chat", raised(action.mount, action.verb, operation, asking)) == set()


@pytest.mark.parametrize("listed", ACTS, ids=str)
def test_the_sdks_are_answered_every_error_that_an_act_can_raise(listed: Listed):
    asking = "parley.webhooks.asking.PreEvents.ask"
    found = raised(listed.mount, listed.act.verb, listed.operation, asking, "parley.faces.forms.spelled")
    assert lacking(listed.mount.face.errors, found) == set()


def test_the_sdks_are_answered_every_error_that_their_own_code_raises():
    # What answers below `/Client/v2`.
    modules = [CORE / "sockets" / "sdk" / f"{name}.py" for name in ("acts", "configuration", "upstream")]
    names = {name for path in modules for name in names_used(path) if name in ERRORS}
    assert {"NOT_FOUND", "NO_CHANNEL_METADATA"} <= names
    assert lacking("conversations", names) == set()


def test_the_native_sockets_answer_every_error_that_their_own_code_raises():
    paths = [*sources(CORE / "sockets"), CORE / "tokens.py", *sources(REPOSITORY / "functions")]
    assert lacking("chat", {name for path in paths for name in names_used(path) if name in ERRORS}) == set()


def test_every_operation_is_in_the_graph_of_calls():
    assert [key for key, operation in OPERATIONS.items() if not is_known(root(operation))] == []


def test_the_graph_of_calls_finds_the_errors_of_a_join_and_none_of_chat_in_the_account_api():
    (members,) = (mount for mount in MOUNTS if (mount.face.name, mount.resource) == ("chat_v2", "member"))
    expected = {"MEMBER_EXISTS", "CHANNEL_FULL", "USER_CHANNELS_FULL", "CHANNEL_RATE", "ROLE_NOT_FOUND"}
    expected |= {"IDENTITY_TOO_LONG", "CONCURRENT_UPDATE", "UNAVAILABLE", "UNAUTHENTICATED", "INVALID_BODY"}
    assert expected <= over_rest(members, "create")
    # If the row is taken out of the table, that is noticed.
    table = {error: row for error, row in TABLE.items() if error is not errors.MEMBER_EXISTS}
    assert lacking("chat", over_rest(members, "create"), table) == {"MEMBER_EXISTS"}
    of_the_account = {
        name for mount, verb in OFFERED if mount.face.name == "account" for name in over_rest(mount, verb)
    }
    assert "FRIENDLY_NAME_TOO_LONG" in of_the_account
    assert not of_the_account & {"MEMBER_EXISTS", "CHANNEL_RATE", "ROLE_NOT_FOUND"}
