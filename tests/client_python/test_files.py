"""Files: uploads by ticket, their progress, repeats and ends; links and downloads. The server and the store are fakes."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parley_client import (
    Channel,
    ClientClosed,
    File,
    Media,
    RequestError,
    RequestTimeout,
    TransferFailed,
    UnusableFile,
)
from parley_client.transfer import Transfer
from tests.client_python.fake_files import FakeFiles, serving_files
from tests.client_python.fakes import Lab, Listener, added, message, soon, until

pytestmark = pytest.mark.anyio

PICTURE = b"a picture"


@pytest.fixture
def files() -> Iterator[FakeFiles]:
    with serving_files() as files:
        yield files


@pytest.fixture
async def channel(lab: Lab, files: FakeFiles) -> Channel:
    """A channel of a client whose service has files."""
    session = lab.server.answers["fetchSession"]
    lab.server.answers["fetchSession"] = lambda frame: {
        **session(frame),
        "media_url": files.url,
        "media_size_limit_mb": 60,
    }
    lab.server.answers["sendMessage"] = lambda frame: message(lab.server.count("sendMessage") - 1, 11)
    _, channel = await lab.in_channel()
    return channel


async def sending(channel: Channel, *given: Any, **named: Any) -> asyncio.Task[int]:
    return asyncio.create_task(channel.send_media(*given, **named))


async def passing(lab: Lab, task: asyncio.Task[Any]) -> Any:
    """What comes of a task if time passes whenever the client waits."""

    def is_done() -> bool:
        if 1.0 in lab.timing.waits():
            lab.timing.advance(1.0)
        return task.done()

    await until(is_done)
    return await task


async def test_a_file_is_announced_put_into_the_store_seen_by_the_server_and_sent(
    lab: Lab, files: FakeFiles, channel: Channel, tmp_path: Path
) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PICTURE)
    assert await soon(channel.send_media(path, body="look", attributes={"a": 1})) == 0
    assert files.asked == ["POST /Uploads", "PUT /store/ME1", "GET /Media/ME1"]
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert files.tickets == [{"Size": "9", "ContentType": "image/png", "Sha256": digest, "Filename": "cat.png"}]
    assert files.stored == {"ME1": PICTURE}
    assert lab.server.last("sendMessage") == {
        "channel": channel.sid,
        "body": "look",
        "attributes": {"a": 1},
        "media_sid": "ME1",
    }


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        (PICTURE, "application/octet-stream", None),
        (bytearray(PICTURE), "application/octet-stream", None),
        (File(PICTURE, "cat.jpg"), "image/jpeg", "cat.jpg"),
        (File(PICTURE, "cat", "image/webp"), "image/webp", "cat"),
    ],
)
async def test_bytes_and_files_with_names_have_a_type(
    files: FakeFiles, channel: Channel, given: Any, kind: str, name: str | None
) -> None:
    await soon(channel.send_media(given))
    assert (files.tickets[0]["ContentType"], files.tickets[0].get("Filename")) == (kind, name)
    assert files.stored == {"ME1": PICTURE}


async def test_several_files_become_one_message_and_the_server_sees_each_only_when_all_are_in_the_store(
    lab: Lab, files: FakeFiles, channel: Channel
) -> None:
    told: list[tuple[int, int]] = []
    await soon(channel.send_media(b"one", b"three", on_progress=lambda sent, total: told.append((sent, total))))
    assert files.asked[:4] == ["POST /Uploads", "PUT /store/ME1", "POST /Uploads", "PUT /store/ME2"]
    assert sorted(files.asked[4:]) == ["GET /Media/ME1", "GET /Media/ME2"]
    assert lab.server.last("sendMessage") == {"channel": channel.sid, "media_sids": ["ME1", "ME2"]}
    assert told == [(3, 8), (8, 8)]


async def test_progress_is_told_often_and_in_order(files: FakeFiles, channel: Channel) -> None:
    told: list[tuple[int, int]] = []
    large = bytes(1_000_000)
    await soon(channel.send_media(large, on_progress=lambda sent, total: told.append((sent, total))))
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == (1_000_000, 1_000_000)
    assert files.stored["ME1"] == large


async def test_a_large_file_is_never_in_memory_as_a_whole(files: FakeFiles, channel: Channel, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as film:
        film.truncate(40_000_000)
    tracemalloc.start()
    await soon(channel.send_media(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert files.digests == [files.tickets[0]["Sha256"]]
    assert peak < 5_000_000


@pytest.mark.parametrize("given", [[], [PICTURE] * 11])
async def test_a_message_has_one_to_ten_files(files: FakeFiles, channel: Channel, given: list[bytes]) -> None:
    with pytest.raises(ValueError, match="1 to 10 files"):
        await soon(channel.send_media(*given))
    assert files.asked == []


async def test_a_file_that_is_empty_or_cannot_be_read_is_refused_before_anything_is_sent(
    files: FakeFiles, channel: Channel, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    for unusable, why in ((tmp_path / "empty", "empty"), (tmp_path / "none", "none"), (tmp_path, "read")):
        with pytest.raises(UnusableFile, match=why):
            await soon(channel.send_media(PICTURE, unusable))
    assert files.asked == []


async def test_a_file_that_is_larger_than_the_session_allows_is_refused_before_it_is_read(
    files: FakeFiles, channel: Channel, tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as film:
        film.truncate(60_000_001)
    with pytest.raises(RequestError, match="at most 60 MB") as refused:
        await soon(channel.send_media(PICTURE, path))
    assert (refused.value.status, refused.value.code, files.asked) == (413, 50512, [])


async def test_a_file_that_is_too_large_is_refused_with_the_servers_code_and_once(
    lab: Lab, files: FakeFiles, channel: Channel
) -> None:
    files.refusals = [(413, 50512)]
    with pytest.raises(RequestError) as refused:
        await soon(channel.send_media(PICTURE))
    assert (refused.value.status, refused.value.code) == (413, 50512)
    assert (files.asked, lab.server.count("sendMessage")) == (["POST /Uploads"], 0)


@pytest.mark.parametrize("mishap", ["break", 403, 500, 503])
async def test_an_upload_that_fails_is_repeated_with_a_new_link(
    lab: Lab, files: FakeFiles, channel: Channel, mishap: int | str
) -> None:
    files.mishaps = [mishap]
    assert await passing(lab, await sending(channel, PICTURE)) == 0
    assert files.stored == {"ME2": PICTURE}
    assert lab.server.last("sendMessage")["media_sid"] == "ME2"


async def test_an_upload_that_fails_four_times_fails_for_good(lab: Lab, files: FakeFiles, channel: Channel) -> None:
    files.mishaps = [503] * 4
    with pytest.raises(TransferFailed) as failed:
        await passing(lab, await sending(channel, PICTURE))
    assert (failed.value.status, len(files.tickets), lab.server.count("sendMessage")) == (503, 4, 0)


async def test_bytes_that_the_store_refuses_are_not_sent_again(files: FakeFiles, channel: Channel) -> None:
    files.mishaps = [400]
    with pytest.raises(TransferFailed, match="400"):
        await soon(channel.send_media(PICTURE))


@pytest.mark.parametrize("refusal", [(429, 20429), (500, 20500), (401, 20104)])
async def test_a_request_that_the_api_refuses_for_the_moment_is_repeated(
    lab: Lab, files: FakeFiles, channel: Channel, refusal: tuple[int, int]
) -> None:
    files.refusals = [refusal]
    assert await passing(lab, await sending(channel, PICTURE)) == 0
    assert files.asked.count("POST /Uploads") == 2


async def test_an_upload_uses_the_current_token(lab: Lab, files: FakeFiles, channel: Channel) -> None:
    token = lab.token()
    await lab.listeners[0].client.update_token(token)
    await soon(channel.send_media(PICTURE))
    assert files.tokens == [token, token]


async def test_without_a_connection_a_repeat_waits_half_a_minute_and_fails(
    lab: Lab, files: FakeFiles, channel: Channel
) -> None:
    files.mishaps = ["break"]
    lab.server.silent.add("fetchSession")
    task = await sending(channel, PICTURE)
    await until(lambda: 1.0 in lab.timing.waits())
    lab.timing.advance(1.0)
    await lab.server.asked("fetchSession", 2)
    lab.timing.advance(31.0)
    with pytest.raises(RequestTimeout):
        await soon(task)
    assert len(files.tickets) == 1


async def test_a_cancelled_upload_stops_at_once_and_sends_no_message(
    lab: Lab, files: FakeFiles, channel: Channel
) -> None:
    files.mishaps = ["hang"]
    task = await sending(channel, bytes(50_000_000))
    await asyncio.to_thread(files.is_hanging.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)
    files.goes_on.set()
    assert await asyncio.to_thread(files.ended.wait, 60)
    assert files.taken < 50_000_000
    assert lab.server.count("sendMessage") == 0


async def test_a_client_that_shuts_down_ends_its_uploads(lab: Lab, files: FakeFiles, channel: Channel) -> None:
    files.mishaps = ["hang"]
    task = await sending(channel, bytes(50_000_000))
    await asyncio.to_thread(files.is_hanging.wait, 60)
    await lab.listeners[0].client.shutdown()
    with pytest.raises(ClientClosed):
        await soon(task)
    files.goes_on.set()
    assert await asyncio.to_thread(files.ended.wait, 60)
    assert files.taken < 50_000_000
    with pytest.raises(ClientClosed):
        await soon(channel.send_media(PICTURE))


async def test_a_file_that_shrinks_while_it_is_sent_is_not_sent(
    files: FakeFiles, channel: Channel, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(PICTURE)

    class Shrinking(File):
        def measured(self, most_bytes: float, transfer: Transfer) -> tuple[int, str]:
            measured = File(path).measured(most_bytes, transfer)
            path.write_bytes(PICTURE[:2])
            return measured

    with pytest.raises(UnusableFile, match="shorter"):
        await soon(channel.send_media(Shrinking(path)))
    assert files.stored == {}


async def media_of(lab: Lab, files: FakeFiles, listener: Listener, content: bytes = b"0123456789") -> Media:
    """A file of a message that the client has heard."""
    files.stored["ME9"] = content
    record = {"sid": "ME9", "size": len(content), "content_type": "text/plain", "filename": "digits.txt"}
    await lab.server.socket.push(added(0, 11, type="media", body=None, media=record))
    media: Media = (await listener.heard("messageAdded")).message.media
    return media


async def test_a_message_shows_all_its_files(lab: Lab, channel: Channel) -> None:
    one, two = ({"sid": sid, "size": 3, "content_type": "image/png", "filename": None} for sid in ("ME1", "ME2"))
    await lab.server.socket.push(added(0, 11, type="media", body=None, media=one, medias=[one, two]), added(1, 12))
    listener = lab.listeners[0]
    shown = (await listener.heard("messageAdded")).message
    assert [media.sid for media in shown.attached_media] == ["ME1", "ME2"]
    media = shown.media
    assert (media.sid, media.size, media.content_type, media.filename) == ("ME1", 3, "image/png", None)
    plain = (await listener.heard("messageAdded", 2)).message
    assert (plain.media, plain.attached_media) == (None, [])


async def test_a_file_has_a_link_that_is_asked_for_each_time(lab: Lab, files: FakeFiles, channel: Channel) -> None:
    media = await media_of(lab, files, lab.listeners[0])
    assert await soon(media.get_content_temporary_url()) == f"{files.url}/moved/ME9"
    await soon(media.get_content_temporary_url())
    assert files.asked == ["GET /Media/ME9", "GET /Media/ME9"]


@pytest.mark.parametrize(
    ("given", "asked", "bytes_"),
    [
        ((), None, b"0123456789"),
        ((2, 5), "bytes=2-4", b"234"),
        ((8,), "bytes=8-", b"89"),
        ((0, 3), "bytes=0-2", b"012"),
    ],
)
async def test_a_file_is_fetched_as_a_whole_or_in_part(
    lab: Lab, files: FakeFiles, channel: Channel, given: tuple[int, ...], asked: str | None, bytes_: bytes
) -> None:
    media = await media_of(lab, files, lab.listeners[0])
    assert await soon(media.download(*given)) == bytes_
    assert files.ranges == [asked]


async def test_a_download_that_breaks_goes_on_where_it_broke_over_a_new_link(
    lab: Lab, files: FakeFiles, channel: Channel
) -> None:
    media = await media_of(lab, files, lab.listeners[0])
    files.mishaps = [403, 4]
    assert await passing(lab, asyncio.create_task(media.download())) == b"0123456789"
    assert files.ranges == [None, None, "bytes=4-"]


async def test_a_file_is_saved_under_its_path_when_all_of_it_has_come(
    lab: Lab, files: FakeFiles, channel: Channel, tmp_path: Path
) -> None:
    media = await media_of(lab, files, lab.listeners[0], bytes(1_000_000))
    told: list[tuple[int, int]] = []
    await soon(media.save(tmp_path / "saved", lambda got, total: told.append((got, total))))
    assert (tmp_path / "saved").read_bytes() == bytes(1_000_000)
    assert told[-1] == (1_000_000, 1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


async def test_a_download_that_is_cancelled_leaves_no_file(
    lab: Lab, files: FakeFiles, channel: Channel, tmp_path: Path
) -> None:
    media = await media_of(lab, files, lab.listeners[0])
    files.mishaps = ["hang"]
    task = asyncio.create_task(media.save(tmp_path / "saved"))
    await asyncio.to_thread(files.is_hanging.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)
    files.goes_on.set()
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_gone_or_a_range_beyond_its_end_cannot_be_fetched(
    lab: Lab, files: FakeFiles, channel: Channel
) -> None:
    media = await media_of(lab, files, lab.listeners[0])
    for wrong in ((3, 3), (-1,), (5, 2)):
        with pytest.raises(ValueError, match="no bytes"):
            await soon(media.download(*wrong))
    files.refusals = [(404, 20404)]
    with pytest.raises(RequestError, match="404"):
        await soon(media.get_content_temporary_url())
    files.mishaps = [416]
    with pytest.raises(TransferFailed, match="416"):
        await soon(media.download(10))
