"""How the console gets its account: from a link or by hand, kept over a reload, forgotten when somebody signs out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.console.files import CONSOLE_FILES
from local.home import REPOSITORY
from local.stack.running import Stack
from tests.console.console import Console
from tests.console.web_server import serving
from tests.support.waiting import until


def stored(page: Page) -> Any:
    """What the tab remembers."""
    return page.evaluate("JSON.parse(sessionStorage.getItem('parley-console'))")


def stored_text(page: Page) -> str:
    return str(page.evaluate("JSON.stringify(sessionStorage)"))


def fill_in(page: Page, **values: str) -> None:
    """Type into the form that asks for the account."""
    for name, value in values.items():
        page.locator(f"#field-{name}").fill(value)
    page.keyboard.press("Enter")


def test_the_printed_link_opens_the_console_and_leaves_no_credentials_in_the_address(
    showcase: Console, stack: Stack
) -> None:
    until(lambda: f"{showcase.link}\n" in stack.printed)
    assert showcase.page.url == f"{stack.info['console_url']}/"
    kept = stored(showcase.page)
    assert (kept["account"], kept["token"]) == (stack.info["account_sid"], stack.info["auth_token"])
    assert showcase.page.evaluate("JSON.stringify(localStorage)") == "{}"


def test_without_credentials_the_page_asks_for_them(
    page: Page, problems: list[str], stack: Stack, service: Any
) -> None:
    page.goto(f"{stack.info['console_url']}/")
    fill_in(page, account=stack.info["account_sid"], token="wrong")
    alert = page.locator("#account").get_by_role("alert")
    expect(alert).to_have_text("The account SID or the auth token is wrong.")
    expect(page.locator("#chat")).to_be_hidden()
    problems.clear()  # the browser itself reports the refusal
    fill_in(page, token=stack.info["auth_token"])
    expect(page.locator("#chat")).to_be_visible()


def test_an_address_that_is_opened_in_the_pages_own_tab_is_followed(unopened: Console) -> None:
    unopened.page.goto(f"{unopened.stack.info['console_url']}/")
    expect(unopened.page.locator("#account")).to_be_visible()
    unopened.open()
    unopened.page.evaluate("location.hash = 'people=bob'")
    expect(unopened.page.locator(".pane h2")).to_have_text(["bob"])
    unopened.await_ready(1)
    assert unopened.page.evaluate("location.hash") == ""


def sign_out(console: Console) -> None:
    console.header("Sign out").click()
    console.dialog_button("Sign out").click()


@pytest.fixture
def key_maker(unopened: Console) -> Console:
    """The console in a tab that was given no API key."""
    unopened.makes_a_key = True
    unopened.open()
    return unopened


def test_a_tab_that_was_given_a_key_makes_none_and_deletes_none(unopened: Console, twilio: Any) -> None:
    """Each opening left an API key behind."""
    keys = twilio.api.v2010.account.keys
    asked: list[str] = []
    unopened.page.on("request", lambda request: asked.append(request.url) if "/Keys" in request.url else None)
    unopened.open()
    assert stored(unopened.page)["key"]["sid"] == unopened.stack.info["api_key_sid"]
    sign_out(unopened)
    expect(unopened.page.locator("#field-account")).to_be_visible()
    assert asked == []
    assert keys(unopened.stack.info["api_key_sid"]).fetch()


def test_the_key_that_a_tab_makes_ends_by_itself_after_half_a_day(unopened: Console) -> None:
    unopened.makes_a_key = True
    with unopened.page.expect_request("**/Keys.json") as made:
        unopened.open()
    assert made.value.post_data == "FriendlyName=console&Ttl=43200"


def test_a_link_may_hold_an_api_key_and_no_auth_token(unopened: Console) -> None:
    unopened.makes_a_key = True
    info = unopened.stack.info
    address = f"{info['console_url']}/#account={info['account_sid']}&service={unopened.service_sid}"
    unopened.page.goto(f"{address}&key={info['api_key_sid']}&secret={info['api_key_secret']}")
    unopened.await_ready()
    unopened.alice.says("with a key alone")
    unopened.bob.sees("with a key alone")
    assert info["auth_token"] not in stored_text(unopened.page)


def test_a_link_that_has_ended_is_reported(page: Page, problems: list[str], stack: Stack) -> None:
    address = f"{stack.info['console_url']}/#account={stack.info['account_sid']}"
    page.goto(f"{address}&key={stack.info['api_key_sid']}&secret=ended")
    expect(page.locator("#account").get_by_role("alert")).to_have_text("The link that opened this page has expired.")
    problems.clear()  # the browser itself reports the refusal


@pytest.mark.parametrize("is_gone", [False, True], ids=["", "after it was deleted elsewhere"])
def test_signing_out_forgets_the_account_and_deletes_the_api_key(
    key_maker: Console, problems: list[str], twilio: Any, is_gone: bool
) -> None:
    console = key_maker
    kept = stored(console.page)
    keys = twilio.api.v2010.account.keys
    assert kept["key"]["sid"] in [key.sid for key in keys.list()]
    if is_gone:
        keys(kept["key"]["sid"]).delete()
    sign_out(console)
    expect(console.page.locator("#field-account")).to_be_visible()
    assert kept["key"]["sid"] not in [key.sid for key in keys.list()]
    assert kept["token"] not in stored_text(console.page)
    if is_gone:
        problems.clear()  # the browser's own note that there is no such key


def test_signing_out_when_the_api_key_cannot_be_deleted_forgets_the_account_and_says_so(
    key_maker: Console, problems: list[str]
) -> None:
    console = key_maker
    kept = stored(console.page)
    console.page.route("**/Keys/*", lambda route: route.abort())
    sign_out(console)
    expect(console.dialog.get_by_role("alert")).to_contain_text(kept["key"]["sid"])
    left = stored_text(console.page)
    assert kept["token"] not in left and kept["key"]["secret"] not in left
    console.page.keyboard.press("Escape")
    expect(console.page.locator("#field-account")).to_be_visible()
    problems.clear()  # the browser's own note that the request failed


def test_a_reload_keeps_service_people_channel_and_api_key(key_maker: Console, other: Any) -> None:
    console = key_maker
    console.bob.opens("Other")
    before = stored(console.page)["key"]
    console.page.reload()
    console.await_ready()
    expect(console.page.get_by_label("Service", exact=True)).to_have_value(console.service_sid)
    console.alice.has_open("General")
    console.bob.has_open("Other")
    assert stored(console.page)["key"] == before


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The console copied as `docs/console.md` says to a web server that knows nothing of Parley: its URL and folder."""
    folder = tmp_path / "site"
    client = REPOSITORY / "clients" / "js"
    shutil.copytree(CONSOLE_FILES, folder)
    shutil.copy(client / "parley.js", folder)
    shutil.copytree(client / "parley", folder / "parley")
    with serving(folder) as url:
        yield url, folder


def test_on_another_host_the_addresses_are_typed_in(
    site: tuple[str, Path], page: Page, problems: list[str], stack: Stack, service: Any
) -> None:
    page.goto(f"{site[0]}#people=alice,bob&service={service.sid}")
    expect(page.locator("#field-restUrl")).to_be_visible()
    problems.clear()  # the browser's own note that there is no config.json
    given = {"restUrl": "rest_url", "wsUrl": "ws_url", "account": "account_sid", "token": "auth_token"}
    fill_in(page, **{field: str(stack.info[name]) for field, name in given.items()})
    console = Console(page, stack)
    console.await_ready()
    console.alice.says("from elsewhere")
    console.bob.sees("from elsewhere")
    console.choose_tool("Webhooks")
    expect(page.locator("#tool-webhooks .hint")).to_contain_text("Only the local runtime")
    console.choose_tool("Phones")
    expect(page.locator("#tool-phones .hint")).to_contain_text("Only the local runtime")


def test_a_config_file_beside_the_page_spares_the_addresses(site: tuple[str, Path], page: Page, stack: Stack) -> None:
    config = {"rest_url": stack.info["rest_url"], "ws_url": stack.info["ws_url"]}
    (site[1] / "config.json").write_text(json.dumps(config))
    page.goto(site[0])
    expect(page.locator("#field-account")).to_be_visible()
    expect(page.locator("#field-restUrl")).to_have_count(0)
