"""Pre-events: what an owner may answer, what comes of it, and what happens when he does not."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from parley.clock import iso_millis
from parley.outgoing import NoAnswer, Response
from parley.webhooks import events
from parley.webhooks.delivery import TIMEOUT_SECONDS
from tests.contracts.fakes import FakeOutgoing, SentRequest
from tests.fakes import AUTH_TOKEN
from tests.realtime.deployment import Device
from tests.trust.hooks import HEADER, Owner
from tests.trust.scenes import BODY, CASES, MEDIA, OLDER, Scene
from tests.trust.target import Misbehaviour, Received, Reply, Target

REFUSED = (403, 50056)
JSON = "application/json"
EVENTS = sorted({event.name for event in events.PRE_EVENTS.values()})


def answer(owner: Owner) -> FakeOutgoing:
    """What `asked` owners answer is this object's `answer`."""
    outgoing = owner.deployment.runtime.outgoing
    assert isinstance(outgoing, FakeOutgoing)
    return outgoing


def says(owner: Owner, *said: Any, status: int = 200, content_type: str = JSON) -> None:
    """Let the owner answer with JSON, or with a text as it is."""
    body = said[0] if said and isinstance(said[0], bytes) else json.dumps(said[0]).encode() if said else b""
    answer(owner).answer = Response(status, {"content-type": content_type} if content_type else {}, body)


def asking_about(owner: Owner, *names: str, **fields: Any) -> None:
    owner.configure(PreWebhookUrl="https://example.com/hook", WebhookFilters=list(names or EVENTS), **fields)


def stored(owner: Owner, scene: Scene) -> dict[str, Any]:
    """Everything that an action could have changed."""
    rest, path = owner.house.rest, f"{owner.path}/Channels/{scene.channel}"
    channels = rest.get(f"{owner.path}/Channels", Type="private")["channels"]
    here = [channel["sid"] for channel in channels] == [scene.channel]
    return {
        "channels": channels,
        "messages": rest.get(f"{path}/Messages")["messages"] if here else None,
        "members": rest.get(f"{path}/Members")["members"] if here else None,
        "users": [{**user, "is_online": None, "is_notifiable": None} for user in rest.get(f"{owner.path}/Users")["users"]],
    }


# Going on unchanged


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        (b"", JSON),
        (b" \r\n", JSON),
        (b"{}", JSON),
        (b"{}", "text/plain"),
        (b'{"body": "replaced"}', "text/plain"),
        (b'{"body": "replaced"}', ""),
        (b"body=replaced", "application/x-www-form-urlencoded"),
        (b'{"BODY": "replaced", "Body": "replaced", "sid": "x", "index": 7, "was_edited": true}', JSON),
    ],
)
def test_an_answer_that_replaces_nothing_lets_the_action_go_on(asked: Owner, body: bytes, content_type: str) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, body, content_type=content_type)
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert (made["body"], made["from"], made["attributes"], made["index"]) == (BODY, "alice", "{}", 1)
    assert [message["sid"] for message in asked.stored_messages(scene.channel)] == [scene.message, made["sid"]]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"[]",
        b'["body"]',
        b"null",
        b"7",
        b'"body"',
        b"\xff\xfe\xfa",
        b"[" * 60_000,
        b"9" * 5_000,
        b'{"body": "\\ud800"}',
        b'{"attributes": {"\\udc00": 1}}',
    ],
)
def test_an_answer_that_is_no_json_object_is_logged_and_ignored(
    asked: Owner, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a surrogate pair, which JSON can spell, was an internal error to the client."""
    scene = Scene(asked)
    asking_about(asked)
    says(asked, body)
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert (made["body"], made["attributes"]) == (BODY, "{}")
    (warning,) = [vars(record) for record in caplog.records if record.levelno >= logging.WARNING]
    assert (warning["code"], warning["event"]) == (50057, "onMessageSend")


# Replacing


REPLACED: dict[str, dict[str, Any]] = {
    "body": {"body": "replaced \U0001f600"},
    "author": {"author": "the system"},
    "from": {"from": "the system"},
    "attributes": {"attributes": '{"seen": true}'},
    "friendly_name": {"friendly_name": "Replaced"},
    "unique_name": {"unique_name": "replaced"},
    "role_sid": {},  # depends on the scene
}
SHOWN_AS = {"author": "from"}


def acted_on(owner: Owner, scene: Scene, event: str, made: Any) -> dict[str, Any]:
    """The record that an action made or changed, as REST shows it afterwards."""
    paths = {
        "Message": f"/Channels/{scene.channel}/Messages/",
        "Channel": "/Channels/",
        "Member": f"/Channels/{scene.channel}/Members/",
        "User": "/Users/",
    }
    (path,) = [path for noun, path in paths.items() if noun in event]
    return owner.house.rest.get(f"{owner.path}{path}{made['sid']}")


@pytest.mark.parametrize(
    ("event", "key"),
    sorted({(event.name, key) for event in events.PRE_EVENTS.values() for key in event.answers.split()}),
)
def test_each_key_of_an_answer_replaces_its_field_and_nothing_else(asked: Owner, event: str, key: str) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    kind = "service user" if event == "onUserUpdate" else "channel admin"
    replaced = REPLACED[key] or {"role_sid": scene.roles[kind]}
    asking_about(asked, event)
    says(asked, replaced | {"unknown": 1})
    made = case.client()
    after = acted_on(asked, scene, event, made)
    (name, value) = next(iter(replaced.items()))
    assert after[SHOWN_AS.get(name, name)] == made[SHOWN_AS.get(name, name)] == value
    given = dict(scene_fields(case.before))
    given.pop(SHOWN_AS.get(name, name), None)
    assert {name: after[name] for name in given} == given


def scene_fields(told: dict[str, str]) -> dict[str, str]:
    """What the client asked for, by the names that REST shows."""
    names = {"Body": "body", "Attributes": "attributes", "FriendlyName": "friendly_name", "UniqueName": "unique_name"}
    names |= {"From": "from", "RoleSid": "role_sid"}
    return {names[name]: value for name, value in told.items() if name in names}


def test_every_key_that_an_answer_may_have_is_documented_for_its_event() -> None:
    allowed = {event.name: set(event.answers.split()) for event in events.PRE_EVENTS.values() if event.name != ""}
    message = {"body", "author", "from", "attributes"}
    documented = dict.fromkeys(("onMessageSend", "onMessageUpdate"), message)
    documented |= {"onMediaMessageSend": message - {"body"}, "onUserUpdate": {"friendly_name", "attributes", "role_sid"}}
    documented |= dict.fromkeys(("onChannelAdd", "onChannelUpdate"), {"friendly_name", "unique_name", "attributes"})
    documented |= dict.fromkeys(("onMemberAdd", "onMemberUpdate"), {"role_sid", "attributes"})
    documented |= dict.fromkeys(("onMessageRemove", "onChannelDestroy", "onMemberRemove"), set())
    answers = {row: set(events.PRE_EVENTS[row].answers.split()) for row in events.PRE_EVENTS}
    allowed |= {"onMessageUpdate": answers["message", "update"]}
    assert allowed == documented


def test_several_fields_are_replaced_at_once_and_attributes_may_be_json_itself(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, {"body": "b", "author": "bob", "attributes": {"a": [1, None]}}, content_type="application/json; charset=utf-8")
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert (made["body"], made["from"], json.loads(made["attributes"])) == ("b", "bob", {"a": [1, None]})


def test_a_field_that_is_answered_with_null_is_cleared(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, {"friendly_name": None, "unique_name": ""})
    made = scene.alice.done("updateChannel", channel="room", attributes=OLDER)
    assert (made["friendly_name"], made["unique_name"]) == (None, None)


def test_the_body_of_a_media_message_cannot_be_replaced(asked: Owner) -> None:
    """An owner could give a media message a body, which no client may."""
    scene = Scene(asked)
    media_sid = asked.media(**MEDIA)
    made = scene.alice.done("sendMessage", channel="room", media_sid=media_sid)
    asking_about(asked)
    says(asked, {"body": "replaced", "attributes": OLDER})
    after = scene.alice.done("updateMessage", channel="room", message=made["sid"], attributes="{}")
    assert (after["body"], after["attributes"], after["type"]) == (None, OLDER, "media")


# What is replaced is checked like a client's own input


INVALID: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("onMessageSend", {"body": "x" * 32_769}, (400, 50504)),
    ("onMessageSend", {"author": "x" * 257}, (400, 50310)),
    ("onMessageSend", {"attributes": "{"}, (400, 50304)),
    ("onMessageSend", {"attributes": json.dumps("x" * 4_096)}, (400, 50303)),
    ("onMediaMessageSend", {"attributes": "nonsense"}, (400, 50304)),
    ("onMessageUpdate", {"body": "ß" * 16_385}, (400, 50504)),
    ("onChannelAdd", {"friendly_name": "x" * 257}, (400, 50003)),
    ("onChannelAdd", {"unique_name": "room"}, (409, 50307)),
    ("onChannelAdd", {"unique_name": "CH" + "0" * 32}, (400, 50306)),
    ("onChannelUpdate", {"unique_name": "x" * 257}, (400, 50004)),
    ("onMemberAdd", {"role_sid": "nonsense"}, (400, 20001)),
    ("onMemberAdd", {"role_sid": "RL" + "0" * 32}, (404, 50100)),
    ("onMemberAdd", {"role_sid": "service user"}, (400, 50105)),
    ("onMemberUpdate", {"role_sid": "service user"}, (400, 50105)),
    ("onUserUpdate", {"role_sid": "channel user"}, (400, 50105)),
    ("onUserUpdate", {"friendly_name": "x" * 257}, (400, 50003)),
]


@pytest.mark.parametrize(("event", "replaced", "error"), INVALID)
def test_an_invalid_replacement_fails_with_its_own_error_and_nothing_is_stored(
    asked: Owner, event: str, replaced: dict[str, Any], error: tuple[int, int]
) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    _ = scene.alice
    if (role := replaced.get("role_sid")) in scene.roles:
        replaced = {"role_sid": scene.roles[role]}
    asking_about(asked, event)
    says(asked, replaced)
    before = stored(asked, scene)
    assert refusal(case.client) == error
    assert stored(asked, scene) == before


def refusal(act: Callable[[], Any]) -> tuple[int, int]:
    """Status and code with which an action is refused that a case does."""
    with pytest.raises(AssertionError) as raised:
        act()
    (reply,) = raised.value.args if isinstance(raised.value.args[0], dict) else ({},)
    return reply["status"], reply["error"]["code"]


# Refusing


@pytest.mark.parametrize("event", EVENTS)
def test_a_refused_action_of_any_kind_leaves_everything_as_it_was(asked: Owner, event: str) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    _ = scene.alice
    asking_about(asked, event)
    says(asked, status=403)
    before = stored(asked, scene)
    assert refusal(case.client) == REFUSED
    assert len(answer(asked).requests) == 1
    assert stored(asked, scene) == before


@pytest.mark.parametrize("status", [201, 202, 204, 301, 302, 304, 400, 401, 404, 409, 418, 422, 500, 501, 502, 505])
def test_any_other_status_refuses_at_once_whatever_it_says(asked: Owner, status: int) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=3)
    says(asked, {"body": "replaced"}, status=status)
    assert scene.alice.refusal("sendMessage", channel="room", body="x") == REFUSED
    assert len(answer(asked).requests) == 1
    assert [message["sid"] for message in asked.stored_messages(scene.channel)] == [scene.message]


def test_a_refused_message_takes_no_index(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, status=403)
    scene.alice.refusal("sendMessage", channel="room", body="x")
    says(asked)
    assert scene.alice.done("sendMessage", channel="room", body="y")["index"] == 1


# No answer


class SlowOwner:
    """Lets time pass and does not answer, or answers with a status; the time goes by on the test's clock."""

    def __init__(self, owner: Owner, seconds: float, *statuses: int):
        self.owner, self.seconds, self.statuses = owner, seconds, list(statuses)

    def __call__(self, request: SentRequest) -> Response:
        self.owner.clock.advance(min(self.seconds, request.timeout_seconds))
        status = self.statuses.pop(0) if self.statuses else 0
        if not status:
            raise NoAnswer("timeout")
        return Response(status, {}, b"")


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_a_silent_owner_is_asked_as_often_as_configured_within_twenty_seconds_and_then_the_action_goes_on(
    asked: Owner, caplog: pytest.LogCaptureFixture, retries: int
) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=retries)
    answer(asked).answer = SlowOwner(asked, 60)
    _ = scene.alice
    started = asked.clock.now_ms()
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert asked.clock.now_ms() - started <= 20_000 + 10
    assert made["body"] == BODY
    sent = answer(asked).requests
    assert {request.timeout_seconds for request in sent} == {TIMEOUT_SECONDS} == {5}
    counts = [dict(parse(request))["RetryCount"] for request in sent]
    assert counts == [str(number) for number in range(retries + 1)]
    assert len({request.headers["I-Twilio-Idempotency-Token"] for request in sent}) == 1
    assert [vars(record)["code"] for record in caplog.records if record.levelno >= logging.WARNING] == [50076] * len(sent)


def parse(request: SentRequest) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(request.body.decode(), keep_blank_values=True)


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_busy_owner_is_asked_again_and_a_later_answer_counts(asked: Owner, status: int) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=2)
    answer(asked).answer = SlowOwner(asked, 1, status, status, 200)
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert len(answer(asked).requests) == 3


@pytest.mark.parametrize("status", [429, 503, 504])
def test_an_owner_who_stays_busy_has_refused(asked: Owner, status: int) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=1)
    answer(asked).answer = SlowOwner(asked, 1, status, status, 200)
    assert scene.alice.refusal("sendMessage", channel="room", body="x") == REFUSED
    assert len(answer(asked).requests) == 2


def test_a_refusal_after_a_time_out_counts(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=3)
    answer(asked).answer = SlowOwner(asked, 5, 0, 403)
    assert scene.alice.refusal("sendMessage", channel="room", body="x") == REFUSED


def test_an_owner_whose_address_must_not_be_reached_is_as_good_as_silent(asked: Owner) -> None:
    scene = Scene(asked)
    asked.configure(PreWebhookUrl="https://example.com/hook", WebhookFilters=EVENTS)
    stored_url(asked, "http://169.254.169.254/latest")
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert answer(asked).requests == []


def stored_url(owner: Owner, url: str) -> None:
    """Store a URL that the API would refuse today, as one that was stored before."""
    from parley.errors import NOT_FOUND
    from parley.store import keys
    from parley.store.writes import Update

    world = owner.deployment.world
    key = keys.service(world.account_sid, owner.sid)
    world.table.commit(world.context().cause(), [Update(key, NOT_FOUND(), set={"pre_webhook_url": url})])
    owner.clock.advance(11)


@pytest.mark.parametrize("misbehaviour", list(Misbehaviour))
def test_no_answer_over_real_connections_lets_the_action_go_on(
    owner: Owner, target: Target, misbehaviour: Misbehaviour, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(owner)
    target.answer = lambda received: misbehaviour
    owner.configure(PreWebhookUrl=target.url, WebhookFilters=EVENTS)
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert [vars(record).get("code") for record in caplog.records if record.levelno >= logging.WARNING] == [50076]


# When owners are asked


@pytest.mark.parametrize("event", EVENTS)
def test_the_back_end_is_never_asked_about(asked: Owner, event: str) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    asking_about(asked)
    says(asked, status=403)
    case.rest()
    assert answer(asked).requests == []


def test_a_service_without_url_or_filters_is_not_asked(asked: Owner) -> None:
    scene = Scene(asked)
    says(asked, status=403)
    settings: list[dict[str, Any]] = [
        {"WebhookFilters": EVENTS},
        {"PreWebhookUrl": "https://example.com/hook", "WebhookFilters": ""},
        {"WebhookFilters": [name for name in EVENTS if name != "onMessageSend"] + ["onMessageSent"]},
        {"WebhookFilters": EVENTS, "PreWebhookUrl": "", "PostWebhookUrl": "https://example.com/hook"},
    ]
    for fields in settings:
        asked.configure(**fields)
        scene.alice.done("sendMessage", channel="room", body="x")
    assert answer(asked).requests == []


def test_what_is_refused_anyway_is_not_asked_about(asked: Owner) -> None:
    scene = Scene(asked)
    mallory = asked.house.device("mallory")
    asking_about(asked)
    assert mallory.refusal("sendMessage", channel="room", body="x")[0] == 404
    assert scene.alice.refusal("sendMessage", channel="room")[1] == 50503
    assert scene.alice.refusal("sendMessage", channel="room", body="x" * 32_769)[1] == 50504
    assert scene.alice.refusal("updateUser", identity="alice")[0] == 400
    assert answer(asked).requests == []


@pytest.mark.parametrize(
    ("v1_event", "act"),
    [
        ("OnMessageSend", lambda alice: alice.done("sendMessage", channel="room", body="x")),
        ("OnChannelUpdate", lambda alice: alice.done("updateChannel", channel="room", attributes="{}")),
        ("OnMemberAdd", lambda alice: alice.done("addMember", channel="room", identity="dave")),
    ],
)
def test_a_url_of_its_own_that_v1_gives_an_event_is_asked_without_filters(
    owner: Owner, target: Target, v1_event: str, act: Callable[[Device], Any]
) -> None:
    scene = Scene(owner)
    form = {f"Webhooks.{v1_event}.Url": target.url, f"Webhooks.{v1_event}.Method": "GET"}
    owner.house.rest.post(owner.path.replace("/v2/", "/v1/"), form)
    owner.clock.advance(11)
    target.answer = lambda received: Reply(403)
    assert refusal(lambda: act(scene.alice)) == REFUSED
    (received,) = target.received
    assert (received.method, received.parameters["EventType"]) == ("GET", v1_event.replace("On", "on", 1))
    assert received.is_signed_with(AUTH_TOKEN)


def test_the_owner_hears_of_an_editor_who_is_not_the_last_one(asked: Owner) -> None:
    """`ModifiedBy` named whoever had edited the message before."""
    scene = Scene(asked)
    asking_about(asked, "onMessageUpdate")
    scene.alice.done("updateMessage", channel="room", message=scene.message, body="by alice")
    (request,) = answer(asked).requests
    assert dict(parse(request))["ModifiedBy"] == "alice"


def test_what_an_owner_replaced_is_what_post_events_and_others_see(asked: Owner, silent: Any) -> None:
    scene = Scene(asked)
    bob = asked.house.device("bob")
    asking_about(asked, "onMessageSend", "onMessageSent", PostWebhookUrl="https://example.com/post")
    says(asked, {"body": "replaced"})
    silent.plan()
    bob.heard()
    scene.alice.done("sendMessage", channel="room", body="x")
    (delivery,) = silent.plan()
    assert delivery["parameters"]["Body"] == "replaced"
    (push,) = [frame for frame in bob.heard() if frame["event"] == "messageAdded"]
    assert push["message"]["body"] == "replaced"


def test_joining_leaving_and_inviting_oneself_is_asked_about_by_the_owner_of_a_public_channel(asked: Owner) -> None:
    scene = Scene(asked)
    lobby = asked.channel(UniqueName="lobby")
    asking_about(asked)
    scene.alice.done("joinChannel", channel="lobby")
    scene.alice.done("leaveChannel", channel="lobby")
    told = [dict(parse(request)) for request in answer(asked).requests]
    assert [(one["EventType"], one["ChannelSid"], one["Identity"]) for one in told] == [
        ("onMemberAdd", lobby, "alice"),
        ("onMemberRemove", lobby, "alice"),
    ]


def test_a_client_that_connects_is_not_asked_about(asked: Owner) -> None:
    asking_about(asked)
    says(asked, status=403)
    asked.house.device("erin")
    assert answer(asked).requests == []


def test_the_header_of_rest_makes_no_difference_to_pre_events(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, status=403)
    path = f"{asked.path}/Channels/{scene.channel}/Messages"
    assert asked.house.rest("POST", path, {"Body": "x"}, headers=HEADER).status == 201
    assert answer(asked).requests == []


def test_time_in_a_pre_event_is_the_time_of_the_action(asked: Owner) -> None:
    """What is asked about is not stored yet: of dates, only those of what is there already are told."""
    scene = Scene(asked)
    asking_about(asked)
    asked.clock.advance(3600)
    scene.alice.done("updateMessage", channel="room", message=scene.message, body="x")
    (request,) = answer(asked).requests
    told = dict(parse(request))
    assert told["DateUpdated"] == told["DateCreated"] == scene.dates["message"] != iso_millis(asked.clock.now_ms())


def test_a_signature_is_made_with_the_auth_token(asked: Owner, target: Target) -> None:
    asked.deployment.runtime.outgoing = real = Owner(asked.house).deployment.runtime.outgoing
    assert real is asked.deployment.runtime.outgoing
    scene = Scene(asked)
    asked.configure(PreWebhookUrl=target.url + "?a=b&c", WebhookFilters=EVENTS)
    scene.alice.done("sendMessage", channel="room", body=BODY)
    (received,) = target.received
    assert isinstance(received, Received)
    assert received.is_signed_with(AUTH_TOKEN)
