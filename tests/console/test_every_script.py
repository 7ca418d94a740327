"""Names and texts of every kind: those from right to left, very long ones, and those that are only spaces."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.console.console import Console

ARABIC = "مرحبا بالعالم"
FROM_RIGHT, FROM_LEFT = ("direction", "rtl"), ("direction", "ltr")


def test_a_text_from_right_to_left_is_written_and_shown_so(console: Console) -> None:
    console.alice.types(f"{ARABIC}!")
    expect(console.alice.field).to_have_css(*FROM_RIGHT)
    console.page.keyboard.press("Enter")
    console.alice.says("Hello!")
    bubbles = console.bob.within(".message[data-index] .bubble")
    expect(bubbles).to_have_count(2)
    expect(bubbles.first).to_have_css(*FROM_RIGHT)
    expect(bubbles.last).to_have_css(*FROM_LEFT)


def test_a_name_that_is_too_long_for_its_place_shows_its_beginning_and_dots(unopened: Console, channels: Any) -> None:
    names = {"right": ARABIC * 15, "left": "Wörter" * 40}
    for name in names.values():
        made = channels.create(friendly_name=name)
        channels(made.sid).members.create(identity="alice")
    unopened.open()
    for side, direction in (("right", FROM_RIGHT), ("left", FROM_LEFT)):
        row = unopened.alice.channel(names[side]).locator(".channel-name")
        expect(row).to_have_css(*direction)
        row.click()
        title = unopened.alice.within(".title-name")
        expect(title).to_have_text(names[side])
        expect(title).to_have_css(*direction)
        expect(title).to_have_css("text-overflow", "ellipsis")
        assert title.evaluate("one => one.scrollWidth > one.clientWidth")


def field(console: Console, label: str) -> Locator:
    return console.dialog.get_by_label(label, exact=True)


@pytest.mark.parametrize(
    ("opens", "label", "submit"), [("New service", "Name", "Create"), ("Add a person", "Identity", "Add")]
)
def test_a_name_of_nothing_but_spaces_is_not_taken(console: Console, opens: str, label: str, submit: str) -> None:
    console.header(opens).click()
    field(console, label).fill("   ")
    console.dialog_button(submit).click()
    expect(field(console, label)).to_be_focused()
    assert field(console, label).evaluate("one => one.validity.patternMismatch")
    field(console, label).fill(f" {ARABIC} ")
    console.dialog_button(submit).click()
    expect(console.dialog).to_have_count(0)


def test_a_channel_whose_name_is_nothing_but_spaces_is_called_by_its_unique_name_or_its_sid(
    unopened: Console, channels: Any
) -> None:
    named, nameless = channels.create(friendly_name="  ", unique_name="lunch"), channels.create(friendly_name="  ")
    for one in (named, nameless):
        channels(one.sid).members.create(identity="alice")
    unopened.open("alice")
    names = unopened.alice.within(".channel-name")
    expect(names).to_have_text([re.compile(nameless.sid), "General", "lunch"])


def test_an_identity_that_is_reserved_is_refused_at_once(console: Console) -> None:
    console.header("Add a person").click()
    field(console, "Identity").fill("system")
    console.dialog_button("Add").click()
    expect(console.dialog.get_by_role("alert")).to_have_text("Nobody may be called system: the identity is reserved")
    expect(console.page.locator(".pane")).to_have_count(2)


def test_a_button_with_a_long_name_shows_its_beginning_and_dots(unopened: Console, twilio: Any) -> None:
    service = twilio.chat.v2.services(unopened.service_sid).update(friendly_name="A very long name " * 12)
    unopened.open()
    unopened.header("Service settings").click()
    unopened.dialog_button("Delete service").click()
    label = unopened.page.get_by_role("dialog").get_by_text(f"Delete “{service.friendly_name}”")
    expect(label).to_have_css("text-overflow", "ellipsis")
    assert label.evaluate(
        "one => one.scrollWidth > one.clientWidth && one.clientWidth < one.closest('form').clientWidth"
    )


def test_the_link_opens_one_pane_for_each_identity_that_it_names(unopened: Console) -> None:
    unopened.page.goto(f"{unopened.link}&service={unopened.service_sid}&people=alice,%20,bob,alice,")
    expect(unopened.page.locator(".pane .pill[data-state=connected]")).to_have_count(2)
    expect(unopened.page.locator(".pane h2")).to_have_text(["alice", "bob"])
