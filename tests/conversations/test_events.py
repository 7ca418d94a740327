"""Each of Conversations' 23 events by its public door: received by a real server, judged by Twilio's validator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.phones.carrier import PHONES_PATH
from local.stack.running import Stack
from parley.faces import conversations_events as events
from tests.conversations.talk import AFTER, API, BEFORE, MESSAGING, After, Before, Talk, common, configure
from tests.support.doors import HttpDoor, Raw
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Received, Reply, Target
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import Parameters

METHODS, BY = ("POST", "GET"), ("service", "account")


# Some by POST, some by GET; some by the service's webhooks, some by the account's.
@pytest.mark.parametrize(
    ("row", "method", "of"),
    [(row, METHODS[number % 2], BY[number // 2 % 2]) for number, row in enumerate(BEFORE)],
    ids=str,
)
def test_an_owner_is_asked_with_all_parameters(owner: Owner, target: Target, row: Before, method: str, of: str):
    talk = Talk(owner)
    case = row.action(talk)
    configure(owner, of, PreWebhookUrl=target.url, Filters=[row.event], Method=method)
    case.client()
    (received,) = target.received
    assert received.is_signed_with(AUTH_TOKEN)
    assert received.method == method
    assert received.parameters == common(owner, row.event, "SDK") | row.said(talk, case)


@pytest.mark.parametrize(
    ("row", "method", "of"),
    [(row, METHODS[number % 2], BY[1 - number // 2 % 2]) for number, row in enumerate(AFTER)],
    ids=str,
)
def test_an_owner_is_told_with_all_parameters(
    owner: Owner, webhooks: WebhooksFunction, target: Target, row: After, method: str, of: str
):
    talk = Talk(owner)
    case = row.action(talk)
    configure(owner, of, PostWebhookUrl=target.url, Filters=[row.event], Method=method)
    webhooks.skip_stream()
    made = case.rest()
    webhooks.run()
    (received,) = target.received
    assert received.is_signed_with(AUTH_TOKEN)
    assert received.method == method
    assert received.parameters == common(owner, row.event, "API") | row.said(talk, made, talk.now)


# Events that a phone causes


class Correspondence:
    """A conversation of a local stack with a phone and with one that takes no messages, and what its owner hears."""

    def __init__(self, stack: Stack, raw: Raw, target: Target):
        self.stack, self.raw, self.target = stack, raw, target
        self.service = raw.post(f"{API}/Services", FriendlyName="a service")["sid"]
        scope = f"{API}/Services/{self.service}"
        urls = {"PreWebhookUrl": target.url, "PostWebhookUrl": target.url}
        raw.post(f"{scope}/Configuration/Webhooks", {**urls, "Filters": list(events.SERVICE_FILTERS)})
        self.conversation = raw.post(f"{scope}/Conversations", MessagingServiceSid=MESSAGING)["sid"]
        self.path = f"{scope}/Conversations/{self.conversation}"
        self.sender = stack.info["carrier_numbers"][-1]
        # The carrier refuses messages to the second one.
        self.phone, self.deaf = (f"whatsapp:+4917{stack.process.pid:07d}{ending}" for ending in ("1000", "0001"))
        self.participant, self.other = (self._add(phone)["sid"] for phone in (self.phone, self.deaf))

    def _add(self, phone: str) -> Any:
        form = {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": self.sender}
        return self.raw.post(f"{self.path}/Participants", form)

    def said(self, event: str, **more: Any) -> Parameters:
        """The parameters of an event, dates in seconds, as REST shows them."""
        account = {"AccountSid": self.stack.info["account_sid"], "ChatServiceSid": self.service}
        where = {"ConversationSid": self.conversation, "EventType": event, "Source": "WHATSAPP", "RetryCount": "0"}
        return {**account, **where, **{name: str(value) for name, value in more.items()}}

    def said_of_message(self, event: str, body: str, **more: Any) -> Parameters:
        whose = {"Author": self.phone, "ParticipantSid": self.participant, "Attributes": "{}"}
        return self.said(event, Body=body, **whose, **more)

    def said_of_participant(self, read: int) -> Parameters:
        shown = self.raw.get(f"{self.path}/Participants/{self.participant}")
        binding = {"Address": self.phone, "ProxyAddress": self.sender, "Type": "WHATSAPP"}
        return self.said(
            "onParticipantUpdated",
            ParticipantSid=self.participant,
            RoleSid=shown["role_sid"],
            Attributes="{}",
            DateCreated=shown["date_created"],
            DateUpdated=shown["date_updated"],
            LastReadMessageIndex=read,
            **{f"MessagingBinding.{name}": value for name, value in binding.items()},
        )

    def said_of_receipt(self, receipt: Any, status: str, **more: Any) -> Parameters:
        names = {"DeliveryReceiptSid": receipt["sid"], "MessageSid": receipt["message_sid"], "Status": status}
        dates = {"DateCreated": receipt["date_created"], "DateUpdated": receipt["date_updated"]}
        return self.said("onDeliveryUpdated", ParticipantSid=receipt["participant_sid"], **names, **dates, **more)

    def heard(self, event: str, **of: str) -> Parameters:
        """The parameters of the first request about an event that has these, signed; dates in seconds."""

        def about(received: list[Received]) -> list[Received]:
            return [one for one in received if one.event == event and of.items() <= one.parameters.items()]

        found = about(self.target.wait(about))[0]
        assert found.is_signed_with(self.stack.info["auth_token"])
        dates = ("DateCreated", "DateUpdated", "StateUpdated")
        said = found.parameters
        return {name: f"{value[:19]}Z" if name in dates else value for name, value in said.items()}


# The events that the test below hears.
BY_PHONE = {
    "onMessageAdd",
    "onMessageAdded",
    "onConversationStateUpdated",
    "onDeliveryUpdated",
    "onParticipantUpdated",
}


def test_an_owner_is_asked_and_told_of_phones_through_the_carrier(stack: Stack, http_door: HttpDoor, target: Target):
    raw = Raw(http_door)
    here = Correspondence(stack, raw, target)
    rewritten = Reply(200, json.dumps({"body": "rewritten"}).encode(), "application/json")
    target.answer = lambda received: rewritten if received.event == "onMessageAdd" else Reply()
    raw.post(here.path, State="inactive")
    raw.post(f"{PHONES_PATH}{here.phone}", To=here.sender, Body="hello")
    assert here.heard("onMessageAdd") == here.said_of_message("onMessageAdd", "hello")
    told = here.heard("onMessageAdded")
    (message,) = raw.get(f"{here.path}/Messages")["messages"]
    assert told == here.said_of_message(
        "onMessageAdded",
        "rewritten",
        MessageSid=message["sid"],
        Index=0,
        DateCreated=message["date_created"],
        MessagingServiceSid=MESSAGING,
    )
    awake = here.heard("onConversationStateUpdated")
    states = {"StateFrom": "inactive", "StateTo": "active", "StateUpdated": awake["StateUpdated"], "Reason": "EVENT"}
    assert awake == here.said("onConversationStateUpdated", MessagingServiceSid=MESSAGING, **states)

    sent = raw.post(f"{here.path}/Messages", Body="hello yourself")["sid"]
    read = here.heard("onDeliveryUpdated", MessageSid=sent, Status="read")
    refused = here.heard("onDeliveryUpdated", MessageSid=sent, ErrorCode="21211")
    receipts = {
        one["participant_sid"]: one for one in raw.get(f"{here.path}/Messages/{sent}/Receipts")["delivery_receipts"]
    }
    receipt = receipts[here.participant]
    assert read == here.said_of_receipt(receipt, "read", ChannelMessageSid=receipt["channel_message_sid"])
    assert refused == here.said_of_receipt(receipts[here.other], "failed", ErrorCode=21211)
    assert here.heard("onParticipantUpdated") == here.said_of_participant(read=1)
    assert {received.event for received in target.received} == BY_PHONE


def test_every_event_is_among_these():
    proven = {*(row.event for row in (*BEFORE, *AFTER)), *BY_PHONE}
    assert proven == set(events.SERVICE_FILTERS)
    assert len(proven) == 23
