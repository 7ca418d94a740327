"""Settings, search, usage and the page with Twilio's SDKs: accessible in light, dark and on a phone; large targets there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local import npm
from local.sdk.packages import PACKAGES
from local.stack.running import Stack
from tests.console.browser import DESKTOP, PHONE, tab
from tests.console.console import Console, SdkPerson
from tests.console.looks import Checker, fits

TABS = ("General", "Webhooks", "Notifications", "Limits", "Roles", "Users", "API keys")
# What a finger is to hit: 44 px (https://www.w3.org/WAI/WCAG21/Understanding/target-size.html). A link in a text, and a
# box inside a label, which is the target, are exceptions.
SMALL = """() => {
  const targets = 'button, a, select, textarea, input, summary, label:has(input[type=checkbox], input[type=radio])';
  const isTarget = (element) =>
    element.checkVisibility({ opacityProperty: true }) && !element.closest('.text') && !element.matches('label input');
  const top = [...document.querySelectorAll('dialog')].at(-1) ?? document;
  return [...top.querySelectorAll(targets)].filter(isTarget).flatMap((element) => {
    const { width, height } = element.getBoundingClientRect();
    return Math.min(width, height) < 43.9 ? [`${element.outerHTML.slice(0, 120)}: ${width} x ${height}`] : [];
  });
}"""


def has_large_targets(page: Page) -> None:
    assert page.evaluate(SMALL) == []


def close_dialog(console: Console) -> None:
    console.page.keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)


def visit_settings(console: Console, look: Any) -> None:
    """Open each tab of the settings, and the dialogs that lead on from there."""
    console.header("Service settings").click()
    for name in TABS:
        console.dialog.get_by_role("tab", name=name).click()
        expect(console.dialog.get_by_role("tabpanel", name=name).locator("form, ul").first).to_be_visible()
        look()
    for name, button in (("Users", "Change bob"), ("Roles", "Change the role service user")):
        console.dialog.get_by_role("tab", name=name).click()
        console.dialog.get_by_role("button", name=button).click()
        expect(console.dialog).to_have_count(2)
        look()
        console.page.keyboard.press("Escape")
        expect(console.dialog).to_have_count(1)
    close_dialog(console)


def test_settings_search_and_attributes_are_accessible(
    console: Console,
    general: Any,
    check: Checker,
) -> None:
    console.alice.says("See https://example.com/ first")
    console.bob.sees("See https://example.com/ first")
    general.invites.create(identity="carol")
    visit_settings(console, lambda: check(console.page, 4))
    for opener in ("Search messages", "Members, invite", "Channel settings"):
        console.alice.button(opener).click()
        expect(console.dialog).to_be_visible()
        if opener == "Members, invite":
            expect(console.dialog.locator(".invited li")).to_have_count(1)
        check(console.page, 2)
        close_dialog(console)


def test_a_finger_hits_everything_on_a_phone(
    pocket: Console,
    general: Any,
    check: Checker,
) -> None:
    general.messages.create(from_="bob", body="See https://example.com/")

    def look() -> None:
        has_large_targets(pocket.page)
        fits(pocket.page)
        check(pocket.page, 2, "light")  # the colours are those of the desktop

    pocket.begin()
    look()
    pocket.alice.opens("General")
    pocket.alice.says("Helo")
    pocket.alice.sees("See https://example.com/", "Helo")
    pocket.alice.within(".message .bubble").nth(1).tap()
    expect(pocket.alice.button("Edit message")).to_be_in_viewport()
    look()
    for opener in ("Members, invite", "Search messages", "Channel settings"):
        pocket.alice.button(opener).tap()
        expect(pocket.dialog).to_be_visible()
        look()
        close_dialog(pocket)
    visit_settings(pocket, look)
    pocket.page.locator("#tabs button").nth(2).tap()
    for tool in ("Events", "Webhooks", "Phones", "Usage", "Snippets"):
        pocket.choose_tool(tool)
        has_large_targets(pocket.page)
        fits(pocket.page)


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_with_twilios_sdks_is_accessible(
    browser: Browser,
    problems: list[str],
    stack: Stack,
    service: Any,
    check: Checker,
    look: dict[str, Any],
) -> None:
    try:
        PACKAGES[-1].fetch()
    except npm.NpmMissing:
        pytest.skip("npm is not installed, so the page with Twilio's SDKs is NOT tested")
    with tab(browser, problems, look) as page:
        console = Console(page, stack, service.sid)
        page.goto(f"{console.link.replace('/#', '/sdk.html#')}&service={service.sid}")
        alice, bob = SdkPerson(page, "alice"), SdkPerson(page, "bob")
        alice.is_ready()
        bob.is_ready()
        alice.says("Hello")
        bob.sees("Hello")
        check(page, 5)
        if look is PHONE:
            has_large_targets(page)
            fits(page)
    assert problems == []
