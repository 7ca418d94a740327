"""Files for the console: how somebody chooses, drops or pastes them, and sees those of messages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.console.console import Person
from tests.support.waiting import until

# The addresses of the store and of the API for files, as a page's requests name them.
STORE = "**/_aws/s3/**"
API = "**/media/v1/**"


def blue(x: int, y: int) -> tuple[int, int, int]:
    return 32, 128, 192


def png(width: int = 12, height: int = 8, colour: Callable[[int, int], tuple[int, int, int]] = blue) -> bytes:
    """A picture of that size, with a colour at each point."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    rows = b"".join(b"\0" + b"".join(bytes(colour(x, y)) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds: int = 1) -> bytes:
    """Silence."""
    rate = 8000
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    sound = b"\x80" * rate * seconds
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def named(name: str, content: bytes = b"some bytes", kind: str = "application/octet-stream") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


PICTURE = named("cat.png", png(), "image/png")
SOUND = named("tone.wav", wav(), "audio/wav")
TABLE = named("table.csv", b"a,b\n1,2\n", "text/csv")


def chooses(person: Person, *files: FilePayload | Path) -> None:
    """Choose files as the button lets somebody do."""
    with person.page.expect_file_chooser() as chooser:
        person.button("Attach files").click()
    chooser.value.set_files(list(files))  # type: ignore[arg-type]


def transferred(page: Page, *files: FilePayload) -> Any:
    """A `DataTransfer` with files."""
    given = [[file["name"], file["mimeType"], list(file["buffer"])] for file in files]
    return page.evaluate_handle(
        """(files) => {
          const transfer = new DataTransfer();
          for (const [name, type, bytes] of files) transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));
          return transfer;
        }""",
        given,
    )


def tray(person: Person) -> Locator:
    return person.within(".tray .file-name")


def sends(person: Person) -> None:
    person.button("Send").click()


def shows_picture(person: Person, width: int = 12) -> None:
    """A picture has come, and is this one."""
    image = person.within(".message .picture img").last
    expect(image).to_be_visible()

    def has_come() -> bool:
        # A message that comes meanwhile may scroll the list to its end again.
        image.scroll_into_view_if_needed()
        return bool(image.evaluate("(image, width) => image.naturalWidth === width", width))

    until(has_come, what=f"the picture at {person.identity}'s")
