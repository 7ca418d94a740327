"""Who is there, as the console shows and changes it: invitations, members, presence, and people of a service."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.console import Console


def invite_bob(console: Console) -> None:
    """Alice makes a private channel and invites bob."""
    console.alice.button("New channel").click()
    console.dialog.get_by_label("Name", exact=True).fill("Plans")
    console.dialog.get_by_label("Private").check()
    console.dialog_button("Create").click()
    console.alice.has_open("Plans")
    console.alice.button("Members, invite").click()
    console.dialog.locator("input").fill("bob")
    console.dialog_button("Invite").click()
    expect(console.bob.within(".banner")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)


@pytest.mark.parametrize("reconnects", [False, True], ids=["at once", "after a new connection"])
def test_an_invitation_is_accepted(console: Console, reconnects: bool) -> None:
    invite_bob(console)
    if reconnects:
        console.bob.disconnects()
        console.bob.connects()
    console.bob.button("Accept").click()
    expect(console.bob.within(".banner")).to_have_count(0)
    console.alice.says("Welcome")
    console.bob.sees("Welcome")
    expect(console.alice.within(".subtitle")).to_have_text("2 members · 2 online")


def test_an_invitation_is_declined(console: Console) -> None:
    invite_bob(console)
    console.bob.button("Decline").click()
    expect(console.bob.within(".banner")).to_have_count(0)
    expect(console.bob.within(".channel-name")).to_have_text(["General"])
    console.page.reload()
    console.await_ready()
    expect(console.bob.within(".banner")).to_have_count(0)


def test_an_invitation_shows_the_present_name_of_its_channel(console: Console, channels: Any) -> None:
    plans = channels(channels.create(friendly_name="Plans", type="private").sid)
    invite = plans.invites.create(identity="bob")
    banner = console.bob.within(".banner")

    def is_named(name: str) -> None:
        expect(banner).to_have_attribute("aria-label", f"Invitation to {name}")
        expect(banner.locator("strong")).to_have_text(name)

    is_named("Plans")
    plans.update(friendly_name="Better plans")
    is_named("Better plans")
    plans.invites(invite.sid).delete()
    expect(banner).to_have_count(0)
    plans.update(friendly_name="Best plans")
    plans.invites.create(identity="bob")
    is_named("Best plans")


def test_somebody_is_added_and_removed(console: Console) -> None:
    console.alice.button("Members, invite").click()
    console.dialog.locator("input").fill("carol")
    console.dialog_button("Add").click()
    carol = console.dialog.locator("li[data-identity=carol]")
    expect(carol.locator("small")).to_have_text("offline")  # carol has never connected
    console.dialog_button("Remove carol").click()
    console.dialog_button("Remove").click()
    expect(carol).to_have_count(0)


def test_phones_are_shown_by_their_addresses(unopened: Console, twilio: Any, service: Any, other: Any) -> None:
    conversation = twilio.conversations.v1.services(service.sid).conversations(other.fetch().sid)
    conversation.update(messaging_service_sid="MG" + "0a" * 16)
    sender = unopened.stack.info["whatsapp_senders"][0]
    pair = {"messaging_binding_proxy_address": sender}
    addresses = [f"whatsapp:+4917{secrets.randbelow(10**8):08d}" for _ in range(2)]
    phones = [conversation.participants.create(messaging_binding_address=one, **pair) for one in addresses]
    unopened.open()
    unopened.alice.opens("Other")
    expect(unopened.alice.within(".subtitle")).to_contain_text("5 members")
    unopened.alice.button("Members, invite").click()
    for phone, address in zip(phones, addresses, strict=True):
        expect(unopened.dialog.locator(f"li[data-identity={phone.sid}] .person")).to_have_text(f"{address}phone")
    conversation.participants(phones[1].sid).update(last_read_message_index=0)
    unopened.dialog_button(f"Remove {addresses[0]}").click()
    unopened.dialog_button("Remove").click()
    expect(unopened.dialog.locator("li")).to_have_count(4)
    unopened.page.keyboard.press("Escape")
    unopened.alice.says("hello")
    unopened.alice.has_read_mark(addresses[1], 0)


def test_a_channel_that_cannot_be_joined_is_made_once_and_the_dialog_says_so(
    unopened: Console, twilio: Any, channels: Any
) -> None:
    twilio.chat.v2.services(unopened.service_sid).update(limits_user_channels=1)
    unopened.open("alice")
    unopened.alice.button("New channel").click()
    unopened.dialog.get_by_label("Name", exact=True).fill("Mine")
    alert = unopened.dialog.get_by_role("alert")
    for _ in range(2):
        unopened.dialog_button("Create").click()
        expect(unopened.dialog_button("Create")).to_be_enabled()
        expect(alert).to_contain_text("The channel “Mine” was made, but cannot be joined: ")
    assert sorted(channel.friendly_name for channel in channels.list()) == ["General", "Mine"]


def test_a_channel_is_renamed_left_and_deleted(console: Console) -> None:
    console.alice.button("Channel settings").click()
    console.dialog.get_by_label("Name", exact=True).fill("Everybody")
    console.dialog_button("Save").click()
    console.bob.has_open("Everybody")
    console.bob.button("Channel settings").click()
    console.dialog_button("Leave").click()
    expect(console.bob.within(".empty")).to_be_visible()
    console.alice.button("Channel settings").click()
    console.dialog_button("Delete channel").click()
    console.dialog_button("Delete").click()
    expect(console.alice.within(".empty")).to_be_visible()


def test_a_refusal_is_shown_in_the_dialog_that_caused_it(console: Console) -> None:
    console.bob.button("Channel settings").click()
    console.dialog.get_by_label("Name", exact=True).fill("Mine")
    console.dialog_button("Save").click()
    expect(console.dialog.locator("form").get_by_role("alert")).to_contain_text("50107")


def test_the_presence_dot_follows_the_connection(console: Console) -> None:
    console.alice.has_presence("bob", True)
    console.bob.disconnects()
    expect(console.bob.within(".empty p")).to_have_text("bob is not connected. The plug connects again.")
    expect(console.bob.within(".nothing")).to_have_count(0)
    console.alice.has_presence("bob", False)
    console.bob.connects()
    console.alice.has_presence("bob", True)


def test_presence_is_switched_on_and_off(console: Console) -> None:
    for on, presence in ((False, "presence is off"), (True, "online")):
        console.switch_presence(on=on)
        console.alice.button("Members, invite").click()
        bob = console.dialog.locator("li[data-identity=bob]")
        expect(bob).to_contain_text(presence)
        console.page.keyboard.press("Escape")


def test_a_pane_becomes_somebody_else_who_finds_and_joins_a_public_channel(console: Console) -> None:
    carol = console.bob.becomes("carol")
    expect(carol.within(".empty")).to_be_visible()
    carol.button("Browse").click()
    console.dialog_button("Join General").click()
    carol.says("I am new")
    console.alice.sees("I am new")


def test_a_third_person_is_added_and_closed(console: Console) -> None:
    console.header("Add a person").click()
    console.dialog_button("Add").click()
    carol = console.page.locator(".pane[data-identity=carol]")
    expect(carol.locator(".pill[data-state=connected]")).to_have_count(1)
    carol.get_by_role("button", name="Close this pane").click()
    expect(carol).to_have_count(0)
    console.alice.says("just us")
    console.bob.sees("just us")


def test_a_new_service_has_both_of_them_in_a_channel(console: Console) -> None:
    console.header("New service").click()
    expect(console.dialog.locator("input")).to_be_focused()
    console.page.keyboard.insert_text("Another")  # over the suggested name, which is selected
    console.dialog_button("Create").click()
    expect(console.dialog).to_have_count(0)
    console.await_ready()
    console.alice.says("new here")
    console.bob.sees("new here")
    assert console.page.locator("#service option:checked").inner_text() == "Another"
