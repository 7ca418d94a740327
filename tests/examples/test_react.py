"""The page in React, on Parley's client and on Twilio's SDK: two people converse in the built page.

The page on the SDK is tried if `PARLEY_EVERY_CASE=1`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from twilio.base.exceptions import TwilioRestException

from local.home import REPOSITORY
from local.stack.running import Stack
from tests.console.browser import DESKTOP, PHONE, tab
from tests.end_to_end.clients import helper_library
from tests.examples.conftest import made
from tests.examples.programs import Place
from tests.examples.react import REACT_CHAT, REACT_TWILIO_SDK, Example, Person
from tests.support.node_packages import install
from tests.support.turns import EVERY_CASE
from tests.support.waiting import until

CONSOLE_TESTS = REPOSITORY / "tests" / "console"
EXAMPLES = (REACT_CHAT, REACT_TWILIO_SDK) if EVERY_CASE else (REACT_CHAT,)


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def place(stack: Stack, example: Example, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A service of the example that shows who is online. Each test has a channel of its own there."""
    place = made(stack, tmp_path_factory.mktemp("place"))
    helper_library(place.info).chat.v2.services(place.service_sid).update(reachability_enabled=True)
    return place


@pytest.fixture(scope="module")
def url(example: Example, place: Place) -> Iterator[str]:
    """Where the built page is."""
    example.build()
    with example.serving(place, "preview") as address:
        yield address


@pytest.fixture
def people(browser: Browser, url: str) -> Iterator[tuple[Person, Person]]:
    """Alice and bob, who have not signed in."""
    problems: list[str] = []
    with tab(browser, problems, DESKTOP) as alice, tab(browser, problems, DESKTOP) as bob:
        yield Person(alice, url, "alice"), Person(bob, url, "bob")
    assert problems == []


def test_two_people_converse_and_each_sees_what_the_other_does(people: tuple[Person, Person]) -> None:
    alice, bob = people
    alice.signs_in()
    bob.signs_in()
    alice.opens("general")
    alice.adds("bob")
    expect(alice.members).to_have_text(["alice (online)", "bob (online)"])
    alice.says("Hello, bob")
    expect(bob.in_list("general")).to_have_text("general1 unread")
    expect(alice.page.locator(".readers")).to_have_count(0)

    bob.in_list("general").click()
    expect(bob.messages.locator(".body")).to_have_text(["Hello, bob"])
    expect(alice.messages.last).to_contain_text("Read by bob")
    expect(bob.in_list("general")).to_have_text("general")

    bob.page.get_by_label("Message", exact=True).press_sequentially("Hello, al")
    expect(alice.page.locator(".typing")).to_have_text("bob is typing …")
    bob.says("Hello, alice")
    for person in people:
        expect(person.messages.locator(".body")).to_have_text(["Hello, bob", "Hello, alice"])
    expect(alice.page.locator(".typing")).to_be_empty()
    expect(bob.messages.last).to_contain_text("Read by alice")

    bob.page.get_by_role("button", name="Sign out").click()
    expect(alice.members).to_have_text(["alice (online)", "bob (offline)"])


def unhurried(request: Callable[..., Any], **fields: str) -> None:
    """Send a request until the rate of the channel allows it."""

    def is_allowed() -> bool:
        try:
            request(**fields)
        except TwilioRestException as error:
            assert error.status == 429, error
            return False
        return True

    until(is_allowed)


def test_earlier_messages_edits_removals_and_refusals_are_shown(people: tuple[Person, Person], place: Place) -> None:
    alice, _ = people
    alice.signs_in()
    alice.opens("history")
    history = helper_library(place.info).chat.v2.services(place.service_sid).channels("history")
    for number in range(35):
        unhurried(history.messages.create, from_="bob", body=f"{number}")
    bodies = alice.messages.locator(".body")
    expect(bodies).to_have_text([f"{number}" for number in range(35)])
    expect(bodies.last).to_be_in_viewport()

    alice.signs_in()
    alice.in_list("history").click()
    expect(bodies).to_have_text([f"{number}" for number in range(5, 35)])
    alice.page.get_by_role("button", name="Earlier messages").click()
    expect(bodies).to_have_text([f"{number}" for number in range(35)])
    expect(alice.page.get_by_role("button", name="Earlier messages")).to_have_count(0)

    *_, edited, removed = history.messages.list()
    unhurried(edited.update, body="thirty-three")
    unhurried(removed.delete)
    expect(bodies).to_have_text([*(f"{number}" for number in range(33)), "thirty-three"])

    alice.says("x" * 40_000)
    expect(alice.page.get_by_role("alert")).not_to_be_empty()
    expect(alice.page.get_by_label("Message", exact=True)).to_have_value("x" * 40_000)


def test_a_name_that_the_token_server_refuses_is_told(people: tuple[Person, Person]) -> None:
    alice, _ = people
    alice.page.route("**/token?**", lambda route: route.fulfill(status=200, body="{}"))
    alice.page.goto(alice.url)
    alice.page.get_by_label("Your name").fill("alice")
    alice.page.get_by_role("button", name="Sign in").click()
    expect(alice.page.get_by_role("alert")).not_to_be_empty()


@pytest.mark.parametrize("name", [REACT_CHAT, REACT_TWILIO_SDK])
def test_the_packages_are_pinned_and_the_lock_names_no_registry(name: str) -> None:
    folder = REPOSITORY / "examples" / name
    wanted = json.loads((folder / "package.json").read_text())
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    kinds = ("dependencies", "devDependencies")
    assert [wanted[kind] for kind in kinds] == [locked[""][kind] for kind in kinds]
    assert all(re.match(r"\d|file:", version) for kind in kinds for version in wanted[kind].values())
    assert {one["resolved"] for one in locked.values() if "resolved" in one} == {"file:../../clients/js"}


def test_npm_start_serves_the_page_and_tokens(example: Example, place: Place) -> None:
    with example.serving(place, "start") as url:
        for path, part in (("/", "/src/main.jsx"), ("/src/main.jsx", "import"), ("/token?identity=alice", "sdk_url")):
            with build_opener(ProxyHandler({})).open(url + path, timeout=60) as answer:
                assert part in answer.read().decode()


def test_a_lost_connection_is_told_and_what_was_missed_follows(people: tuple[Person, Person]) -> None:
    alice, bob = people
    sockets: list[WebSocketRoute] = []
    is_cut = False

    def relay(socket: WebSocketRoute) -> None:
        if is_cut:
            socket.close()
        else:
            socket.connect_to_server()
            sockets.append(socket)

    bob.page.route_web_socket("**/ws**", relay)
    alice.signs_in()
    bob.signs_in()
    alice.opens("lost")
    alice.adds("bob")
    bob.in_list("lost").click()
    expect(bob.members).to_have_count(2)
    is_cut = True
    for socket in sockets:
        socket.close()
    expect(bob.page.get_by_role("status")).to_contain_text("The connection is")
    alice.says("Are you there?")
    expect(alice.messages).to_have_count(1)
    is_cut = False
    expect(bob.messages.locator(".body")).to_have_text(["Are you there?"])
    expect(bob.page.get_by_role("status")).to_be_empty()


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_is_accessible_in_light_and_dark_and_fits(browser: Browser, url: str, look: dict[str, Any]) -> None:
    with tab(browser, [], look) as page:
        alice = Person(page, url, "alice")
        page.goto(url)
        has_no_faults(page)
        alice.signs_in()
        alice.opens(f"looks {look['viewport']['width']}")
        alice.says(f"A long word: {'x' * 300}")
        expect(alice.messages).to_have_count(1)
        has_no_faults(page)
        if look is PHONE:
            expect(page.get_by_role("navigation")).to_be_hidden()
            page.get_by_role("button", name="Back").click()
            expect(page.get_by_role("navigation")).to_be_visible()
            has_no_faults(page)


def has_no_faults(page: Page) -> None:
    """An accessibility checker finds nothing in either theme, and nothing scrolls sideways."""
    axe = install(CONSOLE_TESTS, "console", "the accessibility of the page in React is") / "axe-core" / "axe.min.js"
    if page.evaluate("window.axe === undefined"):
        page.evaluate(axe.read_text())
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        found = page.evaluate("axe.run().then(({violations}) => violations.map(({id, nodes}) => [id, nodes[0].html]))")
        assert found == []
    wide = "[...document.querySelectorAll('html, nav, main, .scroller')].filter((one) => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{wide}.map((one) => one.outerHTML.slice(0, 80))") == []
