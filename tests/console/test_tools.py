"""Opening the console, and its tools: the log, webhooks, snippets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.console_files import CONSOLE_FILES
from local.home import REPOSITORY
from local.stack import Stack
from tests.console.browser import Page
from tests.console.console import Console


def choose(page: Page, tool: str) -> None:
    page.click("[role=tab]", tool)


# The account.


def test_the_printed_link_opens_the_console_and_leaves_no_credentials_in_the_address(
    console: Console, stack: Stack
) -> None:
    assert f"{console.link}\n" in stack.printed
    assert console.page.evaluate("location.href") == f"{stack.info['console_url']}/"
    stored = json.loads(console.page.evaluate("sessionStorage.getItem('parley-console')"))
    assert (stored["account"], stored["token"]) == (stack.info["account_sid"], stack.info["auth_token"])
    assert console.page.evaluate("JSON.stringify(localStorage)") == "{}"


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
    """The console copied as `docs/console.md` says, on a web server that knows nothing of Parley: its URL and folder."""
    site = tmp_path / "site"
    for command in (
        ["cp", "-r", str(CONSOLE_FILES), str(site)],
        ["cp", str(REPOSITORY / "clients/js/parley.js"), f"{site}/"],
    ):
        subprocess.run(command, check=True)
    handler = partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", site
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_on_another_host_the_addresses_are_typed_in(
    page: Page, stack: Stack, service: Any, elsewhere: tuple[str, Path]
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
    page: Page, stack: Stack, elsewhere: tuple[str, Path]
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


def test_webhooks_arrive_in_the_console_with_a_valid_signature(console: Console, twilio: Any, service: Any) -> None:
    page = console.page
    choose(page, "Webhooks")
    page.click("#tool-webhooks button", "Receive webhooks here")
    page.wait_for("#tool-webhooks button", "Stop")
    url = twilio.chat.v2.services(service.sid).fetch().post_webhook_url
    assert url == f"{console.stack.info['console_url']}/webhooks/{service.sid}"
    # Functions remember a service for up to ten seconds; what is said in them may go unheard.
    row = "[...document.querySelectorAll('#tool-webhooks li')].find((one) => one.textContent.includes('onMessageSent'))"
    for _ in range(12):
        console.alice.says("to the webhook")
        if page.evaluate(f"new Promise((done) => setTimeout(() => done({row} !== undefined), 2000))"):
            break
    assert page.until(f"{row}?.querySelector('.badge').textContent") == "signature valid"
    assert page.evaluate(f"{row}.querySelector('.brief').textContent") == "to the webhook"
    page.click("#tool-webhooks button", "Stop")
    page.wait_for("#tool-webhooks button", "Receive webhooks here")
    assert not twilio.chat.v2.services(service.sid).fetch().post_webhook_url


# Snippets.


def snippet(page: Page, flavour: str) -> str:
    choose(page, "Snippets")
    page.click("#tool-snippets label", flavour)
    page.until(f"document.querySelector('#tool-snippets :checked').parentElement.textContent === {json.dumps(flavour)}")
    return str(page.evaluate("document.querySelector('#tool-snippets code').textContent"))


@pytest.mark.parametrize("flavour", ["curl", "Python helper library", "Node helper library"])
def test_a_rest_snippet_names_base_url_service_and_channel(
    console: Console, service: Any, general: Any, flavour: str
) -> None:
    text = snippet(console.page, flavour)
    for part in (
        f"{console.stack.info['rest_url']}/chat",
        service.sid,
        general.fetch().sid,
        console.stack.info["account_sid"],
    ):
        assert part in text


@pytest.mark.parametrize("flavour", ["Python client", "JavaScript client"])
def test_a_client_snippet_names_socket_url_and_channel(console: Console, general: Any, flavour: str) -> None:
    text = snippet(console.page, flavour)
    assert f'"{console.stack.info["ws_url"]}"' in text
    assert general.fetch().sid in text


@pytest.mark.parametrize(
    "flavour", ["curl", "Python helper library", "Node helper library", "Python client", "JavaScript client"]
)
def test_a_snippet_has_credentials_only_if_they_are_asked_for(console: Console, flavour: str) -> None:
    secret = "eyJ" if "client" in flavour else console.stack.info["auth_token"]
    assert secret not in snippet(console.page, flavour)
    console.page.click("#tool-snippets label", "With credentials")
    console.page.until(f"document.querySelector('#tool-snippets code').textContent.includes('{secret}')")


@pytest.mark.parametrize(
    ("flavour", "command", "said"),
    [
        ("curl", ["sh", "-c"], "Hello from curl"),
        ("Python helper library", [sys.executable, "-c"], "Hello from Python"),
    ],
)
def test_a_snippet_runs_as_it_is(console: Console, flavour: str, command: list[str], said: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    variables["PARLEY_AUTH_TOKEN"] = console.stack.info["auth_token"]
    text = snippet(console.page, flavour)
    done = subprocess.run([*command, text], env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    console.bob.sees(said)


def test_the_python_clients_snippet_runs_as_it_is(console: Console) -> None:
    snippet(console.page, "Python client")
    console.page.click("#tool-snippets label", "With credentials")
    console.page.until("document.querySelector('#tool-snippets code').textContent.includes('eyJ')")
    text = console.page.evaluate("document.querySelector('#tool-snippets code').textContent")
    variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    variables["PYTHONPATH"] = str(REPOSITORY / "clients" / "python")
    running = subprocess.Popen([sys.executable, "-c", text], env=variables)
    try:
        console.bob.sees("Hello from the Python client")
    finally:
        running.kill()
        running.wait()


def test_the_javascript_clients_snippet_runs_as_it_is(console: Console) -> None:
    snippet(console.page, "JavaScript client")
    console.page.click("#tool-snippets label", "With credentials")
    console.page.until("document.querySelector('#tool-snippets code').textContent.includes('eyJ')")
    text = console.page.evaluate("document.querySelector('#tool-snippets code').textContent")
    # In the page itself: a module's import becomes the same as a promise.
    program = text.replace('import { Client } from "./parley.js"', 'const { Client } = await import("./parley.js")')
    assert program != text
    console.page.evaluate(f"(async () => {{ {program} }})()")
    console.bob.sees("Hello from the JavaScript client")


def test_a_snippet_is_copied(console: Console) -> None:
    text = snippet(console.page, "curl")
    console.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    console.page.click("#tool-snippets button", "Copy")
    assert console.page.until("window.copied") == text
