"""The console as its tests speak of it: people, what they see and what they do."""

from __future__ import annotations

import json
from dataclasses import dataclass

from local.stack.running import Stack
from tests.console.browser import Page


@dataclass
class Person:
    """One pane."""

    page: Page
    identity: str

    def within(self, selector: str) -> str:
        return f"[data-identity={self.identity}] {selector}"

    # What they see.

    @property
    def bodies(self) -> list[str]:
        return self.page.texts(self.within(".message .text"))

    def sees(self, *bodies: str) -> None:
        """Wait until exactly these messages are shown, in this order, and none is still on its way."""
        inside = json.dumps(self.within(".message[data-index] .text"))
        pending = json.dumps(self.within(".pending"))
        self.page.until(
            f"JSON.stringify([...document.querySelectorAll({inside})].map((text) => text.textContent))"
            f" === JSON.stringify({json.dumps(bodies)}) && !document.querySelector({pending})"
        )

    def has_read_mark(self, identity: str, index: int) -> None:
        """Wait until somebody is shown to have read up to a message."""
        mark = self.within(f".read[data-after='{index}'][title='Read by {identity}']")
        self.page.wait_for(mark)

    def has_unread(self, channel: str, count: int) -> None:
        """Wait until a channel's badge shows a number; 0 is no badge."""
        row = f"[...document.querySelectorAll({json.dumps(self.within('.channel'))})]"
        badge = (
            f"{row}.find((one) => one.querySelector('.channel-name').textContent === {json.dumps(channel)})"
            "?.querySelector('.unread-badge')"
        )
        self.page.until(f"({badge}?.firstChild.textContent ?? '0') === '{count}'")

    def has_presence(self, identity: str, online: bool) -> None:
        """Wait until somebody's dot in the channel's head says online or offline."""
        dots = f"[...document.querySelectorAll({json.dumps(self.within('.faces .avatar'))})]"
        mine = f"{dots}.find((face) => face.firstChild.textContent === {json.dumps(identity[0].upper())})"
        self.page.until(f"{mine}?.querySelector('.dot')?.dataset.online === '{str(online).lower()}'")

    # What they do.

    def looks(self) -> None:
        """Click into the pane, where there is nothing else to click."""
        self.page.click(self.within("h2"))

    def reconnects(self) -> None:
        """Take the plug out and put it in again."""
        for button, state in (("Disconnect", "disconnected"), ("Connect", "connected")):
            self.page.click(self.within("button"), button)
            self.page.wait_for(self.within(f".pill[data-state={state}]"))

    def opens(self, channel: str) -> None:
        row = self.within(".channel")
        self.page.until(
            f"(() => {{ const found = [...document.querySelectorAll({json.dumps(row)})].find((one) =>"
            f" one.querySelector('.channel-name').textContent === {json.dumps(channel)});"
            "  found?.setAttribute('data-test', 'wanted'); return found !== undefined; })()"
        )
        self.page.click(f"{row}[data-test=wanted]")
        self.page.evaluate("document.querySelector('[data-test=wanted]').removeAttribute('data-test')")
        self.page.until(
            f"document.querySelector({json.dumps(self.within('.title'))})?.textContent === {json.dumps(channel)}"
        )

    def types(self, text: str) -> None:
        self.page.click(self.within("textarea"))
        self.page.type(text)

    def says(self, text: str) -> None:
        self.types(text)
        self.page.press("Enter")

    def acts_on(self, index: int, action: str) -> None:
        """Use a button of a message."""
        self.page.hover(self.within(f".message[data-index='{index}'] .bubble"))
        self.page.click(self.within(f".message[data-index='{index}'] button"), action)


class Console:
    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self.stack = stack
        self.alice = Person(page, "alice")
        self.bob = Person(page, "bob")
        self.service_sid = ""

    @property
    def link(self) -> str:
        """What `make run` prints."""
        info = self.stack.info
        return f"{info['console_url']}/#account={info['account_sid']}&token={info['auth_token']}"

    def open(self, service_sid: str, people: str = "alice,bob") -> None:
        """Open the page on a service, and wait until everybody is connected and shows a channel."""
        self.service_sid = service_sid
        self.page.open(f"{self.link}&service={service_sid}&people={people}")
        self.await_ready(len(people.split(",")))

    def await_ready(self, people: int = 2) -> None:
        self.page.until(f"document.querySelectorAll('.pane .pill[data-state=connected]').length === {people}", 40)
        shown = "document.querySelectorAll('.pane:has(.messages > li)').length"
        self.page.until(f"{shown} === {people}", 40)
