"""The console as its tests speak of it: people, what they see and what they do."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from local.sdk.packages import SdkPackage
from local.stack.running import Stack


def dialog_button(page: Page, name: str) -> Locator:
    """A button of the dialog that is open."""
    return page.get_by_role("dialog").get_by_role("button", name=name, exact=True)


@dataclass
class Person:
    """One pane. Methods named for what somebody sees wait until it is so."""

    page: Page
    identity: str

    @property
    def pane(self) -> Locator:
        return self.page.locator(f".pane[data-identity='{self.identity}']")

    def within(self, selector: str) -> Locator:
        return self.pane.locator(selector)

    def button(self, name: str) -> Locator:
        return self.pane.get_by_role("button", name=name, exact=True)

    @property
    def field(self) -> Locator:
        """What this person writes in."""
        return self.within("textarea")

    # What they see.

    def sees(self, *bodies: str) -> None:
        """Exactly these messages are shown, in this order, and none is still on its way."""
        expect(self.within(".message[data-index] .text")).to_have_text(list(bodies))
        expect(self.within(".pending")).to_have_count(0)

    def has_read_mark(self, identity: str, index: int) -> None:
        """Somebody is shown to have read up to a message."""
        expect(self.within(f".read[data-after='{index}'][title='Read by {identity}']")).to_be_visible()

    def channel(self, name: str) -> Locator:
        """A channel's row."""
        return self.within(".channel").filter(has=self.page.get_by_text(name, exact=True))

    def has_unread(self, channel: str, count: int) -> None:
        """A channel's badge shows a number; 0 is no badge."""
        expect(self.channel(channel)).to_be_visible()
        badge = self.channel(channel).locator(".unread-badge")
        expect(badge).to_have_text([f"{count} unread"] if count else [])

    def has_presence(self, identity: str, online: bool) -> None:
        """Somebody's dot in the channel's head says online or offline."""
        face = self.within(".faces .avatar").filter(has_text=identity[0].upper())
        expect(face.locator(".dot")).to_have_attribute("data-online", str(online).lower())

    def has_state(self, state: str) -> None:
        """The connection is in that state."""
        expect(self.within(f".pill[data-state={state}]")).to_have_count(1)

    def has_open(self, channel: str) -> None:
        expect(self.within(".title")).to_have_text(channel)

    # What they do.

    def looks(self) -> None:
        """Click into the pane, where there is nothing else to click."""
        self.within("h2").click()

    def disconnects(self) -> None:
        self.button("Disconnect").click()
        self.has_state("disconnected")

    def connects(self) -> None:
        self.button("Connect").click()
        self.has_state("connected")

    def opens(self, channel: str) -> None:
        self.channel(channel).click()
        self.has_open(channel)

    def types(self, text: str) -> None:
        self.field.click()
        self.page.keyboard.insert_text(text)

    def says(self, text: str) -> None:
        self.types(text)
        self.page.keyboard.press("Enter")

    def acts_on(self, index: int, action: str) -> None:
        """Use a button of a message."""
        message = self.within(f".message[data-index='{index}']")
        message.locator(".bubble").hover()
        message.get_by_role("button", name=action).click()

    def becomes(self, identity: str) -> Person:
        """Have somebody else chat in this pane."""
        self.button("Chat as somebody else").click()
        self.page.get_by_role("dialog").get_by_label("Identity").fill(identity)
        dialog_button(self.page, "Use it").click()
        successor = Person(self.page, identity)
        successor.has_state("connected")
        return successor


class SdkPerson(Person):
    """One pane of the page with Twilio's SDKs."""

    def uses(self, package: SdkPackage) -> None:
        """Choose an SDK, and wait until it is connected."""
        self.within("select").select_option(package.name)
        self.is_ready()

    def is_ready(self) -> None:
        self.has_state("connected")

    def sees_event(self, name: str) -> None:
        expect(self.within(".journal .name[data-kind=event]").filter(has_text=name).first).to_be_visible()

    def sees_packet(self, title: str) -> None:
        expect(self.within(".journal .name[data-kind=frame]").filter(has_text=title).first).to_be_visible()


class Console:
    """The page, and the service that it is opened on."""

    def __init__(self, page: Page, stack: Stack, service_sid: str = "") -> None:
        self.page = page
        self.stack = stack
        self.service_sid = service_sid
        self.alice = Person(page, "alice")
        self.bob = Person(page, "bob")
        self.dialog = page.get_by_role("dialog")
        self.makes_a_key = False

    @property
    def link(self) -> str:
        """What `make run` prints; without the API key if the tab is to make one."""
        info = self.stack.info
        key = f"&key={info['api_key_sid']}&secret={info['api_key_secret']}"
        return self.link_of_account if self.makes_a_key else self.link_of_account + key

    @property
    def link_of_account(self) -> str:
        """An address for a tab that makes an API key of its own."""
        info = self.stack.info
        return f"{info['console_url']}/#account={info['account_sid']}&token={info['auth_token']}"

    @property
    def events(self) -> Locator:
        """The entries of the log."""
        return self.page.locator("#tool-events li")

    def header(self, name: str) -> Locator:
        """A button above the panes."""
        return self.page.get_by_role("banner").get_by_role("button", name=name)

    def dialog_button(self, name: str) -> Locator:
        return dialog_button(self.page, name)

    def choose_tool(self, name: str) -> None:
        """Show a tool. A click on the tab of one that is shown already would fold it away."""
        tool = self.page.get_by_role("tab", name=name)
        if tool.get_attribute("aria-selected") != "true":
            tool.click()
        expect(self.page.get_by_role("tabpanel", name=name)).to_be_visible()

    def open(self, people: str = "alice,bob") -> None:
        """Open the page on the service, and wait until everybody is connected and shows a channel."""
        self.begin(people)
        self.await_ready(len(people.split(",")))

    def begin(self, people: str = "alice,bob") -> None:
        """Open the page on the service, and wait until everybody is connected."""
        self.page.goto(f"{self.link}&service={self.service_sid}&people={people}")
        expect(self.page.locator(".pane .pill[data-state=connected]")).to_have_count(len(people.split(",")))

    def await_ready(self, people: int = 2) -> None:
        expect(self.page.locator(".pane .pill[data-state=connected]")).to_have_count(people)
        expect(self.page.locator(".pane").filter(has=self.page.locator(".messages > li"))).to_have_count(people)

    def switch_presence(self, *, on: bool) -> None:
        """Switch presence, and wait until everybody has connected again."""
        self.header("Service settings").click()
        self.dialog.get_by_label("Presence").click()
        self.dialog_button("Save").click()
        expect(self.dialog).to_have_count(0)
        for person in (self.alice, self.bob):
            expect(person.within(".faces .dot")).to_have_count(int(on))
        self.await_ready()
