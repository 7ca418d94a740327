"""What holds for every operation alike, looped over the registry: who may ask, what is not there, what is malformed.

One item of every row is made once, through each door. All these requests are refused, so at the end everything must be
as it was.

Wrong credentials and malformed addresses take turns, unless `PARLEY_EVERY_CASE=1`: each operation tries a third of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.rest.everything import ABSENT, OPERATIONS, Everything, Operation, make, seen
from tests.support.behind import table_behind, world_behind
from tests.support.doors import FORM, Answer, HttpDoor, LambdaDoor, Raw
from tests.support.turns import in_turn
from tests.support.world import World

CORS = {"Origin": "https://app.example.com"}


@dataclass
class Target:
    """A door with one of everything behind it, a second service of the same account, and another account.

    `more` makes one of everything that a test may change, if asked also in the default service; `others` is another channel and user of the first service.
    """

    raw: Raw
    auth_token: str
    items: Everything
    other_service: Everything
    other_account: Everything
    more: Callable[[bool], Everything]
    others: dict[str, str]


@pytest.fixture(scope="module", params=["lambda", "http"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "lambda":
        lean = request.getfixturevalue("lean")
        (table,) = request.getfixturevalue("template").tables()
        world, stranger = World(lean, table.name), World(lean, table.name)
        door: LambdaDoor | HttpDoor = LambdaDoor(world)
    else:
        door = request.getfixturevalue("http_door")
        stack = request.getfixturevalue("stack")
        world, stranger = world_behind(stack), World(*table_behind(stack))
    raw = Raw(door)
    items = make(raw, world.context(), default=True)
    path = f"/chat/v2/Services/{items.addresses['service_sid']}"
    others = {
        "channel_sid": raw.post(f"{path}/Channels", Type="private")["sid"],
        "user_sid": raw.post(f"{path}/Users", Identity="yan")["sid"],
    }
    found = Target(
        raw,
        door.auth_token,
        items,
        make(raw, world.context(), " else"),
        make(Raw(LambdaDoor(stranger)), stranger.context()),
        lambda default: make(raw, world.context(), " more", default=default),
        others,
    )
    before = [seen(raw, each) for each in (items, found.other_service)]
    yield found
    after = [seen(raw, each) for each in (items, found.other_service)]
    assert [name for now, then in zip(after, before, strict=True) for name in now if now[name] != then[name]] == []


def every(*conditions: Callable[[Operation], bool]) -> Any:
    """A mark that runs a test for each operation that meets the conditions."""
    return for_each([operation for operation in OPERATIONS if all(condition(operation) for condition in conditions)])


def for_each(operations: list[Operation]) -> Any:
    return pytest.mark.parametrize("operation", operations, ids=lambda operation: operation.name)


def names_a(name: str) -> Callable[[Operation], bool]:
    return lambda operation: name in operation.names


def posts(operation: Operation) -> bool:
    return operation.method == "POST"


def takes_form(operation: Operation) -> bool:
    return operation.takes_form


def not_found(operation: Operation, answer: Answer, addresses: dict[str, str]) -> None:
    """The answer must be a 404 that names the path that was asked for, and nothing else."""
    path = operation.path(addresses)
    named = path if operation.mount.face.style == "2010" else path.removeprefix(operation.mount.face.prefix)
    assert answer.refusal() == (404, 20404, f"The requested resource {named} was not found")
    assert set(answer.json) == {"code", "message", "more_info", "status"}


# Who asks


@every()
def test_without_the_right_credentials_nothing_is_told(target: Target, operation: Operation):
    account, token = target.items.account_sid, target.auth_token
    for addresses in (target.items.of(operation), {**target.items.of(operation), **ABSENT}):
        answer = operation.ask(target.raw, addresses, credentials=None)
        assert answer.refusal() == (401, 20003, "Authenticate")
        assert answer.headers["x-amzn-remapped-www-authenticate"] == 'Basic realm="Twilio API"'
    wrong = [
        (account, token[:-1] + "x"),
        (account, ""),
        (account, token.upper()),
        (ABSENT["account_sid"], token),
        ("SK" + "0" * 32, token),
        (target.items.items["api_key"], token),
    ]
    for credentials in in_turn(wrong, OPERATIONS.index(operation)):
        answer = operation.ask(target.raw, target.items.of(operation), credentials=credentials)
        assert answer.refusal() == (401, 20003, "Authenticate"), credentials


# What is not there


@every(names_a("service_sid"), lambda operation: operation.names != ["service_sid"])
def test_another_service_does_not_know_what_is_in_this_one(target: Target, operation: Operation):
    addresses = target.items.of(operation, service_sid=target.other_service.addresses["service_sid"])
    not_found(operation, operation.ask(target.raw, addresses), addresses)


@every(names_a("channel_sid"), posts)
@pytest.mark.parametrize("identity", ["alice", "zoe", "carol"])
def test_another_service_is_not_told_who_is_in_a_channel_or_invited(
    target: Target, operation: Operation, identity: str
):
    """Alice is a member and zoe is invited; a channel of another service answers as if it were not there."""
    own, other = target.items.of(operation), target.other_service.of(operation)
    addresses = own | {name: other[name] for name in ("service_sid",) if operation.scope != "default"}
    addresses |= {name: other[name] for name in ("channel_sid",) if operation.scope == "default"}
    form = {**operation.form, "Identity": identity}
    not_found(operation, target.raw("POST", operation.path(addresses), form), addresses)


@every(lambda operation: len(operation.names) > 0)
def test_every_address_of_another_service_is_unknown_in_this_one(target: Target, operation: Operation):
    """Each position in the path in turn holds what is right in another service."""
    own, other = target.items.of(operation), target.other_service.of(operation)
    for name in operation.names:
        if name in ("service_sid", "account_sid") or own[name] == other[name] or operation.names == ["sid"]:
            continue
        addresses = {**own, name: other[name]}
        if "service_sid" in operation.names:
            not_found(operation, operation.ask(target.raw, addresses), addresses)


@every(lambda operation: len(operation.names) > 0)
def test_another_account_is_unknown(target: Target, operation: Operation):
    addresses = target.other_account.of(operation)
    not_found(operation, operation.ask(target.raw, addresses), addresses)


# Address -> what nothing is found under.
NOWHERE = {name: [sid] for name, sid in ABSENT.items()}
NOWHERE["channel_sid"].append("nowhere")
NOWHERE["user_sid"].append("nobody")
NOWHERE["account_sid"] += ["AC", "me"]


@every(lambda operation: len(operation.names) > 0)
def test_a_record_that_never_existed_is_not_found_nor_anything_in_it(target: Target, operation: Operation):
    for name in operation.names:
        for absent in NOWHERE.get(name) or (operation.prefix + "0" * 32, operation.prefix + "f" * 32):
            addresses = target.items.of(operation, **{name: absent})
            not_found(operation, operation.ask(target.raw, addresses), addresses)


@every(names_a("sid"), lambda operation: {"channel_sid", "user_sid"} & set(operation.names))
def test_an_item_is_not_found_in_another_channel_or_under_another_user(target: Target, operation: Operation):
    for name, other in target.others.items():
        if name in operation.names:
            addresses = target.items.of(operation, **{name: other})
            not_found(operation, operation.ask(target.raw, addresses), addresses)


def names_a_conversation(operation: Operation) -> bool:
    is_one = operation.prefix == "CH" and "sid" in operation.names
    return operation.scope != "chat" and (is_one or "channel_sid" in operation.names)


@every(names_a_conversation)
def test_a_public_channel_is_no_conversation(target: Target, operation: Operation):
    name = "channel_sid" if "channel_sid" in operation.names else "sid"
    addresses = target.items.of(operation, **{name: target.items.public_channel(operation)})
    not_found(operation, operation.ask(target.raw, addresses), addresses)


@every(lambda operation: operation.verb == "list", names_a("service_sid"))
def test_a_list_shows_nothing_of_another_service(target: Target, operation: Operation):
    own, other = (
        {item[NAMED_BY.get(operation.resource, "sid")] for item in listed(target.raw, operation, items)}
        for items in (target.items, target.other_service)
    )
    assert own and other and not own & other


# What names an item of a list that has no SID.
NAMED_BY = {
    "user_channel": "channel_sid",
    "user_conversation": "conversation_sid",
    "participant_conversation": "conversation_sid",
}


def listed(raw: Raw, operation: Operation, items: Everything) -> list[dict[str, Any]]:
    page = raw.get(operation.path(items.of(operation)), **operation.query, PageSize=50)
    return next(value for value in page.values() if isinstance(value, list))


# What was deleted

# Resource -> what its deletion takes along, beside itself.
GOES_WITH = {
    "binding": {"user_binding"},
    "member": {"user_channel", "user_conversation"},
    "user": {"user_sid"},
    "message": {"message_sid"},
    "channel": {"channel_sid", "channel_migration"},
    "service": {"service_sid"},
}
DELETED = {
    (operation.scope, operation.resource): operation
    for operation in OPERATIONS
    if operation.verb == "delete" and not operation.resource.startswith("user_")
}


@for_each([*DELETED.values()])
def test_a_deleted_record_is_not_found_nor_anything_in_it(target: Target, operation: Operation):
    items, resource = target.more(operation.scope == "default"), operation.resource
    assert operation.ask(target.raw, items.of(operation)).status == 204
    gone = {resource, *GOES_WITH.get(resource, ())}
    for other in OPERATIONS:
        if other.scope != operation.scope:
            continue
        if ("sid" in other.names and other.resource in gone) or gone & set(other.names):
            addresses = items.of(other)
            not_found(other, other.ask(target.raw, addresses), addresses)
        if (other.resource, other.verb) == (resource, "list"):
            shown = listed(target.raw, other, items)
            assert items.within(operation.scope).items[resource] not in [item["sid"] for item in shown], other.name


# What is malformed

MALFORMED = [
    "",
    "0" * 31,
    "0" * 33,
    "g" * 32,
    "0" * 31 + "%20",
    "0" * 31 + "\u0660",
    "/..",
]
HOSTILE = [
    "%00",
    "a%00b",
    "%0D%0A",
    "%7F",
    "%EF%BB%BF",
    "%F0%9F%98%80",
    "%25",
    "%2F%3F%23",
    # What is not UTF-8.
    "%FF",
    "%C3%28",
    "%ED%A0%80",
    "x" * 10_000,
]


@every(lambda operation: len(operation.names) > 0)
def test_a_malformed_sid_is_not_found(target: Target, operation: Operation):
    own = target.items.of(operation)
    for name in operation.names:
        for rest in in_turn(MALFORMED, OPERATIONS.index(operation)):
            addresses = {**own, name: own[name][:2] + rest}
            answer = operation.ask(target.raw, addresses)
            assert answer.refusal()[:2] == (404, 20404), addresses
        for address in (own[name].lower(), own[name][:2].lower() + own[name][2:]):
            if address != own[name]:
                assert operation.ask(target.raw, {**own, name: address}).refusal()[:2] == (404, 20404), address


@every(lambda operation: len(operation.names) > 0)
def test_a_hostile_address_is_not_found(target: Target, operation: Operation):
    own = target.items.of(operation)
    for name in operation.names:
        for address in in_turn(HOSTILE, OPERATIONS.index(operation)):
            answer = operation.ask(target.raw, {**own, name: address})
            assert answer.refusal()[:2] == (404, 20404), (name, address[:20])


@every(takes_form)
def test_a_body_that_is_no_form_is_refused(target: Target, operation: Operation):
    path = operation.path(target.items.of(operation))
    for content_type in (
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencode",
        "",
    ):
        answer = target.raw("POST", path, json.dumps(operation.form).encode(), headers={"Content-Type": content_type})
        text = f"The request body could not be read: the content type must be {FORM}"
        assert answer.refusal() == (400, 20001, text), content_type


@every(takes_form)
def test_a_body_over_the_limit_is_refused(target: Target, operation: Operation):
    answer = target.raw(
        "POST", operation.path(target.items.of(operation)), {**operation.form, "Padding": "x" * 256 * 1024}
    )
    assert answer.refusal() == (413, 20413, "The request body is too large: at most 262144 bytes")


@every(takes_form)
def test_a_body_that_is_not_utf_8_is_refused(target: Target, operation: Operation):
    for body in (b"Name=%FF", b"%C3%28=x"):
        answer = target.raw("POST", operation.path(target.items.of(operation)), body)
        assert answer.refusal() == (400, 20001, "The request body could not be read: it is not UTF-8")


UNUSABLE = {
    "channel": (400, 50347, "The channel update names no parameter that can be changed"),
    "channel_migration": (400, 50393, "Type must be given as private: a channel can only be made private"),
    "role": (400, 20001, "Missing required parameter Permission in the post body"),
}


@every(lambda operation: operation.verb == "update")
def test_an_update_that_names_nothing_that_can_be_changed_is_refused(target: Target, operation: Operation):
    for form in ({}, {"Colour": "green", "Sid": "x", "DateRemoved": "x", "Media.SizeLimitMb": "1"}):
        answer = target.raw("POST", operation.path(target.items.of(operation)), form)
        nothing = (400, 20161, "The update names no parameter that can be changed")
        is_named_otherwise = operation.scope != "chat" and operation.resource == "channel"
        assert answer.refusal() == (nothing if is_named_otherwise else UNUSABLE.get(operation.resource, nothing))


# What HTTP asks for


def paths() -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        found.setdefault(operation.template, []).append(operation)
    return found


@for_each([operations[0] for operations in paths().values()])
def test_a_verb_that_is_not_offered_is_refused_with_those_that_are(target: Target, operation: Operation):
    offered = {other.method for other in paths()[operation.template]}
    offered |= {"HEAD"} if "GET" in offered else set()
    path = operation.path(target.items.of(operation))
    for verb in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - offered:
        for credentials in ("account", None):
            answer = target.raw(verb, path, credentials=credentials)
            assert answer.status == 405
            assert set(answer.headers["allow"].split(", ")) == offered
            assert verb == "HEAD" or answer.refusal() == (405, 20004, "Method not allowed")


@every(lambda operation: operation.method == "GET")
def test_head_answers_as_get_without_a_body(target: Target, operation: Operation):
    for addresses, status in ((target.items.of(operation), 200), (target.items.of(operation, **ABSENT, sid="x"), 404)):
        if status == 404 and not operation.names:
            continue
        path = operation.path(addresses)
        got, head = (target.raw(verb, path, query=operation.query) for verb in ("GET", "HEAD"))
        assert (got.status, head.status, head.body) == (status, status, b"")
        assert head.headers["content-type"] == got.headers["content-type"] == "application/json"
    assert target.raw("HEAD", path, credentials=None).status == 401


@every()
def test_a_page_of_another_origin_may_ask_and_read(target: Target, operation: Operation):
    path = operation.path(target.items.of(operation))
    asked = {
        "Access-Control-Request-Method": operation.method,
        "Access-Control-Request-Headers": "authorization, x-any",
    }
    preflight = target.raw("OPTIONS", path, headers={**CORS, **asked}, credentials=None)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert operation.method in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed and "x-any" in allowed
    answers = [
        operation.ask(target.raw, target.items.of(operation), headers=CORS, credentials=None),
        target.raw(operation.method, path + "/x/y/z", headers=CORS),
        target.raw("PATCH", path, headers=CORS),
        target.raw("POST", path, b"\xff", headers={**CORS, "Content-Type": "text/plain"}),
    ]
    answers += [target.raw("GET", path, headers=CORS)] if operation.method == "GET" else []
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
