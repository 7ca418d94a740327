"""Files in the console: chosen, dropped or pasted, sent, shown, and played."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Download, Response, Route, expect

from tests.console.attaching import API, PICTURE, STORE, TABLE, chooses, named, sends, shows_picture, transferred, tray
from tests.console.console import Console
from tests.console.films import colour_at, make_film
from tests.support.waiting import until

FILM_MEGABYTES = int(os.environ.get("PARLEY_LARGE_FILE_MB", "3"))
FILM_SECONDS = 30


def test_a_picture_that_alice_chooses_is_shown_to_bob(console: Console) -> None:
    chooses(console.alice, PICTURE)
    expect(tray(console.alice)).to_have_text(["cat.png"])
    console.alice.types("Look")
    sends(console.alice)
    for person in (console.alice, console.bob):
        person.sees("Look")
        shows_picture(person)
    expect(console.bob.within(".picture img")).to_have_attribute("alt", "cat.png")
    expect(tray(console.alice)).to_have_count(0)


def test_several_files_go_with_one_message_and_one_can_be_taken_out_before(console: Console) -> None:
    chooses(console.alice, PICTURE, TABLE)
    chooses(console.alice, named("wrong.bin"))
    expect(tray(console.alice)).to_have_text(["cat.png", "table.csv", "wrong.bin"])
    console.alice.button("Remove wrong.bin").click()
    expect(tray(console.alice)).to_have_text(["cat.png", "table.csv"])
    sends(console.alice)
    shows_picture(console.bob)
    expect(console.bob.within(".message")).to_have_count(1)
    expect(console.bob.within(".file-card")).to_have_text(["table.csv8 bytes"])


def test_files_may_be_dropped_on_a_conversation(console: Console) -> None:
    conversation = console.alice.within(".conversation")
    dropped = {"dataTransfer": transferred(console.page, PICTURE)}
    conversation.dispatch_event("dragover", dropped)
    expect(console.alice.within(".dropping")).to_have_count(1)
    conversation.dispatch_event("drop", dropped)
    expect(console.alice.within(".dropping")).to_have_count(0)
    expect(tray(console.alice)).to_have_text(["cat.png"])
    expect(console.alice.field).to_be_focused()
    console.page.keyboard.press("Enter")
    shows_picture(console.bob)


def test_a_file_that_is_dropped_beside_the_panes_does_not_replace_the_page(console: Console) -> None:
    dropped = console.page.evaluate(
        """(dataTransfer) => {
          const event = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
          document.querySelector('header').dispatchEvent(event);
          return event.defaultPrevented;
        }""",
        transferred(console.page, PICTURE),
    )
    assert dropped is True
    expect(tray(console.alice)).to_have_count(0)


def test_a_picture_may_be_pasted(console: Console) -> None:
    console.alice.field.focus()
    console.page.evaluate(
        """(clipboardData) => document.activeElement.dispatchEvent(
          new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))""",
        transferred(console.page, PICTURE),
    )
    expect(tray(console.alice)).to_have_text(["cat.png"])
    console.page.keyboard.press("Enter")
    shows_picture(console.bob)


def test_more_files_than_a_message_has_are_left_out_and_somebody_hears_of_it(console: Console) -> None:
    chooses(console.alice, *(named(f"{number}.bin") for number in range(11)))
    expect(tray(console.alice)).to_have_count(10)
    expect(console.page.locator(".toast")).to_have_text(["A message has at most 10 files"])


def test_an_upload_shows_its_progress_and_can_be_cancelled(console: Console) -> None:
    held: list[Route] = []
    given_up: list[str] = []
    console.page.route(STORE, lambda route: held.append(route))
    console.page.on("requestfailed", lambda request: given_up.append(request.method))
    chooses(console.alice, PICTURE)
    console.alice.types("Never sent")
    sends(console.alice)
    expect(console.alice.within(".pending progress")).to_be_visible()
    until(lambda: console.page.evaluate("true") and held, what="the upload to begin")
    console.alice.button("Cancel").click()
    expect(console.alice.within(".pending")).to_have_count(0)
    # An upload of which nothing moves ends by itself, after a minute.
    until(lambda: console.page.evaluate("true") and given_up == ["PUT"], 30.0, "the upload to end")
    console.page.unroute(STORE)
    console.alice.says("Sent instead")
    console.bob.sees("Sent instead")


def test_a_file_that_the_service_refuses_is_not_sent_and_the_reason_is_shown(
    console: Console, problems: list[str]
) -> None:
    refusal = {"status": 413, "code": 50512, "message": "Media size is not acceptable"}
    console.page.route(API, lambda route: route.fulfill(status=413, body=json.dumps(refusal)))
    chooses(console.alice, named("film.mp4"))
    sends(console.alice)
    failed = console.alice.within(".pending .failed")
    expect(failed).to_contain_text("Not sent: Media size is not acceptable (50512)")
    console.page.unroute(API)
    failed.get_by_role("button", name="Try again").click()
    expect(console.bob.within(".file-card")).to_have_text(["film.mp410 bytes"])
    expect(console.alice.within(".pending")).to_have_count(0)
    problems.clear()


def test_a_picture_whose_link_has_died_gets_a_new_one(console: Console, problems: list[str]) -> None:
    dead: list[str] = []

    def answer(route: Route) -> None:
        if dead:
            route.continue_()
        else:
            dead.append(route.request.url)
            route.fulfill(status=404)

    console.page.route("**/Temporary?**", answer)
    chooses(console.alice, PICTURE)
    sends(console.alice)
    shows_picture(console.alice)
    shows_picture(console.bob)
    assert len(dead) == 1
    problems.clear()


def test_a_picture_that_no_link_shows_is_listed_as_a_file(unopened: Console, problems: list[str]) -> None:
    page, asked = unopened.page, []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404)

    page.clock.install()
    page.route("**/Temporary?**", answer)
    unopened.open("bob")
    chooses(unopened.bob, PICTURE)
    sends(unopened.bob)
    for links, pause in ((2, 2_000), (3, 8_000), (4, 0)):
        until(lambda links=links: page.evaluate("true") and len(asked) == links, what="another link")  # type: ignore[misc]
        page.clock.run_for(pause)
    expect(unopened.bob.within(".file-card .file-name")).to_have_text(["cat.png"])
    assert len(asked) == 4
    problems.clear()


def test_pictures_far_above_are_not_fetched_before_somebody_scrolls_to_them(console: Console, general: Any) -> None:
    chooses(console.alice, PICTURE)
    sends(console.alice)
    shows_picture(console.bob)
    for number in range(25):
        general.messages.create(from_="bob", body=f"line {number}\n\n\n")
    asked: list[str] = []
    console.page.on("request", lambda request: "/Temporary?" in request.url and asked.append(request.url))
    console.page.reload()
    console.await_ready()
    expect(console.alice.within(".message")).to_have_count(26)
    expect(console.alice.within(".picture img")).to_have_count(1)
    assert asked == []
    box = "(picture) => { const { width, height } = picture.getBoundingClientRect(); return [width, height]; }"
    before = console.alice.within(".picture").evaluate(box)
    shows_picture(console.alice)
    assert console.alice.within(".picture").evaluate(box) == before
    assert before[0] > 100


def test_a_file_that_is_no_picture_is_saved_under_its_name(console: Console) -> None:
    chooses(console.alice, TABLE)
    sends(console.alice)
    downloads: list[Download] = []

    def note(download: Download) -> None:
        downloads.append(download)

    console.page.on("download", note)
    console.page.context.on("page", lambda page: page.on("download", note))
    console.bob.within(".file-card").click()
    until(lambda: console.page.evaluate("true") and downloads, what="the file")
    assert downloads[0].suggested_filename == "table.csv"
    assert Path(downloads[0].path()).read_bytes() == b"a,b\n1,2\n"


def test_the_text_beside_a_file_cannot_be_edited(console: Console) -> None:
    chooses(console.alice, PICTURE)
    console.alice.types("Look")
    sends(console.alice)
    console.alice.sees("Look")
    expect(console.alice.button("Delete message")).to_have_count(1)
    expect(console.alice.button("Edit message")).to_have_count(0)
    console.alice.field.focus()
    console.page.keyboard.press("ArrowUp")
    expect(console.alice.field).to_have_value("")


def test_keys_reach_the_file_of_a_message(console: Console) -> None:
    chooses(console.alice, PICTURE)
    sends(console.alice)
    shows_picture(console.alice)
    console.alice.within(".message").focus()
    console.page.keyboard.press("Tab")
    expect(console.alice.within(".picture")).to_be_focused()


def test_bob_plays_a_film_of_alices_and_seeks_in_it(console: Console, tmp_path: Path) -> None:
    film = tmp_path / "film.webm"
    make_film(console.page, film, FILM_MEGABYTES * 1_000_000, FILM_SECONDS)
    peak = Peak(console)
    answers: list[Response] = []
    console.page.on("response", lambda response: answers.append(response))
    chooses(console.alice, film)
    sends(console.alice)
    expect(console.bob.within("video.player")).to_have_count(1)
    video = console.bob.within("video.player").element_handle()
    console.page.wait_for_function("(video) => video.duration > 0", arg=video)
    assert video.evaluate("(video) => video.duration") == FILM_SECONDS
    for second in (25, 3, 17):
        video.evaluate(SEEK, second)
        until(lambda second=second: _shows(video.evaluate(COLOUR), second), what=f"the picture of second {second}")  # type: ignore[misc]
    parts = [answer.headers["content-range"] for answer in answers if answer.status == 206]
    starts = [int(part.removeprefix("bytes ").partition("-")[0]) for part in parts]
    if FILM_MEGABYTES >= 20:  # Of a small film, a browser has everything before somebody seeks.
        assert max(starts) > FILM_MEGABYTES * 600_000
    assert starts
    # With what the functions need at rest, that stays far below the 256 MB.
    peak.grew_by_at_most(40)


SEEK = """async (video, second) => {
  const sought = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }));
  video.currentTime = second + 0.5;
  await sought;
}"""
# A browser that is busy draws the picture a moment after it has told that the seek is over.
COLOUR = """(video) => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 2, height: 2 });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 2, 2);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


def _shows(colour: list[int], second: int) -> bool:
    return all(abs(one - other) < 8 for one, other in zip(colour, colour_at(second), strict=True))


class Peak:
    """How much more memory the process of the functions has had at most since this was made."""

    def __init__(self, console: Console) -> None:
        self._folder = Path(f"/proc/{console.stack.pids['gateway']}")
        if self._folder.exists():
            # From here on, Linux counts anew.
            (self._folder / "clear_refs").write_text("5")
            self._before = self._kilobytes()

    def _kilobytes(self) -> int:
        lines = dict(line.split(":", 1) for line in (self._folder / "status").read_text().splitlines())
        return int(lines["VmHWM"].split()[0])

    def grew_by_at_most(self, megabytes: int) -> None:
        if self._folder.exists():  # Other systems do not tell.
            assert self._kilobytes() - self._before < megabytes * 1024
