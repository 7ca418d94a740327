"""Two people converse in the console: what one does, the other sees."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from local.stack.running import Stack
from tests.console.browser import tab
from tests.console.console import Console

READ_AGAIN = (Path(__file__).parent / "read_again.js").read_text()


def test_two_people_converse(console: Console) -> None:
    said: list[str] = []
    for speaker, text in (
        (console.alice, "Hello, bob"),
        (console.bob, '<img src=x onerror=alert(1)> & "quotes" 🎉'),
        (console.alice, "How are you?"),
    ):
        speaker.says(text)
        said.append(text)
        for person in (console.alice, console.bob):
            person.sees(*said)


def test_shift_and_enter_make_a_new_line(console: Console) -> None:
    console.alice.types("one")
    console.page.keyboard.press("Shift+Enter")
    console.page.keyboard.insert_text("two")
    console.page.keyboard.press("Enter")
    console.bob.sees("one two")
    assert console.bob.within(".message .text").text_content() == "one\ntwo"


def test_typing_is_seen_by_the_other_until_the_message_comes(console: Console) -> None:
    console.bob.types("I am thinking")
    expect(console.alice.within(".typing")).to_have_text("bob is typing")
    console.page.keyboard.press("Enter")
    console.alice.sees("I am thinking")
    for person in (console.alice, console.bob):
        expect(person.within(".typing")).to_have_text("")


def test_typing_that_no_message_follows_ends_by_itself(unopened: Console, twilio: Any) -> None:
    twilio.chat.v2.services(unopened.service_sid).update(typing_indicator_timeout=1)
    unopened.open()
    # Each text that the line shows is noted on the page itself.
    unopened.alice.within(".typing").evaluate(
        """(line) => {
          const note = () => (document.body.dataset.shown = `${document.body.dataset.shown ?? ''}[${line.textContent}]`);
          new MutationObserver(note).observe(line, { childList: true });
        }"""
    )
    unopened.bob.types("…")
    expect(unopened.page.locator("body")).to_have_attribute("data-shown", "[bob is typing][]")


def test_a_badge_counts_unread_messages_and_goes_when_they_are_read(console: Console, other: Any) -> None:
    console.alice.says("one")
    console.alice.says("two")
    console.bob.has_unread("General", 2)
    expect(console.bob.within(".unread")).to_be_visible()
    console.bob.looks()
    console.bob.has_unread("General", 0)
    console.bob.opens("Other")
    console.alice.says("three")
    console.bob.has_unread("General", 1)
    console.bob.opens("General")
    console.bob.has_unread("General", 0)
    console.bob.sees("one", "two", "three")


def test_the_read_mark_moves_when_the_other_looks(console: Console) -> None:
    console.alice.says("first")
    console.bob.looks()
    console.alice.has_read_mark("bob", 0)
    console.alice.says("second")
    console.bob.sees("first", "second")
    console.alice.has_read_mark("bob", 0)
    console.bob.looks()
    console.alice.has_read_mark("bob", 1)


def test_an_answer_counts_as_reading_and_has_no_mark(console: Console) -> None:
    console.alice.says("question")
    console.bob.sees("question")
    console.bob.says("answer")
    console.alice.sees("question", "answer")
    console.bob.has_unread("General", 0)
    heard = console.events.filter(has_text="lastConsumedMessageIndex").filter(has_text="bob in General")
    expect(heard.filter(has=console.page.locator(".who", has_text="alice")).first).to_be_attached()
    expect(console.alice.within(".read")).to_have_count(0)


def test_both_see_that_a_message_was_edited_or_deleted(console: Console) -> None:
    console.alice.says("one")
    console.alice.says("to")
    console.alice.sees("one", "to")
    console.alice.acts_on(1, "Edit message")
    console.alice.field.fill("two")
    console.page.keyboard.press("Enter")
    console.bob.sees("one", "two")
    expect(console.bob.within(".message .edited")).to_be_visible()
    console.alice.acts_on(0, "Delete message")
    console.dialog_button("Delete").click()
    for person in (console.bob, console.alice):
        person.sees("two")


def test_days_that_alternate_have_a_heading_each_time(console: Console, general: Any) -> None:
    now = datetime.now(UTC)
    bodies = [f"{days} days ago" for days in (2, 0, 2, 0)]
    for body in bodies:
        general.messages.create(from_="bob", body=body, date_created=now - timedelta(days=int(body[0])))
    console.alice.sees(*bodies)
    headings = console.alice.within(".day").all_inner_texts()
    assert len(headings) == 4 and headings[0] == headings[2] != headings[1] == headings[3] == "Today"


# Earlier messages.


@pytest.fixture
def long(general: Any) -> list[str]:
    """More messages in the channel than the console reads at once."""
    bodies = [f"message {number}" for number in range(45)]
    for body in bodies:
        general.messages.create(from_="bob", body=body)
    return bodies


def test_earlier_messages_come_when_somebody_scrolls_up(unopened: Console, long: list[str]) -> None:
    unopened.open()
    expect(unopened.alice.within(".message")).to_have_count(30)
    unopened.alice.within(".scroller").evaluate("(scroller) => { scroller.scrollTop = 0; }")
    unopened.alice.sees(*long)


def test_earlier_messages_come_when_a_tall_window_has_room_for_them(unopened: Console, long: list[str]) -> None:
    unopened.page.set_viewport_size({"width": 1440, "height": 3000})
    unopened.open("alice")
    unopened.alice.sees(*long)


def test_earlier_messages_come_when_a_hidden_pane_with_room_is_shown(unopened: Console, long: list[str]) -> None:
    unopened.open()
    unopened.page.set_viewport_size({"width": 600, "height": 3000})
    unopened.page.reload()
    unopened.await_ready()
    unopened.page.locator("#tabs button").nth(1).click()
    unopened.bob.sees(*long)


# Connections that end and begin.


def test_a_person_who_reconnects_has_missed_nothing(console: Console) -> None:
    console.alice.says("before")
    console.bob.sees("before")
    console.bob.disconnects()
    console.alice.says("meanwhile")
    console.bob.connects()
    console.alice.says("after")
    console.bob.sees("before", "meanwhile", "after")


@pytest.mark.parametrize("after", ["the plug", "another identity", "presence"])
def test_a_channel_opens_after_its_pane_got_a_new_connection(
    console: Console, other: Any, general: Any, after: str
) -> None:
    reader = console.bob
    other.messages.create(from_="alice", body="in Other")
    reader.has_unread("Other", 1)
    if after == "the plug":
        reader.disconnects()
        reader.connects()
    elif after == "another identity":
        general.members.create(identity="carol")
        reader = reader.becomes("carol")
    else:
        switch_presence(console, on=False)
    reader.opens("Other")
    reader.sees("in Other")


def test_a_member_who_is_added_again_opens_the_private_channel_by_its_new_name(console: Console, other: Any) -> None:
    rows = console.bob.within(".channel")
    expect(rows).to_have_count(2)
    other.members("bob").delete()
    expect(rows).to_have_count(1)
    other.update(friendly_name="Another")
    other.members.create(identity="bob")
    console.bob.opens("Another")


def test_a_person_who_reloads_has_missed_nothing(
    browser: Browser, page: Page, problems: list[str], stack: Stack, service: Any
) -> None:
    mine = Console(page, stack, service.sid)
    mine.open("alice")
    with tab(browser, problems) as second:
        theirs = Console(second, stack, service.sid)
        theirs.open("bob")
        mine.alice.says("before")
        theirs.bob.sees("before")
        theirs.bob.says("seen")
        mine.alice.sees("before", "seen")
        held: list[Route] = []
        second.route("**/parley.js", lambda route: held.append(route))
        second.reload(wait_until="commit")
        mine.alice.has_presence("bob", False)
        meanwhile = [f"meanwhile {number}" for number in range(8)]
        for body in meanwhile:
            mine.alice.says(body)
        mine.alice.sees("before", "seen", *meanwhile)
        assert held
        for route in held:
            route.continue_()
        theirs.await_ready(1)
        mine.alice.says("after")
        theirs.bob.sees("before", "seen", *meanwhile, "after")
        theirs.bob.says("I have read it all")
        mine.alice.sees("before", "seen", *meanwhile, "after", "I have read it all")


# A channel that is read again.


@pytest.fixture
def alone(page: Page, stack: Stack) -> Page:
    """A page with one conversation, which shows the messages 0 and 1 and can be told to read them again."""
    page.goto(f"{stack.info['console_url']}/")
    page.locator("#field-account").wait_for()
    page.evaluate(READ_AGAIN)
    expect(page.locator(".message")).to_have_count(2)
    return page


def test_a_message_that_arrives_while_a_channel_is_read_again_stays_once_and_in_order(alone: Page) -> None:
    alone.evaluate("readAgain(2, 3, 4)")
    alone.evaluate("arrive(4), arrive(5)")
    alone.evaluate("answer(), reading")
    expect(alone.locator(".message .text")).to_have_text(["message 2", "message 3", "message 4", "message 5"])


def test_the_badge_of_a_channel_that_was_read_again_counts_its_present_messages(alone: Page) -> None:
    alone.evaluate("readAgain(1, 2, 3)")
    alone.evaluate("answer(), reading")
    assert alone.evaluate("unread") == 3


def test_nobody_is_shown_as_typing_after_a_channel_was_read_again(alone: Page) -> None:
    alone.evaluate("type()")
    alone.locator(".typing .dots").wait_for()
    alone.evaluate("readAgain(0, 1)")
    alone.evaluate("answer(), reading")
    expect(alone.locator(".typing")).to_have_text("")


# Invitations.


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


# Members and channels.


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


# People and services.


def test_the_presence_dot_follows_the_connection(console: Console) -> None:
    console.alice.has_presence("bob", True)
    console.bob.disconnects()
    expect(console.bob.within(".empty p")).to_have_text("bob is not connected. The plug connects again.")
    expect(console.bob.within(".nothing")).to_have_count(0)
    console.alice.has_presence("bob", False)
    console.bob.connects()
    console.alice.has_presence("bob", True)


def switch_presence(console: Console, *, on: bool) -> None:
    """Switch presence, and wait until everybody has connected again."""
    console.header("Service settings").click()
    console.dialog.get_by_label("Presence").click()
    console.dialog_button("Save").click()
    expect(console.dialog).to_have_count(0)
    for person in (console.alice, console.bob):
        expect(person.within(".faces .dot")).to_have_count(int(on))
    console.await_ready()


def test_presence_is_switched_on_and_off(console: Console) -> None:
    for on, presence in ((False, "presence is off"), (True, "online")):
        switch_presence(console, on=on)
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
