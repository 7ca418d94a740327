"""The phones of a local run, as the console shows them."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import boto3
import pytest
from playwright.sync_api import Locator, expect

from parley.ports.push import Delivered, Device, Notification, PushGateway
from tests.console.console import Console
from tests.console.looks import Checker, fits
from tests.support.push import SERVICE_ACCOUNT


class Sender:
    """The push function's way to the phones: a new application, and a new device of it."""

    def __init__(self, rest_url: str) -> None:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        sns = boto3.client("sns", endpoint_url=f"{rest_url}/_push/sns", **keys)
        self._port = PushGateway(lambda: sns, "")
        name = uuid.uuid4().hex
        application = self._port.create_application("GCM", name, {"PlatformCredential": SERVICE_ACCOUNT})
        self._device = Device("fcm", application, f"{name}-token")
        self.name = f"{name[:16]}…"
        self._numbers = itertools.count()

    def tell(self, text: str) -> None:
        payload = {"twi_body": text, "twi_sound": "ping", "twi_message_id": f"RU{next(self._numbers)}"}
        outcome = self._port.deliver(self._device, Notification(payload))
        assert isinstance(outcome, Delivered)
        self._device = self._device._replace(endpoint=outcome.endpoint)


@pytest.fixture
def sender(stack: Any) -> Sender:
    return Sender(stack.info["rest_url"])


def card(console: Console, sender: Sender) -> Locator:
    return console.page.locator("#tool-phones .phone").filter(has_text=sender.name)


def press(where: Locator, label: str) -> None:
    where.get_by_role("button", name=label).click()


def test_a_phone_shows_what_it_got_goes_offline_and_loses_its_app(console: Console, sender: Sender) -> None:
    sender.tell("bob: hello")
    console.choose_tool("Phones")
    phone = card(console, sender)
    shown = phone.locator(".shown .text")
    expect(shown).to_have_text(["bob: hello"])
    phone.locator("summary").click()
    expect(phone.locator("pre")).to_contain_text('"twi_body": "bob: hello"')
    press(phone, "Go offline")
    expect(phone.get_by_role("button", name="Go online")).to_be_focused()
    sender.tell("bob: are you there?")
    expect(phone.locator(".phone-head")).to_contain_text("1 waiting")
    expect(shown).to_have_count(1)
    press(phone, "Go online")
    expect(shown).to_have_text(["bob: are you there?", "bob: hello"])
    # What was opened stays open.
    expect(phone.locator("pre")).to_be_visible()
    press(phone, "Uninstall")
    expect(phone.locator(".badge")).to_have_text("uninstalled")
    expect(shown).to_have_count(0)
    sender.tell("lost")
    expect(phone.locator(".phone-head")).to_contain_text("has given it up")
    press(phone, "Install again")
    expect(phone.locator(".badge")).to_have_text("on")


def test_phones_fit_on_a_phone_and_are_accessible_there(
    pocket: Console,
    check: Checker,
    sender: Sender,
) -> None:
    sender.tell("a_very_long_word_that_does_not_fit_into_one_line_of_a_telephone_at_all " * 2)
    pocket.begin()
    pocket.page.locator("#tabs").get_by_role("button", name="Tools").click()
    pocket.choose_tool("Phones")
    expect(card(pocket, sender).locator(".shown .text")).to_have_count(1)
    fits(pocket.page)
    check(pocket.page)
