"""A back end's life with Twilio's helper library for Python. conversation.cjs is the same for Node, call by call, and
test_same_answers.py compares what both were told. Prints one line of JSON per call.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from answers import plain, refusal
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

ACCOUNT = os.environ["ACCOUNT_SID"]
IMPORTED = datetime(2015, 7, 30, 20, tzinfo=UTC)
HOOK = "https://example.com/hook"


def connect(token: str) -> Client:
    client = Client(ACCOUNT, token)
    client.chat.base_url = os.environ["REST_URL"] + "/chat"
    client.messaging.base_url = os.environ["REST_URL"] + "/messaging"
    client.api.base_url = os.environ["REST_URL"]
    return client


def shown(item: Any, fields: str) -> dict[str, Any]:
    return {name: plain(getattr(item, "_from" if name == "from" else name, None)) for name in fields.split()}


def call(title: str, act: Callable[[], Any], fields: str = "sid") -> Any:
    """Make a call and print its outcome: the named fields of what came back, of each item of a list, or the error's."""
    result = None
    try:
        result = act()
        told = [shown(item, fields) for item in result] if isinstance(result, list) else result
        if not isinstance(result, list | bool):
            told = shown(result, fields)
    except TwilioException as error:
        told = refusal(error)
    print(json.dumps([title, told]))
    return result


def settings(service: Any) -> Any:
    form = {
        "friendly_name": "renamed",
        "reachability_enabled": True,
        "webhook_filters": ["onMessageSent", "onUserAdded"],
        "limits_channel_members": 3,
        "notifications_new_message_enabled": True,
        "notifications_new_message_template": "${USER}: ${MESSAGE}",
    }
    call(
        "update service", lambda: service.update(**form), "sid friendly_name reachability_enabled limits notifications"
    )
    call("fetch service", service.fetch, "sid friendly_name limits webhook_filters webhook_method media")
    call("exceed a limit's limit", lambda: service.update(limits_channel_members=1001))
    call("list roles", service.roles.list, "friendly_name type permissions")
    guest = {"friendly_name": "guest", "type": "channel", "permission": ["sendMessage", "leaveChannel"]}
    role = call("create role", lambda: service.roles.create(**guest), "sid friendly_name type permissions")
    call("update role", lambda: service.roles(role.sid).update(permission=["leaveChannel"]), "sid permissions")
    call("fetch role", service.roles(role.sid).fetch, "sid type permissions service_sid")
    call("create impossible role", lambda: service.roles.create(**{**guest, "permission": ["fly"]}))
    return role


def people(service: Any) -> None:
    alice = {"identity": "alice", "friendly_name": "Alice", "attributes": '{"a":1}'}
    fields = "sid identity friendly_name attributes is_online is_notifiable joined_channels_count role_sid"
    call("create user", lambda: service.users.create(**alice), fields)
    call("create user again", lambda: service.users.create(**alice))
    call("create reserved user", lambda: service.users.create(identity="system"))
    renamed = "sid friendly_name attributes"
    call("update user", lambda: service.users("alice").update(friendly_name="Alice A."), renamed)
    call("create odd user", lambda: service.users.create(identity="żółw@example.com"), "sid identity")
    call("fetch odd user", lambda: service.users("żółw@example.com").fetch(), "sid identity")
    call("list users", lambda: service.users.list(page_size=1), "identity")
    call("fetch unknown user", lambda: service.users("nobody").fetch())


def channels(service: Any) -> Any:
    team = {"unique_name": "team", "friendly_name": "The team", "attributes": '{"colour":"green"}'}
    fields = "sid unique_name friendly_name attributes type created_by members_count messages_count"
    made = call("create channel", lambda: service.channels.create(**team), fields)
    old = {"type": "private", "date_created": IMPORTED, "created_by": "alice"}
    fields = "sid unique_name type created_by date_created date_updated"
    call("import channel", lambda: service.channels.create(**old), fields)
    call("take a taken name", lambda: service.channels.create(unique_name="team"))
    call("fetch channel", lambda: service.channels("team").fetch(), "sid type attributes")
    fields = "sid friendly_name attributes"
    call("update channel", lambda: service.channels("team").update(friendly_name=""), fields)
    call("break attributes", lambda: service.channels("team").update(attributes="{"))
    call("list channels", service.channels.list, "unique_name type")
    call("list private channels", lambda: service.channels.list(type=["private"]), "sid type")
    return made


def membership(service: Any, channel: Any, role: Any) -> None:
    alice = {"identity": "alice", "x_twilio_webhook_enabled": "true"}
    fields = "sid identity role_sid last_consumed_message_index attributes"
    call("add member", lambda: channel.members.create(**alice), fields)
    call("add member again", lambda: channel.members.create(**alice))
    call("add unknown", lambda: channel.members.create(identity="bob", role_sid=role.sid), "sid identity role_sid")
    call("invite", lambda: channel.invites.create(identity="carol"), "sid identity created_by role_sid")
    call("invite a member", lambda: channel.invites.create(identity="bob"))
    call("list invites", channel.invites.list, "identity")
    call("add an invited identity", lambda: channel.members.create(identity="carol"), "identity")
    call("list invites again", channel.invites.list, "identity")
    call("add one too many", lambda: channel.members.create(identity="dave"))
    call("list members", channel.members.list, "identity role_sid")
    call("list some members", lambda: channel.members.list(identity=["bob", "alice"]), "identity")
    call("delete a role in use", service.roles(role.sid).delete)


def conversation(channel: Any) -> None:
    fields = "index body from to was_edited last_updated_by type media attributes"
    for body in ("one", "two", "żółw \U0001f600"):
        call(f"send {body}", lambda body=body: channel.messages.create(body=body, from_="alice"), fields)
    old = {
        "body": "four",
        "from_": "bob",
        "attributes": '{"b":2}',
        "date_created": IMPORTED,
        "last_updated_by": "carol",
    }
    last = call("import message", lambda: channel.messages.create(**old), "sid index from date_created date_updated")
    call("send nothing", lambda: channel.messages.create(from_="alice"))
    message = channel.messages(last.sid)
    call("edit message", lambda: message.update(body="4"), "sid body was_edited last_updated_by")
    call("fetch message", message.fetch, "sid body index channel_sid service_sid")
    call("list messages", lambda: channel.messages.list(page_size=2), "index body")
    call("list new messages", lambda: channel.messages.list(order="desc", limit=2, page_size=1), "index body")
    read = "sid last_consumed_message_index"
    call("read", lambda: channel.members("alice").update(last_consumed_message_index=1), read)
    call("delete message", message.delete)
    call("delete message again", message.delete)
    call("count", channel.fetch, "members_count messages_count")


def user_channels(service: Any, team: Any) -> None:
    held = service.users("alice").user_channels
    fields = "channel_sid member_sid status last_consumed_message_index unread_messages_count notification_level"
    call("list user channels", held.list, fields)
    call("mute", lambda: held(team.sid).update(notification_level="muted", last_consumed_message_index=3), fields)
    call("fetch user channel", held(team.sid).fetch, "status notification_level")


def webhooks(service: Any, channel: Any) -> None:
    form = {"type": "webhook", "configuration_url": HOOK, "configuration_filters": ["onMessageSent"]}
    made = call("create webhook", lambda: channel.webhooks.create(**form), "sid type configuration")
    call("create half a webhook", lambda: channel.webhooks.create(type="webhook", configuration_url=HOOK))
    webhook = channel.webhooks(made.sid)
    call("update webhook", lambda: webhook.update(configuration_method="GET"), "sid configuration")
    call("list webhooks", channel.webhooks.list, "sid type")
    call("delete webhook", webhook.delete)
    call("list bindings", service.bindings.list)


def of_the_account(client: Client, service: Any) -> None:
    secrets = {"certificate": "-----BEGIN CERTIFICATE-----", "private_key": "-----BEGIN PRIVATE KEY-----"}
    phones = {"type": "apn", **secrets, "sandbox": True}
    credential = call("create credential", lambda: client.chat.v2.credentials.create(**phones), "sid type sandbox")
    call("create half a credential", lambda: client.chat.v2.credentials.create(type="fcm"))
    call("delete credential", client.chat.v2.credentials(credential.sid).delete)
    key = call("create key", lambda: client.new_keys.create(friendly_name="a key"), "sid friendly_name")
    call("rename key", lambda: client.keys(key.sid).update(friendly_name="renamed"), "sid friendly_name")
    call("delete key", client.keys(key.sid).delete)
    call("fetch account", client.api.v2010.accounts(ACCOUNT).fetch, "sid status type")
    call("guess", connect("wrong").chat.v2.services(service.sid).fetch)


def other_versions(client: Client, service: Any, team: Any) -> None:
    older = client.chat.v1.services(service.sid)
    call("fetch service in v1", older.fetch, "sid friendly_name limits webhooks")
    call("list channels in v1", older.channels.list, "unique_name attributes")
    call("list messages in v1 by name", older.channels("team").messages.list, "index")
    call("list messages in v1", older.channels(team.sid).messages.list, "index body from attributes")
    call("list user channels in v1", older.users("alice").user_channels.list, "channel_sid status")
    newer = client.chat.v3.channels(service.sid, "team")
    call("convert channel in v3", lambda: newer.update(type="private"), "sid type messaging_service_sid")


def messaging(client: Client) -> None:
    services, no_number = client.messaging.v1.services, "PN" + "0" * 32
    form = {"friendly_name": "support", "inbound_request_url": HOOK, "validity_period": 60, "sticky_sender": False}
    fields = "sid friendly_name inbound_request_url inbound_method validity_period sticky_sender smart_encoding"
    made = call("create messaging service", lambda: services.create(**form), fields)
    service = services(made.sid)
    call("create a nameless one", lambda: services.create(friendly_name=""))
    call("update messaging service", lambda: service.update(inbound_method="GET"), "sid inbound_method")
    call("fetch messaging service", service.fetch, "sid friendly_name usecase account_sid")
    call("list messaging services", lambda: services.list(limit=2, page_size=1), "account_sid")
    call("list its senders", service.phone_numbers.list)
    call("add a number of nobody", lambda: service.phone_numbers.create(phone_number_sid=no_number))
    call("fetch a number of nobody", service.phone_numbers(no_number).fetch)
    call("delete messaging service", service.delete)
    call("fetch deleted messaging service", service.fetch)


def farewell(service: Any, team: Any) -> None:
    call("leave", service.users("alice").user_channels(team.sid).delete)
    call("delete user", service.users("alice").delete)
    call("delete channel", service.channels("team").delete)
    call("reuse its name", lambda: service.channels.create(unique_name="team"), "sid unique_name members_count")
    call("delete service", service.delete)
    call("fetch deleted service", service.fetch)


def main() -> None:
    client = connect(os.environ["AUTH_TOKEN"])
    made = call("create service", lambda: client.chat.v2.services.create(friendly_name="a service"))
    service = client.chat.v2.services(made.sid)
    role = settings(service)
    people(service)
    team = channels(service)
    channel = service.channels("team")
    membership(service, channel, role)
    conversation(channel)
    user_channels(service, team)
    webhooks(service, channel)
    of_the_account(client, made)
    other_versions(client, made, team)
    messaging(client)
    farewell(service, team)


if __name__ == "__main__":
    main()
