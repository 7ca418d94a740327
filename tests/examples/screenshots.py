"""Writes the screenshots of the page in React in `docs/images/`: `python -m tests.examples.screenshots`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from local.stack.running import start_stack
from tests.console.browser import PHONE, chromium, find_chromium, tab
from tests.console.screenshots import IMAGES, seed
from tests.end_to_end.clients import helper_library
from tests.examples.programs import Place
from tests.examples.react import REACT_CHAT, Example, Person

WINDOW = {"viewport": {"width": 1120, "height": 720}}


def main() -> int:
    program = find_chromium()
    if program is None:
        print("Chromium is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="parley-") as folder, chromium(program) as browser:
        example = Example(REACT_CHAT, Path(folder) / "clone")
        example.build()
        stack = start_stack(Path(folder) / "home")
        try:
            service = seed(stack)
            settings = Path(folder) / "settings.json"
            settings.write_text(json.dumps({**stack.info, "service_sid": service.sid}))
            place = Place(stack.info, service.sid, settings)
            with (
                example.serving(place, "preview") as url,
                tab(browser, [], WINDOW) as page,
                tab(browser, [], PHONE) as phone,
            ):
                alice, bob = Person(page, url, "alice"), Person(phone, url, "bob")
                for person in (alice, bob):
                    person.signs_in()
                    person.in_list("General").click()
                channels = helper_library(stack.info).chat.v2.services(service.sid).channels
                release = next(one for one in channels.list(type=["private"]) if one.friendly_name == "Release 2.4")
                for body in ("The notes are done.", "Who reads them?"):
                    release.messages.create(from_="bob", body=body)
                expect(alice.in_list("Release 2.4")).to_contain_text("2 unread")
                alice.says("Shall I take the error texts too?")
                for person in (alice, bob):
                    expect(person.messages.last).to_contain_text("Shall I")
                expect(phone.locator(".typing")).to_be_empty()
                expect(alice.messages.last).to_contain_text("Read by bob")
                phone.screenshot(path=IMAGES / "react-phone.png")
                bob.page.get_by_label("Message", exact=True).press_sequentially("Yes please, I")
                expect(page.locator(".typing")).not_to_be_empty()
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                    page.screenshot(path=IMAGES / f"react-{theme}.png")
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
