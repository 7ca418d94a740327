"""The two examples in React: built in a folder of their own, and used in a browser."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from local.home import REPOSITORY
from tests.examples.programs import EXAMPLES, Place, free_port, running
from tests.support.node_packages import find_node, install, run

REACT_CHAT, REACT_TWILIO_SDK = "react-chat", "react-twilio-sdk"


class Example:
    """One of the two examples in a folder like a clone of the repository, with its packages installed."""

    def __init__(self, name: str, clone: Path) -> None:
        untested = f"the example {name} is"
        self.node, _ = find_node(untested)
        modules = install(EXAMPLES / name, name, untested)
        self.folder = clone / "examples" / name
        for one in (REACT_CHAT, REACT_TWILIO_SDK, "token-server"):
            shutil.copytree(
                EXAMPLES / one, clone / "examples" / one, ignore=shutil.ignore_patterns("node_modules", "dist")
            )
        programs = clone / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python").chmod(0o755)
        (self.folder / "node_modules").mkdir()
        for package in modules.iterdir():
            if package.name != "@parley":
                (self.folder / "node_modules" / package.name).symlink_to(package)
        # The installed copy may be older than the client of this repository.
        shutil.copytree(REPOSITORY / "clients" / "js", self.folder / "node_modules" / "@parley" / "client")

    def build(self) -> None:
        run(self.vite("build", str(self.folder)))

    def vite(self, *arguments: str) -> list[str]:
        return [self.node, str(self.folder / "node_modules" / "vite" / "bin" / "vite.js"), *arguments]

    @contextmanager
    def serving(self, place: Place, script: str) -> Iterator[str]:
        """What a script of `package.json` serves."""
        command = json.loads((self.folder / "package.json").read_text())["scripts"][script].split()
        assert command.pop(0) == "vite"
        where = ["--host", "127.0.0.1", "--port", str(free_port()), "--strictPort"]
        with running(self.vite(*command, str(self.folder), *where), place, r"http://127\.0\.0\.1:\S*\d+") as found:
            yield found[0]


class Person:
    """Somebody in a tab of the page."""

    def __init__(self, page: Page, url: str, name: str) -> None:
        self.page, self.url, self.name = page, url, name

    def signs_in(self) -> None:
        self.page.goto(self.url)
        self.page.get_by_label("Your name").fill(self.name)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("navigation")).to_contain_text(f"Signed in as {self.name}")

    def opens(self, channel: str) -> None:
        self.page.get_by_label("Create or join").fill(channel)
        self.page.get_by_role("button", name="Open").click()
        expect(self.page.get_by_role("heading")).to_have_text(channel)

    def adds(self, name: str) -> None:
        self.page.get_by_label("Person").fill(name)
        self.page.get_by_role("button", name="Add").click()

    def says(self, text: str) -> None:
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def in_list(self, channel: str) -> Locator:
        return (
            self.page.get_by_role("navigation").get_by_role("listitem").filter(has_text=channel).get_by_role("button")
        )

    @property
    def members(self) -> Locator:
        return self.page.get_by_role("list", name="Members").get_by_role("listitem")

    @property
    def messages(self) -> Locator:
        return self.page.locator(".message")
