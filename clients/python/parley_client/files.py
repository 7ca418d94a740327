"""Files: uploads and downloads over HTTP. Each file goes straight to or from the store. An upload:

    POST Uploads --> a link --> PUT the bytes there --> GET Media/<sid>: the server sees that they came

If a step fails for a reason that may pass, it is repeated as soon as the socket is connected. A repeated upload has a
new link. The server forgets a file that was not uploaded, or that no message carries.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import mimetypes
import os
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

from parley_client.errors import ClientClosed, ParleyError, RequestError, UnusableFile
from parley_client.payloads import MediaRecord, SessionResult
from parley_client.reprs import described
from parley_client.timing import Timing, pause
from parley_client.transfer import PIECE_BYTES, Stopped, Transfer, ask, in_thread, may_pass, receive, send

MOST_FILES = 10
_ATTEMPTS = 4
_MEGABYTE = 1_000_000
_SIZE_REFUSED = 50512
_THREADS = 4
_UNKNOWN_TYPE = "application/octet-stream"

Content = str | os.PathLike[str] | bytes | bytearray | memoryview
"""A path, or the bytes themselves."""
OnProgress = Callable[[int, int], object]
"""Hears how many bytes have gone or come, and how many there are."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class File:
    """A file to send, with a name and a type that its path does not say.

    Attributes:
        filename: By default the name at the end of the path; bytes have none.
        content_type: By default the type that the name suggests.
    """

    content: Content
    filename: str | None = None
    content_type: str | None = None

    def __repr__(self) -> str:
        return described(self, ("name", "kind"))

    @property
    def name(self) -> str | None:
        """The name to show."""
        return self.filename or (None if isinstance(self.content, bytes | bytearray | memoryview) else self._path.name)

    @property
    def kind(self) -> str:
        """The content type."""
        return self.content_type or mimetypes.guess_type(self.name or "")[0] or _UNKNOWN_TYPE

    @property
    def _path(self) -> Path:
        assert not isinstance(self.content, bytes | bytearray | memoryview)
        return Path(self.content)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The bytes, to read; raises UnusableFile if the file cannot be read."""
        if isinstance(self.content, bytes | bytearray | memoryview):
            yield BytesIO(self.content)
            return
        try:
            opened = self._path.open("rb")
        except OSError as error:
            raise UnusableFile(f"the file cannot be read: {error}") from error
        with opened:
            yield opened

    def measured(self, most_bytes: float, transfer: Transfer) -> tuple[int, str]:
        """Its size and its SHA-256 in hex digits.

        Raises:
            UnusableFile: it is empty or cannot be read.
            RequestError: it is larger than the server allows. The server would say so too, but only after all was read.
        """
        size, digest = 0, hashlib.sha256()
        with self.opened() as opened:
            if opened.seek(0, os.SEEK_END) > most_bytes:
                message = f"a file has at most {most_bytes / _MEGABYTE:.0f} MB"
                raise RequestError(413, _SIZE_REFUSED, message, "POST Uploads")
            opened.seek(0)
            while piece := _read(opened, PIECE_BYTES):
                transfer.check()
                digest.update(piece)
                size += len(piece)
        if not size:
            raise UnusableFile("an empty file cannot be sent")
        return size, digest.hexdigest()

    def pieces(self, size: int, on_read: Callable[[int], object]) -> Generator[bytes, None, None]:
        """Its first `size` bytes; raises UnusableFile if there are fewer."""
        read = 0
        with self.opened() as opened:
            while read < size:
                piece = _read(opened, min(PIECE_BYTES, size - read))
                if not piece:
                    raise UnusableFile("the file became shorter while it was sent")
                yield piece
                read += len(piece)
                on_read(read)


def _read(opened: BinaryIO, most: int) -> bytes:
    try:
        return opened.read(most)
    except OSError as error:
        raise UnusableFile(f"the file cannot be read: {error}") from error


class Files:
    """Uploads and fetches the files of a service.

    Args:
        request: Sends a request over the socket.
        token: The current token.
    """

    def __init__(self, request: Callable[..., Awaitable[Any]], token: Callable[[], str | None], timing: Timing) -> None:
        self._request = request
        self._token = token
        self._timing = timing
        self._threads = ThreadPoolExecutor(_THREADS, "parley files")
        self._transfers: set[Transfer] = set()
        self._is_over = False
        # What the URLs of the service's files begin with; None before the first session has begun.
        self._url: str | None = None
        self._most_bytes = math.inf

    def session_began(self, session: SessionResult) -> None:
        """The session says where the files are, and how large they may be."""
        self._url = session.get("media_url")
        self._most_bytes = session.get("media_size_limit_mb", math.inf) * _MEGABYTE

    def stop(self) -> None:
        """End all transfers."""
        self._is_over = True
        for transfer in self._transfers:
            transfer.cut()
        self._threads.shutdown(wait=False)

    async def upload(self, given: Sequence[File | Content], on_progress: OnProgress | None = None) -> list[str]:
        """Upload files and return their SIDs. A message must carry them within five minutes."""
        if not 1 <= len(given) <= MOST_FILES:
            raise ValueError(f"a message has 1 to {MOST_FILES} files, not {len(given)}")
        files = [one if isinstance(one, File) else File(one) for one in given]
        measures = [await self._work(partial(file.measured, self._most_bytes)) for file in files]
        total, before, sids = sum(size for size, _ in measures), 0, []
        for file, (size, digest) in zip(files, measures, strict=True):
            form = {"Size": size, "ContentType": file.kind, "Sha256": digest}
            if file.name is not None:
                form["Filename"] = file.name
            on_sent = partial(_told, on_progress, before, total)
            sids.append(await self._patiently(partial(self._put, file, form, on_sent)))
            before += size
        # The five minutes begin when the server sees a file, and uploading the others may take longer.
        await asyncio.gather(*(self.fetch(sid) for sid in sids))
        return sids

    async def _put(
        self, file: File, form: dict[str, Any], on_sent: Callable[[int], object], url: str, token: str
    ) -> str:
        ticket = await self._work(partial(ask, "POST", f"{url}/Uploads", token, form))
        loop, size = asyncio.get_running_loop(), form["Size"]
        pieces = file.pieces(size, lambda sent: loop.call_soon_threadsafe(on_sent, sent))
        await self._work(partial(send, ticket["upload"], size, pieces))
        return str(ticket["sid"])

    async def fetch(self, sid: str) -> Any:
        """The server's record of a file. Its links are new."""
        return await self._patiently(lambda url, token: self._work(partial(ask, "GET", _of(url, sid), token, None)))

    async def link(self, sid: str) -> str:
        """A URL under which everybody can fetch the file for some minutes."""
        return str((await self.fetch(sid))["links"]["content_direct_temporary"])

    async def download(self, sid: str, start: int, end: int | None, take: Callable[[bytes], object]) -> None:
        """Fetch it from one byte up to another. `take` gets the bytes in a thread. A repeat begins where it broke."""
        if start < 0 or (end is not None and end <= start):
            raise ValueError(f"there are no bytes from {start} up to {end}")
        received = start

        def count(piece: bytes) -> None:
            nonlocal received
            take(piece)
            received += len(piece)

        async def once(url: str, token: str) -> None:
            record = await self._work(partial(ask, "GET", _of(url, sid), token, None))
            is_whole = received == 0 and end is None
            byte_range = None if is_whole else f"bytes={received}-{'' if end is None else end - 1}"
            await self._work(partial(receive, record["links"]["content_direct_temporary"], byte_range, count))

        await self._patiently(once)

    async def save(self, sid: str, path: Path, on_progress: OnProgress | None, size: int) -> None:
        """Fetch a file into a file of this machine, which appears when all of it has come."""
        loop = asyncio.get_running_loop()
        received = 0
        partial_path = path.with_name(f"{path.name}.part")
        try:
            with partial_path.open("wb") as target:

                def take(piece: bytes) -> None:
                    nonlocal received
                    target.write(piece)
                    received += len(piece)
                    if on_progress is not None:
                        loop.call_soon_threadsafe(on_progress, received, size)

                await self.download(sid, 0, None, take)
            partial_path.replace(path)
        finally:
            with suppress(OSError):
                partial_path.unlink(missing_ok=True)

    async def _work(self, work: Callable[[Transfer], T]) -> T:
        if self._is_over:
            raise ClientClosed("the client was shut down")
        transfer = Transfer()
        self._transfers.add(transfer)
        try:
            return await in_thread(self._threads, work, transfer)
        except Stopped:
            raise ClientClosed("the client was shut down") from None
        finally:
            self._transfers.discard(transfer)

    async def _patiently(self, step: Callable[[str, str], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            attempt += 1
            url = self._url or await self._ask_where()
            try:
                return await step(url, self._token() or "")
            except ParleyError as error:
                if attempt == _ATTEMPTS or not may_pass(error):
                    raise
            await pause(self._timing, 1 + 3 * self._timing.random())
            # This waits for a connection, which has a good token.
            await self._ask_where()

    async def _ask_where(self) -> str:
        self.session_began(await self._request("fetchSession"))
        assert self._url is not None
        return self._url


def _of(url: str, sid: str) -> str:
    return f"{url}/Media/{quote(sid, safe='')}"


def _told(on_progress: OnProgress | None, before: int, total: int, sent: int) -> None:
    if on_progress is not None:
        on_progress(before + sent, total)


class Media:
    """A file of a message. Its bytes never change; they go with the message."""

    def __init__(self, files: Files, record: MediaRecord) -> None:
        self._files = files
        self.sid: str = record["sid"]
        self.size: int | None = record.get("size")
        self.content_type: str | None = record.get("content_type")
        self.filename: str | None = record.get("filename")
        self.category: str = record.get("category") or "media"

    def __repr__(self) -> str:
        return described(self, ("filename", "content_type", "size", "sid"))

    async def get_content_temporary_url(self) -> str:
        """A URL under which everybody can fetch the file for some minutes, without a token."""
        return await self._files.link(self.sid)

    async def download(self, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from `start` up to, but not including, `end`; by default all of them."""
        pieces: list[bytes] = []
        await self._files.download(self.sid, start, end, pieces.append)
        return b"".join(pieces)

    async def save(self, path: str | os.PathLike[str], on_progress: OnProgress | None = None) -> None:
        """Fetch the file into a file of this machine, a piece at a time. It appears when all of it has come."""
        await self._files.save(self.sid, Path(path), on_progress, self.size or 0)
