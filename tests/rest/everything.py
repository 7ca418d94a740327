"""One real item of every resource, and every operation as a request: what tests that loop over the registry work with."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from parley.faces import media
from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount
from parley.ids import sender_sid
from parley.operations import bindings, senders
from parley.operations.context import Context
from parley.rest.routes import METHODS
from tests.support.doors import Answer, Raw
from tests.support.receipts import delivered
from tests.support.world import PHONE_NUMBERS

# A sender of the account that is in no messaging service.
FREE = "+12025550190"

# What a create or update sends that would be accepted. Other verbs send nothing.
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("service", "create"): {"FriendlyName": "a service"},
    ("service", "update"): {"FriendlyName": "renamed"},
    ("role", "create"): {"FriendlyName": "guest", "Type": "channel", "Permission": ["leaveChannel"]},
    ("role", "update"): {"Permission": ["leaveChannel", "sendMessage"]},
    ("user", "create"): {"Identity": "carol"},
    ("user", "update"): {"FriendlyName": "renamed"},
    ("user_channel", "update"): {"NotificationLevel": "muted"},
    ("channel", "create"): {"FriendlyName": "a channel"},
    ("channel", "update"): {"FriendlyName": "renamed"},
    ("channel_migration", "update"): {"Type": "private"},
    ("channel_webhook", "create"): {"Type": "studio", "Configuration.FlowSid": "FW" + "0a" * 16},
    ("channel_webhook", "update"): {"Configuration.RetryCount": 1},
    ("member", "create"): {"Identity": "carol"},
    ("member", "update"): {"LastConsumedMessageIndex": 7},
    ("message", "create"): {"Body": "hello"},
    ("message", "update"): {"Body": "changed"},
    ("media", "create"): {"What": "any form is a file like any other"},
    ("media_upload", "create"): {"ContentType": "image/png", "Size": 1, "Sha256": "0a" * 32},
    ("invite", "create"): {"Identity": "carol"},
    ("credential", "create"): {"Type": "fcm", "Secret": "x"},
    ("credential", "update"): {"FriendlyName": "renamed"},
    ("messaging_service", "create"): {"FriendlyName": "a messaging service"},
    ("messaging_service", "update"): {"FriendlyName": "renamed"},
    ("sender", "create"): {"PhoneNumberSid": sender_sid(FREE)},
    ("api_key", "create"): {"FriendlyName": "a key"},
    ("api_key", "update"): {"FriendlyName": "renamed"},
}
# The same for Conversations, where its words are others.
IN_CONVERSATIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("role", "create"): {"FriendlyName": "guest", "Type": "conversation", "Permission": ["leaveConversation"]},
    ("role", "update"): {"Permission": ["leaveConversation", "sendMessage"]},
    ("user_conversation", "update"): {"NotificationLevel": "muted"},
    ("participant", "create"): {"Identity": "carol"},
    ("conversation_with_participants", "create"): {"Participant": ['{"identity": "carol"}', '{"identity": "dave"}']},
    ("participant", "update"): {"LastReadMessageIndex": 7},
    ("address_configuration", "create"): {"Type": "sms", "Address": PHONE_NUMBERS[1]},
    ("address_configuration", "update"): {"FriendlyName": "renamed"},
    ("account_configuration", "update"): {"DefaultInactiveTimer": "PT5M"},
    ("account_webhooks", "update"): {"Filters": ["onMessageAdded"]},
    ("service_configuration", "update"): {"ReachabilityEnabled": "true"},
    ("service_notifications", "update"): {"NewMessage.Enabled": "true"},
    ("service_webhooks", "update"): {"Filters": ["onMessageAdded"]},
    ("channel_webhook", "create"): {
        "Target": "webhook",
        "Configuration.Url": "https://example.com/hook",
        "Configuration.Filters": ["onMessageAdded"],
    },
    ("channel_webhook", "update"): {"Configuration.Method": "get"},
}
# What a list is refused without.
QUERIES = {("participant_conversation", "list"): {"Identity": "alice"}}
# SIDs that nothing has; what they are the prefix of follows from the path.
ABSENT = {
    "account_sid": "AC" + "0" * 32,
    "service_sid": "IS" + "0" * 32,
    "channel_sid": "CH" + "0" * 32,
    "user_sid": "US" + "0" * 32,
    "message_sid": "IM" + "0" * 32,
    "messaging_service_sid": "MG" + "0" * 32,
}


class Operation(NamedTuple):
    """One verb of a mount."""

    mount: Mount
    verb: str

    @property
    def resource(self) -> str:
        return self.mount.resource

    @property
    def prefix(self) -> str:
        """How the SID in the path of an item begins."""
        return "CH" if self.mount.path.endswith("{channel_sid}") else self.mount.record.prefix

    @property
    def name(self) -> str:
        where = [self.mount.plural, "default" if self.scope == "default" else ""]
        return ":".join((self.mount.face.prefix, f"{self.resource}.{self.verb}", *filter(None, where)))

    @property
    def method(self) -> str:
        return METHODS[self.verb]

    @property
    def takes_form(self) -> bool:
        """Whether the body of its request is a form, and not a file."""
        return self.method == "POST" and (self.mount, self.verb) != (media.FILES, "create")

    @property
    def scope(self) -> str:
        """Where its records are: `chat`, `conversations` below a service, or `default` for the default service."""
        if self.mount.face.perspective.name != "conversations":
            return "chat"
        return "default" if self.mount.is_in_default_service else "conversations"

    @property
    def form(self) -> dict[str, Any]:
        asked = (self.resource, self.verb)
        known = (IN_CONVERSATIONS if self.scope != "chat" else {}).get(asked) or FORMS.get(asked, {})
        needed = [parameter.form_name for parameter in self.mount.form(self.verb) if parameter.is_required]
        assert known or self.verb == "list" or not needed, f"FORMS lacks what to {self.verb} a {self.resource} with"
        return known

    @property
    def template(self) -> str:
        """The path, with the names of what stands in it."""
        return self.mount.route(self.verb)

    @property
    def names(self) -> list[str]:
        """The names in the path, from the left."""
        return [part[1:].partition("}")[0] for part in self.template.split("/") if part.startswith("{")]

    def path(self, addresses: dict[str, str]) -> str:
        """The path with these addresses, percent-encoded."""
        return self.template.format(**{name: quote(value, safe="%") for name, value in addresses.items()})

    @property
    def query(self) -> dict[str, str]:
        return QUERIES.get((self.resource, self.verb), {})

    def ask(self, raw: Raw, addresses: dict[str, str], **options: Any) -> Answer:
        """Send the request with a form that would be accepted."""
        return raw(self.method, self.path(addresses), self.form, **{"query": self.query, **options})


OPERATIONS = [Operation(mount, verb) for mount in MOUNTS for verb in mount.verbs]


@dataclass
class Everything:
    """Where the items are: addresses by the names that paths use, and the SID of each resource's item.

    Those of Chat; `scopes` has what is otherwise in the other scopes. What has none in the default service is looked for
    with the addresses of another service.
    """

    account_sid: str
    addresses: dict[str, str]
    items: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, Everything] = field(default_factory=dict)

    def of(self, operation: Operation, **others: str) -> dict[str, str]:
        """The addresses of an operation's item, some replaced by `others`."""
        found = self.within(operation.scope)
        is_missing = operation.names[-1:] == ["sid"] and operation.resource not in found.items
        assert not is_missing, f"`_in_chat` or `_in_conversations` has to make a {operation.resource}"
        return {**found.addresses, "sid": found.items.get(operation.resource, ""), **others}

    def public_channel(self, operation: Operation) -> str:
        """A channel of the operation's service that is no conversation, because it is public."""
        return self.within(operation.scope).scopes.get("chat", self).items["channel"]

    def within(self, scope: str) -> Everything:
        """What there is in a scope."""
        if scope == "chat":
            return self
        return self.scopes.get(scope) or self.scopes["conversations"]


def make(raw: Raw, context: Context, suffix: str = "", *, default: bool = False) -> Everything:
    """A service with one of everything in it, and one of everything that the account has.

    With `default`, there is one of everything in the account's default service too.
    """
    service = raw.post("/chat/v2/Services", FriendlyName="everything" + suffix)["sid"]
    credential = raw.post("/chat/v2/Credentials", FORMS["credential", "create"])["sid"]
    account = f"/2010-04-01/Accounts/{context.account_sid}"
    of_account = {
        "service": service,
        "credential": credential,
        "account": context.account_sid,
        "api_key": raw.post(f"{account}/Keys.json", FORMS["api_key", "create"])["sid"],
        **_of_messaging(raw, context),
    }
    everything = _in_chat(raw, context, service, of_account)
    everything.scopes["conversations"] = _in_conversations(
        raw, context, everything, f"{_CONVERSATIONS}/Services/{service}"
    )
    if default:
        own = raw.get(f"{_CONVERSATIONS}/Configuration")["default_chat_service_sid"]
        in_chat = _in_chat(raw, context, own, of_account, unique=uuid.uuid4().hex)
        everything.scopes["default"] = _in_conversations(raw, context, in_chat, _CONVERSATIONS)
        everything.scopes["default"].scopes["chat"] = in_chat
    return everything


_CONVERSATIONS = "/conversations/v1"
_MESSAGING = "/messaging/v1"


def _of_messaging(raw: Raw, context: Context) -> dict[str, str]:
    """A messaging service and a sender in it; another sender is in no service."""
    # The first look makes the record of the default service.
    raw.get(f"{_MESSAGING}/Services")
    service = raw.post(f"{_MESSAGING}/Services", FORMS["messaging_service", "create"])["sid"]
    made = {}
    # The examples of the reference show the number, so it must not depend on what other tests have made.
    number = 1000 + len(senders.every(context))
    for address in (f"+1202556{number}", FREE):
        fields = {"provider_id": "phone-0a", "country_code": "US", "capabilities": ["SMS", "MMS"]}
        made[address] = senders.enable(context, address, {**fields, "messaging_service_sid": service})["sid"]
    raw("DELETE", f"{_MESSAGING}/Services/{service}/PhoneNumbers/{made.pop(FREE)}")
    return {"messaging_service": service, "sender": next(iter(made.values()))}


def _in_chat(raw: Raw, context: Context, service: str, of_account: dict[str, str], unique: str = "") -> Everything:
    """One of everything that Chat has in a service; `unique` makes names that others in the service do not have."""
    path = f"/chat/v2/Services/{service}"
    alice = "alice" + unique
    role = raw.post(f"{path}/Roles", FORMS["role", "create"])["sid"]
    user = raw.post(f"{path}/Users", Identity=alice)["sid"]
    channel = raw.post(f"{path}/Channels", UniqueName="team" + unique)["sid"]
    within = f"{path}/Channels/{channel}"
    binding = bindings.register(
        context,
        service,
        alice,
        endpoint="phone",
        binding_type="fcm",
        address=f"token-{service}{unique}",
        credential_sid=of_account["credential"],
        message_types=[],
    )
    file = raw("POST", f"/media/v1/Services/{service}/Media", b"a file").json["sid"]
    items = {
        **of_account,
        "role": role,
        "user": user,
        "channel": channel,
        "channel_migration": channel,
        "user_channel": channel,
        "member": raw.post(f"{within}/Members", Identity=alice)["sid"],
        "message": raw.post(f"{within}/Messages", Body="hi")["sid"],
        # A file that no message carries would be gone soon.
        "media": raw.post(f"{within}/Messages", MediaSid=file)["media"]["sid"],
        "invite": raw.post(f"{within}/Invites", Identity="zoe")["sid"],
        "channel_webhook": raw.post(f"{within}/Webhooks", FORMS["channel_webhook", "create"])["sid"],
        "binding": binding["sid"],
        "user_binding": binding["sid"],
    }
    addresses = {"account_sid": context.account_sid, "service_sid": service, "channel_sid": channel, "user_sid": user}
    addresses["messaging_service_sid"] = of_account["messaging_service"]
    return Everything(context.account_sid, addresses, items)


def _in_conversations(raw: Raw, context: Context, chat: Everything, path: str) -> Everything:
    """The same service as Conversations sees it, with a conversation in which is one of everything."""
    channel = raw.post(f"{path}/Conversations")["sid"]
    within = f"{path}/Conversations/{channel}"
    alice = raw.get(f"{path}/Users/{chat.items['user']}")["identity"]
    participant = raw.post(f"{within}/Participants", Identity=alice)["sid"]
    message = raw.post(f"{within}/Messages", Body="hi")["sid"]
    where = {"service_sid": chat.addresses["service_sid"], "channel_sid": channel, "index": 0}
    items = {
        **{name: chat.items[name] for name in ("service", "credential", "role", "user", "binding")},
        **dict.fromkeys(("service_configuration", "service_notifications", "service_webhooks"), chat.items["service"]),
        "channel": channel,
        "user_conversation": channel,
        "participant": participant,
        "channel_webhook": raw.post(f"{within}/Webhooks", IN_CONVERSATIONS["channel_webhook", "create"])["sid"],
        "message": message,
        "receipt": delivered(context, where, message, participant),
        "address_configuration": _configured_address(raw),
    }
    return Everything(chat.account_sid, {**chat.addresses, "channel_sid": channel, "message_sid": message}, items)


def _configured_address(raw: Raw) -> str:
    """The SID of the configuration of an address that others in the account may have configured already."""
    path = f"{_CONVERSATIONS}/Configuration/Addresses"
    raw("POST", path, {"Type": "sms", "Address": PHONE_NUMBERS[0]})
    sid: str = raw.get(f"{path}/{quote(PHONE_NUMBERS[0])}")["sid"]
    return sid


def seen(raw: Raw, everything: Everything) -> dict[str, Any]:
    """What every fetch and list of these items shows; lists of the account's own things are left out."""
    shown = {}
    for operation in OPERATIONS:
        if operation.scope == "default" and "default" not in everything.scopes:
            continue
        if operation.resource == "address_configuration":
            # There is one for each of the account's few numbers, which tests delete and make again.
            continue
        # The default service is shared: its lists grow.
        within_service = "service_sid" in operation.names
        if operation.verb == "fetch" or (operation.verb == "list" and within_service):
            found = raw.get(operation.path(everything.of(operation)), **operation.query)
            # Each answer has a new link to the file.
            shown[operation.name] = {**found, "links": None} if operation.resource == "media" else found
    return shown
