"""Frames that mean harm: valid ones of every action, and what can be done to them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from parley.sockets.native.actions import ACTIONS, Action

# What the actions take that are no row of a resource, and the pages of lists.
_OWN_MEMBERS = {
    "fetchSession": (),
    "refreshToken": ("token",),
    "fetchMyChannel": ("channel",),
    "followUsers": ("identities",),
    "unfollowUsers": ("identities",),
    "typing": ("channel",),
    "registerBinding": ("binding_type", "address", "credential_sid", "endpoint", "message_types"),
    "removeBinding": ("binding", "binding_type", "address"),
    "catchUp": ("channels",),
}
_PAGE = ("page_size", "after", "anchor")

Frame = dict[str, Any]


def members_of(name: str) -> tuple[str, ...]:
    """Every member of the frame that an action looks at, from the table of actions."""
    action = ACTIONS[name]
    if not isinstance(action, Action):
        return _OWN_MEMBERS[name]
    own_names = {field: member for member, field in action.named.items()}
    fields = [own_names.get(field, field) for field in action.takes.split()]
    members = (*action.address.values(), *fields, *(_PAGE if action.verb == "list" else ()))
    return tuple(dict.fromkeys(members))


def valid(name: str, places: Places, choice: random.Random) -> Frame:
    """A frame that would do something, if it were for who sends it."""
    is_entry = name in ("joinChannel", "acceptInvitation", "declineInvitation")
    texts = {
        "channel": places.invited if is_entry else choice.choice([places.channel, places.channel, places.unique_name]),
        "identity": choice.choice(["mallory", "alice", "zoe"]),
        "message": choice.choice([0, places.index, places.message]),
        "body": "hello",
        "attributes": {"a": [1, None]},
        "friendly_name": "a name",
        "unique_name": f"name {choice.randrange(10**9)}",
        "type": choice.choice(["public", "private"]),
        "index": choice.randrange(3),
        "notification_level": choice.choice(["default", "muted"]),
        "identities": ["alice", "bob"],
        "token": places.token,
        "binding": places.binding,
        "binding_type": "fcm",
        "address": "an-address",
        "credential_sid": places.credential,
        "endpoint": "an endpoint",
        "message_types": ["new_message"],
        "channels": {places.channel: choice.randrange(5)},
        "order": choice.choice(["asc", "desc"]),
        "page_size": choice.choice([1, 30, 100]),
        "anchor": 0,
    }
    return {"action": name, **{member: texts[member] for member in members_of(name) if member in texts}}


class Places:
    """Where a frame may lead: the sender's own channel, one that he is invited to, and all that is not for him."""

    unique_name = "own"

    def __init__(self, token: str, credential: str, foreign: list[str]):
        self.token, self.credential, self.foreign = token, credential, foreign
        self.channel = self.invited = self.message = self.binding = ""
        self.index = 0


HALVES = ("\ud800", "\udfff", "x\udbff", "\udc00\ud800")
_PLAIN: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 100, 101, 0.0, -0.0, 1.0, 1.5, 1e-300, 1e300, -1e300),
    *(2**31, 2**53, 2**63, 2**64, -(2**63), 10**10, 10**12, 10**30, 10**39, 10**130, 10**400),
    *("", " ", "\0", "\n", "0", "-1", "true", "null", "NaN", "Infinity", "[]", "{}", '"', "[", "{", "\ufeff", "\ufffe"),
    *("é", "漢", "\U0001f600", "\u2028", "\u202e", "a\0b", "%00", "..", "../../x", "x/y", "x?y#z", "x y", "x\ty"),
    *("' OR 1=1 --", "#", "CHANNEL#", "MEMBER#", "${jndi}", "{name}", "%s", "<script>", "system", "private"),
    *("CH" + "0" * 32, "CH" + "g" * 32, "CH" + "0" * 31, "CH" + "0" * 33, "ch" + "0" * 32, "CH" + "٣" * 32),
    *("IM" + "f" * 32, "IM" + "0" * 32, "US" + "0" * 32, "MB" + "0" * 32, "IS" + "0" * 32, "RL" + "0" * 32),
    *("1e5", "0x10", "1_000", "٣", "１", "2026-01-01T00:00:00Z", "asc", "muted", "public"),
    *([], [None], [""], ["x"], [[]], [{}], [0], [True], ["alice", None], ["alice", "alice"], [[["alice"]]]),
    *({}, {"": ""}, {"a": 1}, {"S": "x"}, {"$gt": ""}, {"sid": "x"}, {"__proto__": {}}, {"id": "x", "action": "ping"}),
)


def _large(choice: random.Random) -> Any:
    size = choice.choice([257, 300, 513, 1_000, 5_000, 33_000])
    letter = choice.choice(["x", "é", "\x01", "\\", '"', "\U0001f600", " ", "9", "[", "\0"])
    return choice.choice(
        [
            letter * size,
            [letter] * min(size, 3_000),
            {letter + str(number): number for number in range(min(size, 1_000))},
            {"a": letter * size},
            int("9" * min(size, 4_000)),
            -int("9" * min(size, 4_000)),
            _nested(choice),
        ]
    )


def _nested(choice: random.Random) -> Any:
    value: Any = choice.choice([None, 1, "x"])
    for _ in range(choice.choice([2, 10, 90])):
        value = [value] if choice.random() < 0.5 else {"a": value}
    return value


def _sids(foreign: list[str], choice: random.Random) -> Any:
    sid = choice.choice(foreign)
    other = choice.choice(foreign)
    return choice.choice(
        [
            *(
                sid,
                sid,
                sid,
                [sid],
                [sid, other],
                {sid: 0},
                {sid: 0, other: 10**6},
                sid.upper(),
                sid.lower(),
                sid + " ",
            ),
            *(" " + sid, sid[:-1], sid + "0", sid + "\0", f"{sid}/{other}", f"{sid}#{other}", f"CHANNEL#{sid}"),
        ]
    )


def value(places: Places, choice: random.Random) -> Any:
    """Something that a member of a frame should not be."""
    kind = choice.random()
    if kind < 0.5:
        return choice.choice(_PLAIN)
    if kind < 0.62:
        return _large(choice)
    if kind < 0.72:
        return choice.choice(HALVES)
    return _sids(places.foreign, choice)


def identifier(choice: random.Random) -> Any:
    """An id of any type; often a good one."""
    good = [
        str(choice.randrange(10**6)),
        "x" * 16,
        f"{choice.getrandbits(128):032x}",
        choice.randrange(10**9),
        "é",
        "x" * 128,
    ]
    return choice.choice(good) if choice.random() < 0.8 else choice.choice([*_PLAIN, *HALVES, "x" * 129, "x" * 40_000])


def _spoil_member(frame: Frame, places: Places, choice: random.Random) -> None:
    taken = members_of(frame["action"]) if frame.get("action") in ACTIONS else ("channel",)
    for _ in range(choice.choice([1, 1, 1, 2, 5])):
        frame[choice.choice(taken or ("channel",))] = value(places, choice)


def _drop_member(frame: Frame, places: Places, choice: random.Random) -> None:
    del frame[choice.choice(list(frame))]


def _add_member(frame: Frame, places: Places, choice: random.Random) -> None:
    others = ["role_sid", "from", "author", "service_sid", "account_sid", "sid", "created_by", "status", "event", "seq"]
    others += [
        "cause",
        "pk",
        "deleted_at",
        "last_consumed_message_index",
        "identity",
        "channel_sid",
        "user_sid",
        "Type",
    ]
    for _ in range(choice.choice([1, 3])):
        frame[choice.choice(others)] = value(places, choice)


def _other_action(frame: Frame, places: Places, choice: random.Random) -> None:
    names = ["dance", "", "SendMessage", "sendMessage ", "__class__", "perform", "ping", "$connect", "fetchChannel\0"]
    frame["action"] = choice.choice([*names, "x" * 5_000, value(places, choice), *ACTIONS])


def _foreign(frame: Frame, places: Places, choice: random.Random) -> None:
    for member in members_of(frame["action"]):
        if member in ("channel", "message", "identity", "binding", "credential_sid", "after") and choice.random() < 0.8:
            frame[member] = choice.choice(places.foreign)
    if "identities" in frame:
        frame["identities"] = choice.sample(places.foreign, 3)
    if "channels" in frame:
        frame["channels"] = {sid: choice.randrange(3) for sid in places.foreign if sid.startswith("CH")}


def _nothing(frame: Frame, places: Places, choice: random.Random) -> None:
    """A frame that is as it should be."""


SPOILERS: tuple[Callable[[Frame, Places, random.Random], None], ...] = (
    *(
        _spoil_member,
        _spoil_member,
        _spoil_member,
        _foreign,
        _foreign,
        _drop_member,
        _add_member,
        _other_action,
        _nothing,
    ),
)


def object_frame(places: Places, choice: random.Random) -> str:
    """The text of an object that is almost a request."""
    frame = {"id": identifier(choice), **valid(choice.choice(list(ACTIONS)), places, choice)}
    choice.choice(SPOILERS)(frame, places, choice)
    return json.dumps(frame, ensure_ascii=choice.random() < 0.7 or _has_half(frame))


def _has_half(frame: Frame) -> bool:
    try:
        json.dumps(frame, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def broken_text(places: Places, choice: random.Random) -> str:
    """A text that is almost an object, or nothing of the kind."""
    text = object_frame(places, choice)
    where = choice.randrange(len(text))
    match choice.randrange(12):
        case 0:
            return text[:where]
        case 1:
            return text[:where] + choice.choice('{}[]",:\\\0\x7f\u2028x0-') + text[where:]
        case 2:
            return text[:where] + text[where + 1 :]
        case 3:
            return text + choice.choice([text, ",", "}", "null", "\0"])
        case 4:
            return choice.choice(
                ["[" * 10_000, '{"a":' * 10_000, "[" * 10_000 + "]" * 10_000, '"' * 10_000, "-" * 10_000]
            )
        case 5:
            depth = choice.choice([100, 900, 1_000, 3_000, 10_000])
            nested = choice.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth])
            member = choice.choice(["body", "attributes", "channel", "id", "action", "channels", "identities"])
            return f'{{"id": "1", "action": "{choice.choice(list(ACTIONS))}", "channel": "{places.channel}", "{member}": {nested}}}'
        case 6:
            # The same member twice, in both orders.
            more = json.dumps({choice.choice(["id", "action", "channel", "body", "identity"]): choice.choice(_PLAIN)})
            return choice.choice([f"{text[:-1]}, {more[1:]}", f"{more[:-1]}, {text[1:]}"])
        case 7:
            return text.replace('"', "'")
        case 8:
            number = choice.choice(
                ["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "0x1", "01", "1.", "+1", "9" * 5_000]
            )
            member = choice.choice(["body", "attributes", "id", "index", "page_size", "message", "channels"])
            return f'{{"id": "1", "action": "{choice.choice(list(ACTIONS))}", "channel": "{places.channel}", "{member}": {number}}}'
        case 9:
            return json.dumps(choice.choice([[json.loads(text)], text, _large(choice), *_PLAIN]))
        case 10:
            return "".join(chr(choice.choice([choice.randrange(128), choice.randrange(0xD800)])) for _ in range(60))
        case _:
            halves = ("\\ud800", "\\udfff", "\\ud800\\u0041", "\\u0000", "\\uZZZZ")
            return text[:where] + choice.choice(halves) + text[where:]
