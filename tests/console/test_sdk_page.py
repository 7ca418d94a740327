"""The page with Twilio's SDKs: their bundles in Chromium, under the policy that the console is served with."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local import npm
from local.sdk.packages import PACKAGES, SdkPackage
from local.stack.running import Stack
from tests.console.console import SdkPerson
from tests.console.screenshots import drawing, upload

# Opens a socket that has nothing to do with the SDKs and tells what becomes of a ping.
PING = """(url) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send('{"action": "ping"}');
  socket.onmessage = ({ data }) => resolve([data, socket.constructor === WebSocket, String(WebSocket).includes('native code')]);
  socket.onclose = reject;
})"""

# Chooses another SDK, and presses Enter before anything else can happen.
CHOOSE_AND_SEND = """(pane, name) => {
  const choice = pane.querySelector('select');
  choice.value = name;
  choice.dispatchEvent(new Event('change'));
  pane.querySelector('textarea').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
}"""


@pytest.fixture
def sdk_page(page: Page, stack: Stack, service: Any) -> Page:
    try:
        for package in PACKAGES:
            package.fetch()
    except npm.NpmMissing:
        pytest.skip("npm is not installed, so Twilio's own SDKs are NOT tested in a browser")
    info = stack.info
    page.goto(
        f"{info['console_url']}/sdk.html#account={info['account_sid']}&token={info['auth_token']}&service={service.sid}"
    )
    return page


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_two_people_converse_through_the_bundles(sdk_page: Page, stack: Stack, package: SdkPackage) -> None:
    alice, bob = SdkPerson(sdk_page, "alice"), SdkPerson(sdk_page, "bob")
    alice.is_ready()
    bob.is_ready()
    alice.uses(package)
    alice.says("Hello, bob")
    bob.sees("Hello, bob")
    bob.says("Hello, alice")
    alice.sees("Hello, bob", "Hello, alice")
    alice.sees_event("messageAdded")
    alice.sees_packet("notification list_item_added")
    assert sdk_page.evaluate(PING, stack.info["sdk_url"]) == ['{"action":"pong"}', True, True]


def test_what_somebody_writes_while_another_sdk_connects_can_be_sent_afterwards(sdk_page: Page) -> None:
    alice = SdkPerson(sdk_page, "alice")
    alice.is_ready()
    alice.types("precious")
    alice.pane.evaluate(CHOOSE_AND_SEND, PACKAGES[0].name)
    expect(alice.field).to_have_value("precious")
    alice.is_ready()
    alice.field.press("Enter")
    alice.sees("precious")
    expect(alice.field).to_have_value("")


def test_tokens_are_not_shown_in_packets(sdk_page: Page) -> None:
    alice = SdkPerson(sdk_page, "alice")
    alice.is_ready()
    row = alice.within(".journal summary").filter(has_text="→ init")
    row.click()
    expect(alice.within(".journal pre")).to_contain_text("(an access token)")


@pytest.mark.parametrize("package", [PACKAGES[0], PACKAGES[-1]], ids=lambda package: package.name)
def test_files_are_shown_and_can_be_fetched(
    sdk_page: Page, stack: Stack, service: Any, channels: Any, package: SdkPackage
) -> None:
    alice = SdkPerson(sdk_page, "alice")
    alice.is_ready()
    alice.uses(package)
    for name, content in (("evening.png", drawing(40, 30)), ("table.csv", b"a,b\n")):
        sid = upload(stack, service.sid, name, content)
        channels("sdk-console").messages.create(from_="bob", media_sid=sid)
    expect(alice.within(".message .file-card")).to_contain_text("table.csv")
    picture = alice.within(".message img[alt='evening.png']")
    expect(picture).to_have_js_property("naturalWidth", 40)
    with sdk_page.expect_popup() as opened:
        picture.click()
    opened.value.close()
