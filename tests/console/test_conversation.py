"""Two people converse in the console: what one does, the other sees."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack
from tests.console.browser import Browser, Page
from tests.console.console import Console, Person

READ_AGAIN = (Path(__file__).parent / "read_again.js").read_text()


def test_two_people_converse(console: Console) -> None:
    said: list[str] = []
    for speaker, text in (
        (console.alice, "Hello, bob"),
        (console.bob, "Hello, alice"),
        (console.alice, "How are you?"),
    ):
        speaker.says(text)
        said.append(text)
        for person in (console.alice, console.bob):
            person.sees(*said)


def test_text_is_shown_as_it_was_written(console: Console) -> None:
    text = '<img src=x onerror=alert(1)> & "quotes" 🎉'
    console.alice.says(text)
    console.bob.sees(text)


def test_shift_and_enter_make_a_new_line(console: Console) -> None:
    console.alice.types("one")
    console.page.press("Enter", shift=True)
    console.page.type("two")
    console.page.press("Enter")
    console.bob.sees("one\ntwo")


def test_typing_is_seen_by_the_other_until_the_message_comes(console: Console) -> None:
    console.bob.types("I am thinking")
    typing = console.alice.within(".typing")
    console.page.until(f"document.querySelector('{typing}').textContent === 'bob is typing'")
    console.page.press("Enter")
    console.alice.sees("I am thinking")
    console.page.until(f"document.querySelector('{typing}').textContent === ''")
    assert console.page.texts(console.bob.within(".typing")) == [""]


def test_typing_that_comes_to_nothing_ends_by_itself(page: Page, stack: Stack, twilio: Any, service: Any) -> None:
    twilio.chat.v2.services(service.sid).update(typing_indicator_timeout=1)
    console = Console(page, stack)
    console.open(service.sid)
    page.evaluate(
        f"""(() => {{
          const line = document.querySelector({json.dumps(console.alice.within(".typing"))});
          window.shown = [];
          new MutationObserver(() => window.shown.push(line.textContent)).observe(line, {{childList: true}});
        }})()"""
    )
    console.bob.types("…")
    page.until("window.shown.at(-1) === ''")
    assert page.evaluate("window.shown") == ["bob is typing", ""]


def test_a_badge_counts_what_waits_and_goes_when_it_is_read(console: Console) -> None:
    console.alice.says("one")
    console.alice.says("two")
    console.bob.has_unread("General", 2)
    console.page.wait_for(console.bob.within(".unread"))
    console.bob.looks()
    console.bob.has_unread("General", 0)


def test_messages_of_a_channel_that_is_not_open_are_counted(console: Console, other: Any) -> None:
    console.bob.opens("Other")
    console.alice.says("in General")
    console.bob.has_unread("General", 1)
    console.bob.opens("General")
    console.bob.has_unread("General", 0)
    console.bob.sees("in General")


def test_the_read_mark_moves_when_the_other_looks(console: Console) -> None:
    console.alice.says("first")
    console.bob.looks()
    console.alice.has_read_mark("bob", 0)
    console.alice.says("second")
    console.bob.sees("first", "second")
    console.alice.has_read_mark("bob", 0)
    console.bob.looks()
    console.alice.has_read_mark("bob", 1)


def test_who_answers_has_read_and_needs_no_mark(console: Console) -> None:
    console.alice.says("question")
    console.bob.sees("question")
    console.bob.says("answer")
    console.alice.sees("question", "answer")
    console.bob.has_unread("General", 0)
    console.page.until(
        "[...document.querySelectorAll('#tool-events li')].some((row) => row.querySelector('.who')?.textContent === 'alice'"
        " && row.querySelector('.brief').textContent.startsWith('bob in General (') && row.textContent.includes('lastConsumedMessageIndex'))"
    )
    assert console.page.count(console.alice.within(".read")) == 0


def test_an_edit_arrives_with_a_mark(console: Console) -> None:
    console.alice.says("Helo")
    console.alice.sees("Helo")
    console.alice.acts_on(0, "Edit message")
    console.page.evaluate("document.activeElement.select()")
    console.page.type("Hello")
    console.page.press("Enter")
    console.bob.sees("Hello")
    console.page.wait_for(console.bob.within(".message .edited"))


def test_a_deleted_message_disappears_for_both(console: Console) -> None:
    console.alice.says("one")
    console.alice.says("two")
    console.alice.sees("one", "two")
    console.alice.acts_on(0, "Delete message")
    console.page.click("dialog button", "Delete")
    console.bob.sees("two")
    console.alice.sees("two")


def test_a_message_over_rest_arrives_too(console: Console, general: Any) -> None:
    general.messages.create(from_="system", body="from the back end")
    console.alice.sees("from the back end")


@pytest.fixture
def long(general: Any) -> list[str]:
    """What was said in the channel, more than one page of it."""
    bodies = [f"message {number}" for number in range(45)]
    for body in bodies:
        general.messages.create(from_="bob", body=body)
    return bodies


def test_earlier_messages_come_when_one_scrolls_up(page: Page, stack: Stack, service: Any, long: list[str]) -> None:
    console = Console(page, stack)
    console.open(service.sid)
    page.until(f"document.querySelectorAll('{console.alice.within('.message')}').length === 30")
    page.evaluate(f"document.querySelector('{console.alice.within('.scroller')}').scrollTop = 0")
    console.alice.sees(*long)


def test_earlier_messages_come_where_a_page_of_them_leaves_room(
    page: Page, stack: Stack, service: Any, long: list[str]
) -> None:
    page.look(1440, 3000)
    console = Console(page, stack)
    console.open(service.sid, "alice")
    console.alice.sees(*long)


def test_earlier_messages_come_where_a_pane_that_is_shown_later_has_room(
    page: Page, stack: Stack, service: Any, long: list[str]
) -> None:
    console = Console(page, stack)
    console.open(service.sid)
    page.look(600, 3000)
    page.reload()
    console.await_ready()
    page.click("#tabs button:nth-child(2)")
    console.bob.sees(*long)


def test_days_that_alternate_have_a_heading_each_time(console: Console, general: Any) -> None:
    now = datetime.now(UTC)
    bodies = [f"{days} days ago" for days in (2, 0, 2, 0)]
    for body in bodies:
        general.messages.create(from_="bob", body=body, date_created=now - timedelta(days=int(body[0])))
    console.alice.sees(*bodies)
    headings = console.page.texts(console.alice.within(".day"))
    assert len(headings) == 4 and headings[0] == headings[2] != headings[1] == headings[3] == "Today"


def test_who_leaves_and_comes_back_has_missed_nothing(console: Console) -> None:
    console.alice.says("before")
    console.bob.sees("before")
    console.page.click(console.bob.within("button"), "Disconnect")
    console.page.wait_for(console.bob.within(".pill[data-state=disconnected]"))
    console.alice.says("meanwhile")
    console.page.click(console.bob.within("button"), "Connect")
    console.alice.says("after")
    console.bob.sees("before", "meanwhile", "after")


def test_a_channel_is_opened_after_the_plug_was_off_and_on(console: Console, other: Any) -> None:
    other.messages.create(from_="alice", body="in Other")
    console.page.wait_for(console.bob.within(".channel:has(.unread-badge)"))
    console.bob.reconnects()
    console.bob.opens("Other")
    console.bob.sees("in Other")


def test_a_channel_is_opened_by_who_took_the_place_of_another(console: Console, other: Any, general: Any) -> None:
    general.members.create(identity="carol")
    other.messages.create(from_="alice", body="in Other")
    console.page.wait_for(console.bob.within(".channel:has(.unread-badge)"))
    become(console, "carol")
    carol = Person(console.page, "carol")
    carol.opens("Other")
    carol.sees("in Other")


def test_a_channel_is_opened_after_presence_was_switched(console: Console, other: Any) -> None:
    other.messages.create(from_="alice", body="in Other")
    console.page.wait_for(console.bob.within(".channel:has(.unread-badge)"))
    switch_presence(console.page)
    console.bob.opens("Other")
    console.bob.sees("in Other")


def test_who_comes_back_to_a_private_channel_opens_it_by_its_new_name(console: Console, other: Any) -> None:
    rows = "document.querySelectorAll('[data-identity=bob] .channel').length"
    console.page.until(f"{rows} === 2")
    other.members("bob").delete()
    console.page.until(f"{rows} === 1")
    other.update(friendly_name="Another")
    other.members.create(identity="bob")
    console.bob.opens("Another")


@pytest.fixture
def apart(browser: Browser, stack: Stack, service: Any, page: Page) -> Any:
    """Alice and bob in windows of their own."""
    second = browser.page(beside=True)
    second.look(1000, 800)
    mine, theirs = Console(page, stack), Console(second, stack)
    mine.open(service.sid, "alice")
    theirs.open(service.sid, "bob")
    yield mine, theirs
    problems = second.problems
    second.close()
    assert problems == []


def test_who_reloads_has_missed_nothing(apart: tuple[Console, Console]) -> None:
    mine, theirs = apart
    mine.alice.says("before")
    theirs.bob.sees("before")
    theirs.bob.says("seen")
    mine.alice.sees("before", "seen")
    meanwhile = [f"meanwhile {number}" for number in range(8)]
    with theirs.page.holding("*/parley.js"):
        theirs.page.command("Page.reload")
        mine.alice.has_presence("bob", False)
        for body in meanwhile:
            mine.alice.says(body)
        mine.alice.sees("before", "seen", *meanwhile)
    theirs.await_ready(1)
    mine.alice.says("after")
    everything = ["before", "seen", *meanwhile, "after"]
    theirs.bob.sees(*everything)
    mine.alice.sees(*everything)
    theirs.bob.says("I have read it all")
    mine.alice.sees(*everything, "I have read it all")


@pytest.fixture
def alone(page: Page, stack: Stack) -> Page:
    """A page with one conversation, which shows the messages 0 and 1 and can be told to read them again."""
    page.open(f"{stack.info['console_url']}/")
    page.wait_for("#field-account")
    page.evaluate(f"({READ_AGAIN})()")
    page.until("document.querySelectorAll('.message').length === 2")
    return page


def test_what_arrives_while_a_channel_is_read_again_stays_once_and_in_order(alone: Page) -> None:
    alone.evaluate("readAgain(2, 3, 4)")
    alone.evaluate("arrive(4), arrive(5)")
    alone.evaluate("answer(), reading")
    assert alone.texts(".message .text") == ["message 2", "message 3", "message 4", "message 5"]


def test_the_badge_of_a_channel_that_was_read_again_counts_what_it_holds_now(alone: Page) -> None:
    alone.evaluate("readAgain(1, 2, 3)")
    alone.evaluate("answer(), reading")
    assert alone.evaluate("unread") == 3


def test_who_typed_when_a_channel_is_read_again_types_no_more(alone: Page) -> None:
    alone.evaluate("type()")
    alone.wait_for(".typing .dots")
    alone.evaluate("readAgain(0, 1)")
    alone.evaluate("answer(), reading")
    assert alone.texts(".typing") == [""]


def test_a_reload_keeps_service_people_and_channel(console: Console, service: Any, other: Any) -> None:
    console.bob.opens("Other")
    console.page.reload()
    console.await_ready()
    assert console.page.evaluate("document.querySelector('#service').value") == service.sid
    assert console.page.texts(".pane .title") == ["General", "Other"]


def invite_bob(console: Console) -> None:
    """Alice makes a private channel and invites bob."""
    console.page.click(console.alice.within("button"), "New channel")
    console.page.type("Plans")
    console.page.click("dialog .choice:has([value=private])")
    console.page.click("dialog button", "Create")
    console.page.until(
        "[...document.querySelectorAll('[data-identity=alice] .title')].some((one) => one.textContent === 'Plans')"
    )
    console.page.click(console.alice.within(".faces-button"))
    console.page.fill("dialog input", "bob")
    console.page.click("dialog button", "Invite")
    console.page.wait_for(console.bob.within(".banner"))
    console.page.press("Escape")
    console.page.wait_gone("dialog")


def test_an_invitation_is_accepted(console: Console) -> None:
    invite_bob(console)
    console.page.click(console.bob.within(".banner button"), "Accept")
    console.page.wait_gone(console.bob.within(".banner"))
    console.alice.says("Welcome")
    console.bob.sees("Welcome")
    console.page.until(
        "document.querySelector('[data-identity=alice] .subtitle').textContent === '2 members · 2 online'"
    )


def test_an_invitation_is_accepted_after_the_plug_was_off_and_on(console: Console) -> None:
    invite_bob(console)
    console.bob.reconnects()
    console.page.click(console.bob.within(".banner button"), "Accept")
    console.page.wait_gone(console.bob.within(".banner"))
    console.alice.says("Welcome")
    console.bob.sees("Welcome")


def test_an_invitation_that_is_made_again_has_the_new_name_of_its_channel(
    console: Console, twilio: Any, service: Any
) -> None:
    channels = twilio.chat.v2.services(service.sid).channels
    plans = channels(channels.create(friendly_name="Plans", type="private").sid)
    invite = plans.invites.create(identity="bob")
    console.page.wait_for(console.bob.within(".banner"), "Invitation to Plans")
    plans.invites(invite.sid).delete()
    console.page.wait_gone(console.bob.within(".banner"))
    plans.update(friendly_name="Better plans")
    plans.invites.create(identity="bob")
    console.page.wait_for(console.bob.within(".banner"), "Invitation to Better plans")


def test_an_invitation_shows_the_new_name_of_its_channel(console: Console, twilio: Any, service: Any) -> None:
    channels = twilio.chat.v2.services(service.sid).channels
    plans = channels(channels.create(friendly_name="Plans", type="private").sid)
    plans.invites.create(identity="bob")
    console.page.wait_for(console.bob.within(".banner strong"), "Plans")
    plans.update(friendly_name="Better plans")
    console.page.wait_for(console.bob.within(".banner strong"), "Better plans")
    console.page.wait_for(console.bob.within(".banner"), "Invitation to Better plans")


def test_an_invitation_is_declined(console: Console) -> None:
    invite_bob(console)
    console.page.click(console.bob.within(".banner button"), "Decline")
    console.page.wait_gone(console.bob.within(".banner"))
    assert console.page.texts(console.bob.within(".channel-name")) == ["General"]
    console.page.reload()
    console.await_ready()
    assert console.page.count(console.bob.within(".banner")) == 0


def test_somebody_is_added_and_removed(console: Console) -> None:
    page = console.page
    page.click(console.alice.within(".faces-button"))
    page.fill("dialog input", "carol")
    page.click("dialog button", "Add")
    page.wait_for("dialog li[data-identity=carol]")
    page.click("dialog button[aria-label='Remove carol']")
    page.click("dialog button", "Remove")
    page.wait_gone("dialog li[data-identity=carol]")


def test_a_channel_that_cannot_be_joined_is_made_once_and_it_is_said_so(
    page: Page, stack: Stack, twilio: Any, service: Any
) -> None:
    twilio.chat.v2.services(service.sid).update(limits_user_channels=1)
    console = Console(page, stack)
    console.open(service.sid, "alice")
    page.click(console.alice.within("button"), "New channel")
    page.type("Mine")
    said = "document.querySelector('dialog form [role=alert]:not([hidden])')?.textContent"
    for _ in range(2):
        page.click("dialog button", "Create")
        page.until("document.querySelector('dialog [class*=primary]').disabled === false")
        assert page.until(said).startswith("The channel “Mine” was made, but cannot be joined: ")
    names = [channel.friendly_name for channel in twilio.chat.v2.services(service.sid).channels.list()]
    assert sorted(names) == ["General", "Mine"]


def test_a_public_channel_is_found_and_joined(console: Console) -> None:
    page = console.page
    page.click(console.alice.within("button"), "New channel")
    page.type("Open house")
    page.click("dialog button", "Create")
    page.wait_gone("dialog")
    page.click(console.bob.within("button"), "Browse")
    page.click("dialog button", "Join Open house")
    page.wait_gone("dialog")
    console.alice.says("Come in")
    console.bob.sees("Come in")


def test_a_channel_is_renamed_left_and_deleted(console: Console) -> None:
    page = console.page
    page.click(console.alice.within("button[aria-label='Channel settings']"))
    page.fill("dialog input", "Everybody")
    page.click("dialog button", "Save")
    page.until("document.querySelector('[data-identity=bob] .title').textContent === 'Everybody'")
    page.click(console.bob.within("button[aria-label='Channel settings']"))
    page.click("dialog button", "Leave")
    page.wait_for(console.bob.within(".empty"))
    page.click(console.alice.within("button[aria-label='Channel settings']"))
    page.click("dialog button", "Delete channel")
    page.click("dialog button", "Delete")
    page.wait_for(console.alice.within(".empty"))


def test_what_is_not_permitted_is_said_where_it_was_tried(console: Console) -> None:
    console.page.click(console.bob.within("button[aria-label='Channel settings']"))
    console.page.fill("dialog input", "Mine")
    console.page.click("dialog button", "Save")
    console.page.until("document.querySelector('dialog form [role=alert]').textContent.includes('50107')")


def test_the_presence_dot_follows_the_connection(console: Console) -> None:
    console.alice.has_presence("bob", True)
    console.page.click(console.bob.within("button"), "Disconnect")
    console.alice.has_presence("bob", False)
    console.page.click(console.bob.within("button"), "Connect")
    console.alice.has_presence("bob", True)


def switch_presence(page: Page) -> None:
    page.click("header button[aria-label='Service settings']")
    page.click("dialog label:has([name=presence])")
    page.click("dialog button", "Save")
    page.wait_gone("dialog")


def test_a_pane_whose_plug_is_out_says_so_and_denies_no_channels(console: Console) -> None:
    console.page.click(console.bob.within("button"), "Disconnect")
    console.page.wait_for(console.bob.within(".empty p"), "bob is not connected. The plug connects again.")
    assert console.page.count(console.bob.within(".nothing")) == 0


def test_who_was_never_there_is_offline(console: Console, general: Any) -> None:
    general.members.create(identity="carol")
    console.page.click(console.alice.within(".faces-button"))
    console.page.wait_for("dialog li[data-identity=carol] small", "offline")


def test_presence_is_switched_on_and_off(console: Console) -> None:
    page = console.page
    for shown in (0, 1):
        switch_presence(page)
        page.until(f"document.querySelectorAll('{console.alice.within('.faces .dot')}').length === {shown}", 20)


def become(console: Console, identity: str) -> None:
    """Have somebody else chat in bob's pane."""
    console.page.click(console.bob.within("button[aria-label='Chat as somebody else']"))
    console.page.fill("dialog input", identity)
    console.page.click("dialog button", "Use it")
    console.page.wait_for(f"[data-identity={identity}] .pill[data-state=connected]")


def test_one_pane_becomes_somebody_else(console: Console) -> None:
    page = console.page
    become(console, "carol")
    page.wait_for("[data-identity=carol] .empty")
    carol = Person(page, "carol")
    page.click(carol.within("button"), "Browse")
    page.click("dialog button", "Join General")
    carol.says("I am new")
    console.alice.sees("I am new")


def test_a_third_person_is_added_and_closed(console: Console) -> None:
    page = console.page
    page.click("header button[aria-label='Add a person']")
    page.click("dialog button", "Add")
    page.wait_for("[data-identity=carol] .pill[data-state=connected]", seconds=20)
    page.click("[data-identity=carol] button[aria-label='Close this pane']")
    page.wait_gone("[data-identity=carol]")
    console.alice.says("just us")
    console.bob.sees("just us")


def test_a_new_service_has_both_of_them_in_a_channel(console: Console) -> None:
    page = console.page
    page.click("header button[aria-label='New service']")
    page.fill("dialog input", "Another")
    page.click("dialog button", "Create")
    page.wait_gone("dialog")
    console.await_ready()
    console.alice.says("new here")
    console.bob.sees("new here")
    assert page.evaluate("document.querySelector('#service').selectedOptions[0].text") == "Another"
