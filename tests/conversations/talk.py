"""What Conversations' webhooks say of each event: one row per event and kind of action, written out here.

The parameters are not taken from the table of events: what that table forgets is missed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.conversations.phones import PHONE, PROXY, pair
from tests.webhooks.owner import HEADER, Owner
from tests.webhooks.scenes import ATTRIBUTES, BODY, CASES, OLDER, Case, Parameters, Scene

API = "/conversations/v1"
URL = "https://example.com/conversations"
MESSAGING = "MG" + "0123456789abcdef" * 2


class Talk(Scene):
    """A scene whose channel has a messaging service, and what Conversations' webhooks say of it."""

    def __init__(self, owner: Owner):
        super().__init__(owner)
        self.conversation = f"{API}/Services/{owner.sid}/Conversations/{self.channel}"
        self.rest("", MessagingServiceSid=MESSAGING)
        self.dates["updated"] = self.now

    def rest(self, path: str, *, enabled: bool = False, **fields: Any) -> Any:
        """Change the conversation, or something in it, as a back end through Conversations."""
        headers = HEADER if enabled else {}
        answered = self.owner.house.rest("POST", self.conversation + path, fields, headers=headers)
        assert answered.status in (200, 201), answered.text
        return answered.json

    def delete(self, path: str) -> None:
        """Remove something in the conversation as a back end, and let webhooks hear of it."""
        answered = self.owner.house.rest("DELETE", self.conversation + path, headers=HEADER)
        assert answered.status == 204, answered.text

    def said_of_channel(self, updated: str, **more: str) -> Parameters:
        names = {"FriendlyName": "The room", "UniqueName": "room", "Attributes": OLDER, "State": "active"}
        dates = {"DateCreated": self.dates["channel"], "DateUpdated": updated}
        return {"ConversationSid": self.channel, "MessagingServiceSid": MESSAGING, **names, **dates, **more}

    def said_of_message(self, **more: str) -> Parameters:
        whose = {"Author": "alice", "ParticipantSid": self.members["alice"]["sid"]}
        return {"ConversationSid": self.channel, **whose, "Body": "old", "Attributes": OLDER, **more}

    def said_of_old_message(self, **more: str) -> Parameters:
        dates = {"DateCreated": self.dates["message"], "DateUpdated": self.dates["message"]}
        return self.said_of_message(MessageSid=self.message, Index="0", **dates, **more)

    def said_of_participant(self, identity: str, **more: str) -> Parameters:
        said = {"ConversationSid": self.channel, "Identity": identity, "MessagingBinding.Type": "CHAT"}
        return {**said, "RoleSid": self.roles["listener"], "Attributes": OLDER, **more}

    def said_of_settled(self, identity: str) -> Parameters:
        dates = {"DateCreated": self.dates[identity], "DateUpdated": self.dates["settled"]}
        return self.said_of_participant(identity, ParticipantSid=self.members[identity]["sid"], **dates)

    def said_of_user(self, **more: str) -> Parameters:
        said = {"UserSid": self.user["sid"], "Identity": "alice", "RoleSid": self.roles["service admin"]}
        return {**said, "FriendlyName": "Älice", "Attributes": ATTRIBUTES, **more}


RENAMED = {"FriendlyName": "Stube", "UniqueName": "stube", "Attributes": ATTRIBUTES}
MADE = {"FriendlyName": "Zimmer", "UniqueName": "zimmer", "Attributes": ATTRIBUTES, "State": "active"}
WRITTEN = {"Body": BODY, "Attributes": ATTRIBUTES}
_PHONE = {
    "MessagingBinding.Address": PHONE,
    "MessagingBinding.ProxyAddress": PROXY,
    "MessagingBinding.Type": "SMS",
    "Attributes": "{}",
}


def _said_of_media(before: Parameters) -> str:
    """The parameter `Media` where Chat's parameters are these."""
    names = {"Sid": "MediaSid", "Filename": "MediaFilename", "ContentType": "MediaContentType"}
    described = {key: before[name] for key, name in names.items()}
    return json.dumps([{**described, "Size": int(before["MediaSize"])}], ensure_ascii=False)


def _by_rest(act: Callable[[], Any]) -> Case:
    """An action that clients cannot take, or that no webhook is asked about."""
    return Case(act, act, {}, lambda made, at, by: {})


def _joining(talk: Talk) -> Case:
    return _by_rest(lambda: talk.rest("/Participants", **pair(), enabled=True))


def _leaving(talk: Talk) -> Case:
    added = talk.rest("/Participants", **pair())
    talk.dates["phone"] = talk.now

    def leave() -> Any:
        talk.delete(f"/Participants/{added['sid']}")
        return added

    return _by_rest(leave)


def _falling_asleep(talk: Talk) -> Case:
    return _by_rest(lambda: talk.rest("", State="inactive", enabled=True))


class Before(NamedTuple):
    """A pre-event, the action that it comes before, and what it says beside the common parameters."""

    event: str
    action: Callable[[Talk], Case]
    said: Callable[[Talk, Case], Parameters]

    def __str__(self) -> str:
        return self.event


class After(NamedTuple):
    """The same of a post-event, given the answer to the action and when it was done."""

    event: str
    action: Callable[[Talk], Case]
    said: Callable[[Talk, Any, str], Parameters]

    def __str__(self) -> str:
        return self.event


BEFORE = [
    Before(
        "onMessageAdd",
        CASES["onMessageSend"],
        lambda talk, case: talk.said_of_message(**WRITTEN),
    ),
    Before(
        "onMessageAdd",
        CASES["onMediaMessageSend"],
        lambda talk, case: {
            "ConversationSid": talk.channel,
            "Author": "alice",
            "ParticipantSid": talk.members["alice"]["sid"],
            "Attributes": ATTRIBUTES,
            "Media": _said_of_media(case.before),
        },
    ),
    Before("onMessageUpdate", CASES["onMessageUpdate"], lambda talk, case: talk.said_of_old_message(**WRITTEN)),
    Before("onMessageRemove", CASES["onMessageRemove"], lambda talk, case: talk.said_of_old_message()),
    Before("onConversationAdd", CASES["onChannelAdd"], lambda talk, case: MADE),
    Before(
        "onConversationUpdate",
        CASES["onChannelUpdate"],
        lambda talk, case: talk.said_of_channel(talk.dates["updated"], **RENAMED),
    ),
    Before(
        "onConversationRemove",
        CASES["onChannelDestroy"],
        lambda talk, case: talk.said_of_channel(talk.dates["updated"]),
    ),
    Before(
        "onParticipantAdd",
        CASES["onMemberAdd"],
        lambda talk, case: talk.said_of_participant("dave", RoleSid=talk.roles["channel user"], Attributes=ATTRIBUTES),
    ),
    Before(
        "onParticipantUpdate",
        CASES["onMemberUpdate"],
        lambda talk, case: {**talk.said_of_settled("alice"), "Attributes": ATTRIBUTES},
    ),
    Before("onParticipantRemove", CASES["onMemberRemove"], lambda talk, case: talk.said_of_settled("bob")),
    Before("onUserUpdate", CASES["onUserUpdate"], lambda talk, case: talk.said_of_user(DateUpdated=talk.dates["user"])),
]
AFTER = [
    After(
        "onMessageAdded",
        CASES["onMessageSend"],
        lambda talk, made, at: talk.said_of_message(
            **WRITTEN, MessageSid=made["sid"], Index="1", DateCreated=at, MessagingServiceSid=MESSAGING
        ),
    ),
    After(
        "onMessageUpdated",
        CASES["onMessageUpdate"],
        lambda talk, made, at: {**talk.said_of_old_message(**WRITTEN), "DateUpdated": at},
    ),
    After(
        "onMessageRemoved",
        CASES["onMessageRemove"],
        lambda talk, made, at: talk.said_of_old_message(DateRemoved=at),
    ),
    After(
        "onConversationAdded",
        CASES["onChannelAdd"],
        lambda talk, made, at: {**MADE, "ConversationSid": made["sid"], "DateCreated": at, "DateUpdated": at},
    ),
    After(
        "onConversationUpdated", CASES["onChannelUpdate"], lambda talk, made, at: talk.said_of_channel(at, **RENAMED)
    ),
    After(
        "onConversationRemoved",
        CASES["onChannelDestroy"],
        lambda talk, made, at: talk.said_of_channel(talk.dates["updated"], DateRemoved=at),
    ),
    After(
        "onConversationStateUpdated",
        _falling_asleep,
        lambda talk, made, at: {
            "ConversationSid": talk.channel,
            "MessagingServiceSid": MESSAGING,
            "StateUpdated": at,
            "StateFrom": "active",
            "StateTo": "inactive",
            "Reason": "API",
        },
    ),
    After(
        "onParticipantAdded",
        CASES["onMemberAdd"],
        lambda talk, made, at: talk.said_of_participant(
            "dave",
            RoleSid=talk.roles["channel user"],
            Attributes=ATTRIBUTES,
            ParticipantSid=made["sid"],
            DateCreated=at,
        ),
    ),
    After(
        "onParticipantAdded",
        _joining,
        lambda talk, made, at: {
            "ConversationSid": talk.channel,
            "ParticipantSid": made["sid"],
            "RoleSid": talk.roles["channel user"],
            "DateCreated": at,
            **_PHONE,
        },
    ),
    After(
        "onParticipantUpdated",
        CASES["onMemberUpdate"],
        lambda talk, made, at: {
            **talk.said_of_settled("alice"),
            "Attributes": ATTRIBUTES,
            "DateUpdated": at,
            "LastReadMessageIndex": "3",
        },
    ),
    After(
        "onParticipantRemoved",
        CASES["onMemberRemove"],
        lambda talk, made, at: {**talk.said_of_settled("bob"), "DateRemoved": at},
    ),
    After(
        "onParticipantRemoved",
        _leaving,
        lambda talk, made, at: {
            "ConversationSid": talk.channel,
            "ParticipantSid": made["sid"],
            "RoleSid": talk.roles["channel user"],
            "DateCreated": talk.dates["phone"],
            "DateUpdated": talk.dates["phone"],
            "DateRemoved": at,
            **_PHONE,
        },
    ),
    After(
        "onUserAdded",
        CASES["onUserAdded"],
        lambda talk, made, at: {
            "UserSid": made["sid"],
            "Identity": "erin",
            "RoleSid": talk.roles["service user"],
            "Attributes": ATTRIBUTES,
            "FriendlyName": "Erin",
            "DateCreated": at,
        },
    ),
    After(
        "onUserUpdated",
        CASES["onUserUpdate"],
        lambda talk, made, at: talk.said_of_user(DateCreated=talk.dates["user"], DateUpdated=at),
    ),
]


def configure(owner: Owner, of: str = "service", **fields: Any) -> None:
    """Set Conversations' webhooks of the service or of the account, and let every container forget how they were."""
    path = f"{API}/Services/{owner.sid}/Configuration/Webhooks" if of == "service" else f"{API}/Configuration/Webhooks"
    owner.house.rest.post(path, fields)
    owner.clock.advance(11)


def common(owner: Owner, event: str, source: str) -> Parameters:
    told = {"AccountSid": owner.deployment.world.account_sid, "ChatServiceSid": owner.sid, "EventType": event}
    told |= {"Source": source, "RetryCount": "0"}
    return told | {"ClientIdentity": "alice"} if source == "SDK" else told
