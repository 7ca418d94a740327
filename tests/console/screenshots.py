"""Writes the screenshots in `docs/images/`: `python -m tests.console.screenshots`.

A stack and a browser of its own, a small conversation over REST, and the console as it looks with it.
"""

from __future__ import annotations

import base64
import json
import math
import mimetypes
import sys
import tempfile
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from local.home import REPOSITORY
from local.sdk.packages import BY_NAME
from local.stack.running import Stack, start_stack
from tests.console.attaching import png
from tests.console.browser import DESKTOP, PHONE, chromium, find_chromium, tab
from tests.console.console import Console, SdkPerson
from tests.end_to_end.clients import helper_library

IMAGES = REPOSITORY / "docs" / "images"
SHOWN = "And a picture for its head."
YESTERDAY = [
    ("carol", "The new build is on staging. Could somebody try the upload page?"),
    ("bob", "I can, later today."),
]
TODAY = [
    ("alice", "Hello everybody! Did the upload page hold?"),
    ("bob", "It did. Two small things: the progress bar jumps, and errors come without a text."),
    ("bob", SHOWN),
    ("alice", "Perfect, thank you. I will fix the bar today."),
]


def drawing(width: int = 480, height: int = 360) -> bytes:
    """A picture: hills under an evening sky."""

    def colour(x: int, y: int) -> tuple[int, int, int]:
        for near, (base, wave, reach) in enumerate(((300, 40, 30), (240, 65, 38), (190, 90, 45))):
            if y > base + reach * math.sin(x / wave + near):
                return 30 + 26 * near, 70 + 24 * near, 92 + 30 * near
        return 250 - y // 3, 190 - y // 4, 130 + y // 3

    return png(width, height, colour)


def upload(stack: Stack, service_sid: str, name: str, content: bytes) -> str:
    """Upload a file as a back end does, and return its SID."""
    info = stack.info
    url = f"{info['rest_url']}/media/v1/Services/{service_sid}/Media?Filename={name}"
    kind = mimetypes.guess_type(name)[0] or ""
    request = urllib.request.Request(url, content, {"Content-Type": kind}, method="POST")
    credentials = base64.b64encode(f"{info['account_sid']}:{info['auth_token']}".encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return str(json.load(answer)["sid"])


def seed(stack: Stack) -> Any:
    """A service in which a conversation has taken place; returns it."""
    client = helper_library(stack.info)
    service = client.chat.v2.services.create(friendly_name="First steps")
    service = service.update(reachability_enabled=True, typing_indicator_timeout=60)
    channels = client.chat.v2.services(service.sid).channels
    names = (
        ("General", "public", ("alice", "bob", "carol")),
        ("Release 2.4", "private", ("alice", "bob")),
        ("Lunch", "public", ("bob",)),
    )
    made = {}
    for name, kind, members in names:
        channel = channels.create(friendly_name=name, type=kind)
        made[name] = channels(channel.sid)
        for identity in members:
            role = service.default_channel_creator_role_sid if identity == "alice" else service.default_channel_role_sid
            made[name].members.create(identity=identity, role_sid=role)
    now = datetime.now(UTC)
    for days, lines in ((1, YESTERDAY), (0, TODAY)):
        for number, (author, body) in enumerate(lines):
            moment = now - timedelta(days=days, minutes=2 * (len(lines) - number))
            more = {"media_sid": upload(stack, service.sid, "evening.png", drawing())} if body == SHOWN else {}
            made["General"].messages.create(from_=author, body=body, date_created=moment, **more)
    made["Lunch"].messages.create(from_="carol", body="Soup or noodles?")
    made["Lunch"].invites.create(identity="alice")
    for identity in ("alice", "bob", "carol"):
        member = made["General"].members(identity)
        member.update(last_consumed_message_index=3 if identity == "carol" else 5)
    return service


def side_by_side(page: Page, console: Console) -> None:
    """The two panes in both themes."""
    console.open()
    dots = console.bob.within(".dots")
    console.alice.types("Shall I take the error texts too?")
    expect(dots).to_be_visible()
    page.keyboard.press("Enter")
    expect(dots).to_have_count(0)
    console.bob.looks()
    console.alice.has_read_mark("bob", 6)
    console.bob.types("Yes please, I ")
    expect(console.alice.within(".dots")).to_be_visible()
    page.screenshot(path=IMAGES / "console-light.png")
    page.emulate_media(color_scheme="dark")
    console.choose_tool("Snippets")
    page.screenshot(path=IMAGES / "console-dark.png")


def settings_and_usage(page: Page, console: Console) -> None:
    """The roles of the service, and what happens each second while alice writes."""
    console.open()
    console.choose_tool("Usage")
    page.get_by_role("separator").press("End")
    for second in range(30):
        for number in range(round(3 + 3 * math.sin(second / 3))):
            console.alice.says(f"Build {second}.{number} is green.")
        page.wait_for_timeout(800)
    page.locator("#drawer").screenshot(path=IMAGES / "console-usage.png")
    console.header("Service settings").click()
    console.dialog.get_by_role("tab", name="Roles").click()
    expect(console.dialog.locator("li")).to_have_count(4)
    console.dialog.screenshot(path=IMAGES / "console-settings.png")


def on_a_phone(page: Page, console: Console) -> None:
    console.begin()
    console.alice.opens("General")
    page.locator("#tabs button").nth(1).click()
    console.bob.opens("General")
    console.bob.says("Yes please. I can test tonight.")
    console.bob.says("And thank you!")
    expect(console.bob.within(".message[data-index]")).to_have_count(9)
    expect(console.bob.within(".pending")).to_have_count(0)
    expect(page.locator("#tabs button").first.locator(".unread-badge")).to_have_text("2 unread")
    console.bob.has_presence("alice", True)
    page.screenshot(path=IMAGES / "console-phone.png")


def through_two_sdks(page: Page, console: Console) -> None:
    """The page with Twilio's SDKs, an old one and a new one, with one packet unfolded."""
    page.goto(f"{console.link.replace('/#', '/sdk.html#')}&service={console.service_sid}")
    alice, bob = SdkPerson(page, "alice"), SdkPerson(page, "bob")
    bob.is_ready()
    alice.uses(BY_NAME["twilio-chat-3.4.0"])
    lines = (alice, "Hello, bob! I am still on twilio-chat 3.4."), (bob, "And I am on Conversations 3.0. Same room?")
    for turn, (person, line) in enumerate(lines):
        person.types(line)
        reader = bob if person is alice else alice
        expect(reader.within(".typing")).to_have_text(f"{person.identity} is typing")
        page.keyboard.press("Enter")
        expect(reader.within(".message")).to_have_count(turn + 1)
        expect(reader.within(".typing")).to_be_empty()
    alice.within(".journal summary").filter(has_text="notification list_item_added").first.click()
    page.screenshot(path=IMAGES / "sdk.png")


# What is written last comes last: the others show the conversation as it was seeded.
SHOWN_IN_TURN = (
    (side_by_side, DESKTOP),
    (on_a_phone, PHONE),
    (through_two_sdks, DESKTOP),
    (settings_and_usage, DESKTOP),
)


def main() -> int:
    program = find_chromium()
    if program is None:
        print("Chromium is not installed", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parley-") as folder, chromium(program) as browser:
        stack = start_stack(Path(folder) / "home")
        try:
            service = seed(stack)
            for show, look in SHOWN_IN_TURN:
                with tab(browser, [], look) as page:
                    show(page, Console(page, stack, service.sid))
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
