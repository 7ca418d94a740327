"""Writes the screenshots in `docs/images/`: `python -m tests.console.screenshots`.

A stack and a browser of its own, a small conversation over REST, and the console as it looks with it.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.home import REPOSITORY
from local.stack.running import Stack, start_stack
from tests.console.browser import Browser, Page, find_chromium
from tests.console.console import Console
from tests.story.clients import helper_library

IMAGES = REPOSITORY / "docs" / "images"
YESTERDAY = [
    ("carol", "The new build is on staging. Could somebody try the upload page?"),
    ("bob", "I can, later today."),
]
TODAY = [
    ("alice", "Hello everybody! Did the upload page hold?"),
    ("bob", "It did. Two small things: the progress bar jumps, and errors come without a text."),
    ("bob", "I wrote both down."),
    ("alice", "Perfect, thank you. I will fix the bar today."),
]


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
            made["General"].messages.create(from_=author, body=body, date_created=moment)
    made["Lunch"].messages.create(from_="carol", body="Soup or noodles?")
    made["Lunch"].invites.create(identity="alice")
    for identity in ("alice", "bob", "carol"):
        member = made["General"].members(identity)
        member.update(last_consumed_message_index=3 if identity == "carol" else 5)
    return service


def side_by_side(page: Page, console: Console, service: Any) -> None:
    """The two panes in both themes."""
    page.look(1440, 900)
    console.open(service.sid)
    console.alice.types("Shall I take the error texts too?")
    page.wait_for(console.bob.within(".dots"))
    page.press("Enter")
    page.wait_gone(console.bob.within(".dots"))
    console.bob.looks()
    console.alice.has_read_mark("bob", 6)
    console.bob.types("Yes please, I ")
    page.wait_for(console.alice.within(".dots"))
    page.screenshot(IMAGES / "console-light.png")
    page.look(1440, 900, dark=True)
    page.click("[role=tab]", "Snippets")
    page.wait_for("#tool-snippets code")
    page.screenshot(IMAGES / "console-dark.png")


def on_a_phone(page: Page, console: Console, service: Any) -> None:
    page.look(390, 844, phone=True)
    page.open(f"{console.link}&service={service.sid}&people=alice,bob")
    page.until("document.querySelectorAll('.pane .pill[data-state=connected]').length === 2", 40)
    console.alice.opens("General")
    page.click("#tabs button:nth-child(2)")
    console.bob.opens("General")
    console.bob.says("Yes please. I can test tonight.")
    console.bob.says("And thank you!")
    page.wait_gone(console.bob.within(".pending"))
    page.until(f"document.querySelectorAll('{console.bob.within('.message')}').length === 9")
    page.until("document.querySelector('#tabs .unread-badge')?.firstChild.textContent === '2'")
    console.bob.has_presence("alice", True)
    page.screenshot(IMAGES / "console-phone.png")


def main() -> int:
    program = find_chromium()
    if program is None:
        print("Chromium is not installed", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parley-") as folder, Browser(program) as browser:
        stack = start_stack(Path(folder) / "home")
        try:
            service = seed(stack)
            for show in (side_by_side, on_a_phone):
                page = browser.page()
                show(page, Console(page, stack), service)
                page.close()
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
