"""The tools beside the chat: the log, its panel, webhooks and snippets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from playwright.sync_api import Locator, expect

from local.home import REPOSITORY
from tests.console.console import Console
from tests.console.sockets import Sockets
from tests.support.node_packages import environment
from tests.support.waiting import until


def kind(console: Console, label: str) -> Locator:
    """The box that shows or hides one kind of entries."""
    return console.page.locator("#tool-events").get_by_label(label, exact=True)


def search(console: Console, words: str) -> None:
    console.page.get_by_label("Filter the log").fill(words)


def test_the_log_shows_the_events_of_each_client_and_unfolds_them_as_json(console: Console) -> None:
    console.alice.says("Unfold me")
    for identity in ("alice", "bob"):
        search(console, "messageAdded Unfold")
        entry = console.events.filter(has=console.page.get_by_text("messageAdded", exact=True)).filter(
            has=console.page.locator(".who", has_text=identity)
        )
        expect(entry).to_have_count(1)
        expect(entry.locator(".brief")).to_contain_text("Unfold me")
        entry.locator("summary").click()
        shown = json.loads(entry.locator("pre").inner_text())
        assert (shown["body"], shown["author"], shown["index"]) == ("Unfold me", "alice", 0)


def test_arrow_keys_go_through_the_log(console: Console) -> None:
    console.page.locator("#tool-events").get_by_role("button", name="Pause").click()  # new entries would move the rows
    console.page.locator("#tool-events .journal").focus()
    for expected in (0, 1):
        console.page.keyboard.press("ArrowDown")
        expect(console.events.nth(expected).locator("summary")).to_be_focused()
    console.page.keyboard.press("Enter")
    expect(console.events.nth(1).locator("pre")).to_be_visible()


def test_the_log_is_filtered_by_words_and_kinds(console: Console) -> None:
    console.alice.says("needle")
    search(console, "needle")
    names = console.page.locator("#tool-events li .name")
    expect(names).to_have_text(["messageAdded", "messageAdded"])
    kind(console, "Frames").check()
    expect(names.filter(has_text="→ sendMessage")).to_have_count(1)
    kind(console, "Events").uncheck()
    expect(console.page.locator("#tool-events .name[data-kind=event]")).to_have_count(0)


def test_the_log_names_a_frame_after_what_is_in_it(unopened: Console) -> None:
    sockets = Sockets(unopened.page)
    unopened.open("alice")
    kind(unopened, "Frames").check()
    search(unopened, "needle")
    reply = {"id": "nobody's", "status": 201, "result": "needle"}
    push = {"event": "somethingNew", "channel_sid": "needle"}
    for frame in (reply, push, [push, push], [reply, push], [push, reply, push]):
        sockets.tell(frame)
    names = [
        *("← reply 201", "← somethingNew", "← 2 pushes"),
        *("← reply 201 and somethingNew", "← reply 201 and 2 pushes"),
    ]
    expect(unopened.page.locator("#tool-events li .name")).to_have_text(names[::-1])


def test_no_frame_in_the_log_shows_an_access_token(unopened: Console) -> None:
    unopened.page.clock.install()
    unopened.open("alice")
    kind(unopened, "Frames").check()
    search(unopened, "refreshToken")
    unopened.page.clock.fast_forward("58:00")  # so that the client renews its token
    expect(unopened.events.filter(has_text="(an access token)")).to_have_count(1)
    assert "eyJ" not in str(unopened.page.locator("#tool-events").text_content())


def test_a_paused_log_stands_still_and_counts(console: Console) -> None:
    tool = console.page.locator("#tool-events")
    tool.get_by_role("button", name="Pause").click()
    before = console.events.count()
    console.alice.says("unseen")
    console.bob.sees("unseen")
    resume = tool.get_by_role("button", name="Resume")
    expect(resume).to_contain_text("new")
    assert console.events.count() == before
    resume.click()
    expect(tool).to_contain_text("unseen")


def test_the_tools_are_resized_with_mouse_and_keys_and_the_browser_remembers_it(console: Console) -> None:
    page, tools = console.page, console.page.locator("#tool-panels")
    handle = page.get_by_role("separator", name="Height of the tools")
    before = tools.bounding_box()
    edge = handle.bounding_box()
    assert before and edge
    page.mouse.move(edge["x"] + 50, edge["y"] + 4)
    page.mouse.down()
    page.mouse.move(edge["x"] + 50, edge["y"] - 96)
    page.mouse.up()
    expect(tools).to_have_css("height", f"{before['height'] + 100}px")
    handle.press("ArrowDown")
    expect(tools).to_have_css("height", f"{before['height'] + 76}px")
    expect(handle).to_have_attribute("aria-valuenow", str(round(before["height"] + 76)))
    page.reload()
    expect(tools).to_have_css("height", f"{before['height'] + 76}px")
    handle.press("Home")
    expect(tools).to_have_css("height", "120px")
    handle.press("End")  # the chat keeps its room
    expect(tools).to_have_css("height", f"{page.evaluate('innerHeight') - 420}px")


def test_webhooks_arrive_in_the_console_with_a_valid_signature(unopened: Console, twilio: Any) -> None:
    console, page = unopened, unopened.page
    service = twilio.chat.v2.services(console.service_sid)
    # Functions remember a service for ten seconds. Without presence, connecting causes no webhook, so the function for
    # webhooks reads the service for the first time when the message comes.
    service.update(reachability_enabled=False)
    console.open()
    console.choose_tool("Webhooks")
    tool = page.locator("#tool-webhooks")
    tool.get_by_role("button", name="Receive webhooks here").click()
    expect(tool.get_by_role("button", name="Stop")).to_be_visible()
    assert service.fetch().post_webhook_url == f"{console.stack.info['console_url']}/webhooks/{console.service_sid}"
    console.alice.says("to the webhook")
    row = tool.locator("li").filter(has_text="onMessageSent")
    expect(row.locator(".badge")).to_have_text("signature valid")
    expect(row.locator(".brief")).to_have_text("to the webhook")
    tool.get_by_role("button", name="Stop").click()
    expect(tool.get_by_role("button", name="Receive webhooks here")).to_be_visible()
    assert not service.fetch().post_webhook_url


# A part that only the snippet of this language has.
OF_REST = {"curl": "curl -u", "Python helper library": "from twilio.rest", "Node helper library": 'require("twilio")'}
OF_CLIENTS = {"Python client": "from parley_client", "JavaScript client": "./parley.js"}


def code(console: Console) -> Locator:
    return console.page.locator("#tool-snippets code")


def choose(console: Console, flavour: str) -> str:
    """The snippet for a language."""
    console.choose_tool("Snippets")
    console.page.get_by_label(flavour, exact=True).check()
    expect(code(console)).to_contain_text((OF_REST | OF_CLIENTS)[flavour])
    return str(code(console).text_content())


def test_each_snippet_names_the_addresses_and_the_channel(showcase: Console, twilio: Any) -> None:
    info = showcase.stack.info
    channel = twilio.chat.v2.services(showcase.service_sid).channels("general").fetch().sid
    of_rest = (f"{info['rest_url']}/chat", info["account_sid"], showcase.service_sid, channel)
    texts = {flavour: choose(showcase, flavour) for flavour in (*OF_REST, *OF_CLIENTS)}
    assert len(set(texts.values())) == 5
    missing = {(flavour, part) for flavour in OF_REST for part in of_rest if part not in texts[flavour]}
    missing |= {(name, part) for name in OF_CLIENTS for part in (info["ws_url"], channel) if part not in texts[name]}
    assert missing == set()


def test_a_snippet_has_credentials_only_while_they_are_asked_for(console: Console) -> None:
    wanted = console.page.get_by_label("With credentials")
    for flavour in (*OF_REST, *OF_CLIENTS):
        secret = "eyJ" if flavour in OF_CLIENTS else console.stack.info["auth_token"]
        assert secret not in choose(console, flavour)
        wanted.check()
        expect(code(console)).to_contain_text(secret)
        wanted.uncheck()
        expect(code(console)).not_to_contain_text(secret)


def test_credentials_that_come_after_they_were_asked_away_are_not_shown(console: Console) -> None:
    choose(console, "JavaScript client")
    console.page.evaluate(
        """() => {
          const { sign } = crypto.subtle;
          crypto.subtle.sign = async (...given) => {
            await new Promise((resolve) => { window.release = resolve; });
            return sign.apply(crypto.subtle, given);
          };
        }"""
    )
    wanted = console.page.get_by_label("With credentials")
    wanted.check()
    until(lambda: console.page.evaluate("window.release !== undefined"))
    wanted.uncheck()
    # A task that begins after the token was signed finds the snippet written.
    console.page.evaluate("async () => { release(); await crypto.subtle.digest('SHA-1', new Uint8Array()); }")
    console.page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")
    expect(code(console)).not_to_contain_text("eyJ")


def test_rest_snippets_run_as_they_are_and_list_the_newest_messages(console: Console, twilio: Any) -> None:
    variables = environment(PARLEY_AUTH_TOKEN=console.stack.info["auth_token"])
    said = [f"earlier {number}" for number in range(5)]
    for text in said:
        twilio.chat.v2.services(console.service_sid).channels("general").messages.create(from_="alice", body=text)
    for flavour, command, text in (
        ("curl", ["sh", "-c"], "Hello from curl"),
        ("Python helper library", [sys.executable, "-c"], "Hello from Python"),
    ):
        program = [*command, choose(console, flavour)]
        done = subprocess.run(program, env=variables, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert text in done.stdout
        said.append(text)
        console.bob.sees(*said)


def test_client_snippets_run_as_they_are(console: Console) -> None:
    choose(console, "Python client")
    console.page.get_by_label("With credentials").check()
    expect(code(console)).to_contain_text("eyJ")
    variables = environment(PYTHONPATH=str(REPOSITORY / "clients" / "python"))
    running = subprocess.Popen([sys.executable, "-c", str(code(console).text_content())], env=variables)
    try:
        console.bob.sees("Hello from the Python client")
    finally:
        running.kill()
        running.wait()
    text = choose(console, "JavaScript client")
    # The snippet runs in the page itself. There, an import inside of a function is written as a promise.
    program = text.replace('import { Client } from "./parley.js"', 'const { Client } = await import("./parley.js")')
    assert program != text
    console.page.evaluate(f"async () => {{ {program} }}")
    console.bob.sees("Hello from the Python client", "Hello from the JavaScript client")


def test_a_snippet_is_copied(showcase: Console) -> None:
    showcase.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = choose(showcase, "curl")
    showcase.page.locator("#tool-snippets").get_by_role("button", name="Copy").click()
    expect(showcase.page.locator(".toast")).to_have_text("Copied.")
    assert showcase.page.evaluate("navigator.clipboard.readText()") == text
