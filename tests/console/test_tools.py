"""Opening the console, and its tools: the log, webhooks, snippets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.console.files import CONSOLE_FILES
from local.home import REPOSITORY
from local.stack.running import Stack
from tests.console.browser import Page
from tests.console.console import Console
from tests.console.web_server import serving
from tests.node_packages import environment


def choose(page: Page, tool: str) -> None:
    """Show a tool. The tab of one that is shown already would fold it away."""
    if page.evaluate(f"document.querySelector('#tab-{tool.lower()}').ariaSelected") != "true":
        page.click("[role=tab]", tool)


# The account.


def test_the_printed_link_opens_the_console_and_leaves_no_credentials_in_the_address(
    showcase: Console, stack: Stack
) -> None:
    assert f"{showcase.link}\n" in stack.printed
    assert showcase.page.evaluate("location.href") == f"{stack.info['console_url']}/"
    stored = json.loads(showcase.page.evaluate("sessionStorage.getItem('parley-console')"))
    assert (stored["account"], stored["token"]) == (stack.info["account_sid"], stack.info["auth_token"])
    assert showcase.page.evaluate("JSON.stringify(localStorage)") == "{}"


def test_without_credentials_the_page_asks_for_them(page: Page, stack: Stack, service: Any) -> None:
    page.open(f"{stack.info['console_url']}/")
    page.click("#field-account")
    page.type(stack.info["account_sid"])
    page.click("#field-token")
    page.type("wrong")
    page.press("Enter")
    page.wait_for("#account [role=alert]", "The account SID or the auth token is wrong.")
    assert page.count("#chat") == 0
    page.problems.clear()  # the browser itself reports the refusal
    page.click("#field-token")
    page.evaluate("document.activeElement.select()")
    page.type(stack.info["auth_token"])
    page.press("Enter")
    page.wait_for("#chat")


def test_the_link_works_in_a_tab_that_has_the_console_open_already(page: Page, stack: Stack, service: Any) -> None:
    page.open(f"{stack.info['console_url']}/")
    page.wait_for("#account")
    page.open(f"{Console(page, stack).link}&service={service.sid}")
    page.wait_for("#chat")


def test_an_address_with_other_people_opens_the_page_with_them(console: Console) -> None:
    console.page.evaluate("location.hash = 'people=bob'")
    console.page.until("[...document.querySelectorAll('.pane h2')].map((name) => name.textContent).join() === 'bob'")
    console.await_ready(1)
    assert console.page.evaluate("location.hash") == ""


def test_signing_out_forgets_the_account_and_deletes_the_api_key(console: Console, twilio: Any) -> None:
    stored = json.loads(console.page.evaluate("sessionStorage.getItem('parley-console')"))
    key_sid = stored["key"]["sid"]
    assert key_sid in [key.sid for key in twilio.api.v2010.account.keys.list()]
    console.page.click("header button[aria-label='Sign out']")
    console.page.click("dialog button", "Sign out")
    console.page.wait_for("#field-account")
    assert key_sid not in [key.sid for key in twilio.api.v2010.account.keys.list()]
    assert stored["token"] not in (console.page.evaluate("JSON.stringify(sessionStorage)") or "")


def test_signing_out_after_the_api_key_was_deleted_elsewhere_forgets_the_account(console: Console, twilio: Any) -> None:
    stored = json.loads(console.page.evaluate("sessionStorage.getItem('parley-console')"))
    twilio.api.v2010.account.keys(stored["key"]["sid"]).delete()
    console.page.click("header button[aria-label='Sign out']")
    console.page.click("dialog button", "Sign out")
    console.page.wait_for("#field-account")
    assert stored["token"] not in console.page.evaluate("JSON.stringify(sessionStorage)")
    console.page.problems.clear()  # the browser's own note that there is no such key


def test_signing_out_where_the_api_key_cannot_be_deleted_forgets_the_account_and_says_so(console: Console) -> None:
    page = console.page
    stored = json.loads(page.evaluate("sessionStorage.getItem('parley-console')"))
    page.command("Network.setBlockedURLs", urls=["*/Keys/*"])
    page.click("header button[aria-label='Sign out']")
    page.click("dialog button", "Sign out")
    page.wait_for("dialog [role=alert]")
    assert stored["key"]["sid"] in page.texts("dialog [role=alert]")[0]
    left = page.evaluate("JSON.stringify(sessionStorage)")
    assert stored["token"] not in left and stored["key"]["secret"] not in left
    page.press("Escape")
    page.wait_for("#field-account")
    page.problems.clear()  # the browser's own note that the request failed


def test_a_reload_goes_on_with_the_same_api_key(console: Console) -> None:
    stored = "JSON.parse(sessionStorage.getItem('parley-console')).key.sid"
    before = console.page.evaluate(stored)
    console.page.reload()
    console.await_ready()
    assert console.page.evaluate(stored) == before


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The console copied as `docs/console.md` says, on a web server that knows nothing of Parley: its URL and folder.

    To be asked for before `page`, so that it serves until the page is closed.
    """
    site = tmp_path / "site"
    for command in (
        ["cp", "-r", str(CONSOLE_FILES), str(site)],
        ["cp", "-r", *(str(REPOSITORY / "clients/js" / name) for name in ("parley.js", "parley")), f"{site}/"],
    ):
        subprocess.run(command, check=True)
    with serving(site) as url:
        yield url, site


def test_on_another_host_the_addresses_are_typed_in(
    elsewhere: tuple[str, Path], page: Page, stack: Stack, service: Any
) -> None:
    page.open(f"{elsewhere[0]}#people=alice,bob&service={service.sid}")
    page.wait_for("#field-restUrl")
    page.problems.clear()  # the browser's own note that there is no config.json
    given = {"restUrl": "rest_url", "wsUrl": "ws_url", "account": "account_sid", "token": "auth_token"}
    for field, name in given.items():
        page.click(f"#field-{field}")
        page.type(str(stack.info[name]))
    page.press("Enter")
    console = Console(page, stack)
    console.await_ready()
    console.alice.says("from elsewhere")
    console.bob.sees("from elsewhere")
    choose(page, "Webhooks")
    page.until("document.querySelector('#tool-webhooks .hint').textContent.includes('Only the local runtime')")


def test_a_config_file_beside_the_page_spares_the_addresses(
    elsewhere: tuple[str, Path], page: Page, stack: Stack
) -> None:
    config = {"rest_url": stack.info["rest_url"], "ws_url": stack.info["ws_url"]}
    (elsewhere[1] / "config.json").write_text(json.dumps(config))
    page.open(elsewhere[0])
    page.wait_for("#field-account")
    assert page.count("#field-restUrl") == 0


# The log.


def test_the_log_tells_what_each_client_heard(console: Console) -> None:
    console.alice.says("Hello, log")
    for identity in ("alice", "bob"):
        console.page.until(
            "[...document.querySelectorAll('#tool-events li')].some((row) =>"
            f" row.querySelector('.who')?.textContent === '{identity}'"
            " && row.querySelector('.name').textContent === 'messageAdded'"
            " && row.querySelector('.brief').textContent.includes('Hello, log'))"
        )


def test_an_entry_unfolds_as_json(console: Console) -> None:
    console.alice.says("Unfold me")
    console.page.click("#tool-events .filter")
    console.page.type("messageAdded alice Unfold")
    console.page.until("document.querySelectorAll('#tool-events li').length >= 1")
    console.page.click("#tool-events li summary")
    shown = json.loads(console.page.until("document.querySelector('#tool-events pre')?.textContent"))
    assert (shown["body"], shown["author"], shown["index"]) == ("Unfold me", "alice", 0)


def test_arrow_keys_go_through_the_log(console: Console) -> None:
    # What is still coming in would move the rows.
    console.page.click("#tool-events button", "Pause")
    console.page.evaluate("document.querySelector('#tool-events .journal').focus()")
    for expected in (0, 1):
        console.page.press("ArrowDown")
        row = f"element.closest('li') === document.querySelectorAll('#tool-events li')[{expected}]"
        console.page.focuses(True, row)
    console.page.press("Enter")
    console.page.focuses(True, "element.parentElement.open")


def test_the_log_is_filtered_by_words_and_kinds(console: Console) -> None:
    console.alice.says("needle")
    page = console.page
    page.click("#tool-events .filter")
    page.type("needle")
    page.until("document.querySelectorAll('#tool-events li .name').length === 2")
    page.click("#tool-events label", "Frames")
    page.until(
        "[...document.querySelectorAll('#tool-events .name')].some((name) => name.textContent === '→ sendMessage')"
    )
    page.click("#tool-events label", "Events")
    page.until("![...document.querySelectorAll('#tool-events .name')].some((name) => name.dataset.kind === 'event')")


def test_no_frame_in_the_log_shows_an_access_token(console: Console) -> None:
    console.page.click("#tool-events label", "Frames")
    console.page.until("document.querySelectorAll('#tool-events .name[data-kind=frame]').length > 2")
    assert "eyJ" not in console.page.evaluate("document.querySelector('#tool-events').textContent")


def test_a_paused_log_stands_still_and_counts(console: Console) -> None:
    page = console.page
    page.click("#tool-events button", "Pause")
    before = page.count("#tool-events li")
    console.alice.says("unseen")
    console.bob.sees("unseen")
    page.until("document.querySelector('#tool-events [aria-pressed]').textContent.includes('new')")
    assert page.count("#tool-events li") == before
    page.click("#tool-events [aria-pressed=true]")
    page.until("document.querySelector('#tool-events').textContent.includes('unseen')")


# Webhooks.


def test_webhooks_arrive_in_the_console_with_a_valid_signature(
    page: Page, stack: Stack, twilio: Any, service: Any
) -> None:
    # Functions remember a service for ten seconds. Without presence nobody's coming is news, so that the one for
    # webhooks looks the service up only when the message comes.
    twilio.chat.v2.services(service.sid).update(reachability_enabled=False)
    console = Console(page, stack)
    console.open(service.sid)
    choose(page, "Webhooks")
    page.click("#tool-webhooks button", "Receive webhooks here")
    page.wait_for("#tool-webhooks button", "Stop")
    url = twilio.chat.v2.services(service.sid).fetch().post_webhook_url
    assert url == f"{stack.info['console_url']}/webhooks/{service.sid}"
    console.alice.says("to the webhook")
    row = "[...document.querySelectorAll('#tool-webhooks li')].find((one) => one.textContent.includes('onMessageSent'))"
    assert page.until(f"{row}?.querySelector('.badge').textContent") == "signature valid"
    assert page.evaluate(f"{row}.querySelector('.brief').textContent") == "to the webhook"
    page.click("#tool-webhooks button", "Stop")
    page.wait_for("#tool-webhooks button", "Receive webhooks here")
    assert not twilio.chat.v2.services(service.sid).fetch().post_webhook_url


# Snippets.


OF_REST = ("curl", "Python helper library", "Node helper library")
OF_CLIENTS = ("Python client", "JavaScript client")
CODE = "document.querySelector('#tool-snippets code').textContent"


def snippet(page: Page, flavour: str) -> str:
    choose(page, "Snippets")
    page.click("#tool-snippets label", flavour)
    page.until(f"document.querySelector('#tool-snippets :checked').parentElement.textContent === {json.dumps(flavour)}")
    return str(page.evaluate(CODE))


def with_credentials(page: Page, secret: str, wanted: bool) -> str:
    """The snippet, after its credentials were asked for or sent away."""
    page.click("#tool-snippets label", "With credentials")
    page.until(f"{CODE}.includes({json.dumps(secret)}) === {json.dumps(wanted)}")
    return str(page.evaluate(CODE))


def general_sid(twilio: Any, console: Console) -> str:
    return str(twilio.chat.v2.services(console.service_sid).channels("general").fetch().sid)


def test_each_rest_snippet_names_base_url_account_service_and_channel(showcase: Console, twilio: Any) -> None:
    info = showcase.stack.info
    parts = (f"{info['rest_url']}/chat", info["account_sid"], showcase.service_sid, general_sid(twilio, showcase))
    texts = {flavour: snippet(showcase.page, flavour) for flavour in OF_REST}
    assert len(set(texts.values())) == len(OF_REST)
    missing = {(flavour, part) for flavour, text in texts.items() for part in parts if part not in text}
    assert missing == set()


def test_each_client_snippet_names_socket_url_and_channel(showcase: Console, twilio: Any) -> None:
    parts = (f'"{showcase.stack.info["ws_url"]}"', general_sid(twilio, showcase))
    texts = {flavour: snippet(showcase.page, flavour) for flavour in OF_CLIENTS}
    assert len(set(texts.values())) == len(OF_CLIENTS)
    missing = {(flavour, part) for flavour, text in texts.items() for part in parts if part not in text}
    assert missing == set()


def test_a_snippet_has_credentials_only_while_they_are_asked_for(console: Console) -> None:
    page = console.page
    for flavour in (*OF_REST, *OF_CLIENTS):
        secret = "eyJ" if flavour in OF_CLIENTS else console.stack.info["auth_token"]
        assert secret not in snippet(page, flavour)
        with_credentials(page, secret, True)
        with_credentials(page, secret, False)


def test_rest_snippets_run_as_they_are(console: Console) -> None:
    variables = environment(PARLEY_AUTH_TOKEN=console.stack.info["auth_token"])
    said: list[str] = []
    for flavour, command, text in (
        ("curl", ["sh", "-c"], "Hello from curl"),
        ("Python helper library", [sys.executable, "-c"], "Hello from Python"),
    ):
        program = [*command, snippet(console.page, flavour)]
        done = subprocess.run(program, env=variables, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert text in done.stdout
        said.append(text)
        console.bob.sees(*said)


def test_client_snippets_run_as_they_are(console: Console) -> None:
    page = console.page
    snippet(page, "Python client")
    program = with_credentials(page, "eyJ", True)
    variables = environment(PYTHONPATH=str(REPOSITORY / "clients" / "python"))
    running = subprocess.Popen([sys.executable, "-c", program], env=variables)
    try:
        console.bob.sees("Hello from the Python client")
    finally:
        running.kill()
        running.wait()
    snippet(page, "JavaScript client")
    text = page.until(f"{CODE}.includes('parley.js') && {CODE}.includes('eyJ') && {CODE}")
    # In the page itself: a module's import becomes the same as a promise.
    program = text.replace('import { Client } from "./parley.js"', 'const { Client } = await import("./parley.js")')
    assert program != text
    page.evaluate(f"(async () => {{ {program} }})()")
    console.bob.sees("Hello from the Python client", "Hello from the JavaScript client")


def test_a_snippet_is_copied(showcase: Console) -> None:
    page = showcase.page
    text = snippet(page, "curl")
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.click("#tool-snippets button", "Copy")
    assert page.until("window.copied") == text
