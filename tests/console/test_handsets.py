"""Handsets in the console: their threads, writing as one of them, STOP, airplane mode and read receipts."""

from __future__ import annotations

import json
import secrets
from typing import Any

import boto3
import pytest
from playwright.sync_api import Locator, expect

from local.stack.running import Stack
from tests.console.attaching import PICTURE
from tests.console.console import Console
from tests.console.looks import Checker, fits
from tests.support.doors import HttpDoor, Raw
from tests.support.handset import Handset

NUMBER, SENDER = "+12025550143", "whatsapp:+12025550143"
_KEYS: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class Friend:
    """Somebody with a number of their own on SMS and on WhatsApp, and AWS's way to it."""

    def __init__(self, stack: Stack, http_door: HttpDoor) -> None:
        url = stack.info["rest_url"]
        self._sms = boto3.client("pinpoint-sms-voice-v2", endpoint_url=f"{url}/_texts/sms-voice", **_KEYS)
        self._social = boto3.client("socialmessaging", endpoint_url=f"{url}/_texts/social-messaging", **_KEYS)
        self.number = f"+4917{secrets.randbelow(10**8):08d}5"
        self.on_sms = Handset(Raw(http_door), self.number, NUMBER)
        self.on_whatsapp = Handset(Raw(http_door), f"whatsapp:{self.number}", SENDER)

    def text(self, body: str) -> None:
        self._sms.send_text_message(DestinationPhoneNumber=self.number, OriginationIdentity=NUMBER, MessageBody=body)

    def whatsapp(self, body: str) -> None:
        """Send a message on WhatsApp, after the person has written."""
        (account,) = self._social.list_linked_whatsapp_business_accounts()["linkedAccounts"]
        found = self._social.get_linked_whatsapp_business_account(id=account["id"])["account"]
        message = {"messaging_product": "whatsapp", "to": self.number, "type": "text", "text": {"body": body}}
        self._social.send_whatsapp_message(
            originationPhoneNumberId=found["phoneNumbers"][0]["phoneNumberId"],
            message=json.dumps(message).encode(),
            metaApiVersion="v20.0",
        )


@pytest.fixture
def friend(stack: Stack, http_door: HttpDoor) -> Friend:
    return Friend(stack, http_door)


def card(console: Console, address: str) -> Locator:
    return console.page.locator(f'#tool-phones .handset[data-address="{address}"]')


def press(where: Locator, label: str) -> None:
    where.get_by_role("button", name=label).click()


def bodies(handset: Locator) -> Locator:
    return handset.locator(".text-message p")


def test_a_handset_shows_its_thread_and_writes(console: Console, friend: Friend) -> None:
    friend.text("Your table is ready")
    console.choose_tool("Phones")
    handset = card(console, friend.number)
    expect(bodies(handset)).to_have_text(["Your table is ready"])
    expect(handset.locator(".ticks")).to_have_text("delivered")
    expect(handset.get_by_role("combobox")).to_have_value(NUMBER)
    handset.get_by_role("textbox").fill("On my way")
    handset.get_by_role("textbox").press("Enter")
    expect(bodies(handset)).to_have_text(["Your table is ready", "On my way"])
    expect(handset.get_by_role("textbox")).to_have_value("")
    assert friend.on_sms.thread[1] == ("out", "On my way")


def test_stop_is_answered_and_shown(console: Console, friend: Friend) -> None:
    friend.text("Buy one, get two")
    console.choose_tool("Phones")
    handset = card(console, friend.number)
    press(handset, "Send STOP")
    expect(handset.locator(".phone-head .badge")).to_have_text("stopped")
    expect(bodies(handset)).to_have_count(3)
    expect(handset.get_by_role("option", name=f"{NUMBER} (stopped)")).to_have_count(1)
    handset.get_by_role("textbox").fill("START")
    press(handset, "Send from")
    expect(handset.locator(".phone-head .badge")).to_have_count(0)


def test_in_airplane_mode_texts_wait(console: Console, friend: Friend, problems: list[str]) -> None:
    friend.text("one")
    console.choose_tool("Phones")
    handset = card(console, friend.number)
    press(handset, "Airplane mode")
    expect(handset.get_by_role("button", name="Airplane mode")).to_be_focused()
    expect(handset.get_by_role("button", name="Airplane mode")).to_have_attribute("aria-pressed", "true")
    friend.text("two")
    expect(handset.locator(".ticks")).to_have_text(["delivered", "waits"])
    handset.get_by_role("textbox").fill("hello?")
    press(handset, "Send from")
    expect(console.page.locator(".toast")).to_contain_text("airplane mode")
    problems.clear()
    press(handset, "Airplane mode")
    expect(handset.locator(".ticks")).to_have_text(["delivered", "delivered"])


def test_without_read_receipts_a_whatsapp_message_waits_to_be_read(console: Console, friend: Friend) -> None:
    console.choose_tool("Phones")
    form = console.page.locator("#tool-phones .tools form")
    form.get_by_role("textbox").fill(friend.number)
    form.get_by_text("WhatsApp").click()
    press(form, "Add a phone")
    handset = card(console, friend.on_whatsapp.address)
    expect(handset.get_by_role("textbox")).to_be_focused()
    press(handset, "Read receipts")
    handset.get_by_role("textbox").fill("Are you open?")
    press(handset, "Send from")
    expect(bodies(handset)).to_have_text(["Are you open?"])
    friend.whatsapp("Until ten")
    expect(handset.locator(".ticks").last).to_have_text("delivered")
    press(handset, "Read:")
    expect(handset.locator(".ticks").last).to_have_text("read")
    expect(handset.get_by_role("button", name="Read:")).to_have_count(0)


def test_a_picture_is_shown(console: Console, friend: Friend) -> None:
    friend.on_whatsapp.send("look", PICTURE["buffer"], "image/png")
    console.choose_tool("Phones")
    image = card(console, friend.on_whatsapp.address).locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0


def test_a_number_that_is_none_is_refused(console: Console) -> None:
    console.choose_tool("Phones")
    form = console.page.locator("#tool-phones .tools form")
    form.get_by_role("textbox").fill("alice")
    press(form, "Add a phone")
    expect(console.page.locator(".toast")).to_contain_text("A number has a plus")


@pytest.mark.parametrize("is_ticked", [True, False])
def test_an_address_on_whatsapp_may_be_written_whole(console: Console, friend: Friend, is_ticked: bool) -> None:
    console.choose_tool("Phones")
    form = console.page.locator("#tool-phones .tools form")
    form.get_by_role("textbox").fill(friend.on_whatsapp.address)
    form.get_by_role("checkbox").set_checked(is_ticked)
    press(form, "Add a phone")
    expect(card(console, friend.on_whatsapp.address)).to_be_visible()


def test_handsets_are_accessible(console: Console, check: Checker, friend: Friend) -> None:
    friend.text("hello")
    friend.on_sms.write("STOP")
    friend.on_whatsapp.write("hello")
    friend.whatsapp("hello yourself")
    console.choose_tool("Phones")
    expect(card(console, friend.on_whatsapp.address).locator(".text-message")).to_have_count(2)
    check(console.page)


def test_handsets_fit_on_a_phone_and_are_accessible_there(
    pocket: Console,
    check: Checker,
    friend: Friend,
) -> None:
    friend.text("a_very_long_word_that_does_not_fit_into_one_line_of_a_telephone_at_all " * 2)
    pocket.begin()
    pocket.page.locator("#tabs").get_by_role("button", name="Tools").click()
    pocket.choose_tool("Phones")
    expect(card(pocket, friend.number).locator(".text-message")).to_have_count(1)
    fits(pocket.page)
    check(pocket.page)
