"""Acts with files. `tests.rest.everything` has those of a back end on an uploaded file."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from parley.store import keys
from tests.faults.act import DONE, Act, handler_of, raw_of, status_of
from tests.faults.acts_in_background import carry_out
from tests.faults.scene import SETTLED_SECONDS, Scene
from tests.sockets.deployment import sample
from tests.support.files import store as upload_to
from tests.support.world import World


class Files:
    """What the acts prepare: each method stores what an act needs, and returns facts that the act's `do` takes."""

    @staticmethod
    def two(scene: Scene) -> list[str]:
        """Two files that alice's back end has uploaded: one in a request, one by a link that was not asked for since."""
        uploaded = scene.rest("POST", f"{scene.media}/Media", b"abc", headers={"Content-Type": "image/png"}).json["sid"]
        ticket = Files.put(scene)
        return [uploaded, ticket["sid"]]

    @staticmethod
    def put(scene: Scene) -> dict[str, Any]:
        """A ticket whose file was PUT."""
        form = {"ContentType": "image/png", "Size": 3, "Sha256": hashlib.sha256(b"abc").hexdigest()}
        ticket: dict[str, Any] = scene.rest.post(f"{scene.media}/Uploads", form)
        upload = ticket["upload"]
        assert scene.world.store.ask("PUT", upload["url"], upload["headers"], b"abc").status == 200
        return ticket

    @staticmethod
    def sent(scene: Scene) -> str:
        """The path of a message with two files."""
        form = [("MediaSid", sid) for sid in Files.two(scene)]
        path = f"{scene.phones['thread']}/Messages"
        return f"{path}/{scene.rest.post(path, form)['sid']}"

    @staticmethod
    def of_carol(scene: Scene) -> str:
        """A file that carol has uploaded."""
        return upload_to(scene.world, scene.house.sid, "carol")

    @staticmethod
    def gone(scene: Scene) -> list[dict[str, Any]]:
        """The job that deletes the objects of a message that was deleted."""
        assert scene.rest("DELETE", Files.sent(scene)).status == 204
        scene.webhooks.plan()
        jobs, scene.webhooks.work.discards = scene.webhooks.work.discards, []
        return jobs

    @staticmethod
    def channel_gone(scene: Scene) -> list[dict[str, Any]]:
        """The sweep of a channel in which a message has files."""
        path = Files.sent(scene).rpartition("/Messages/")[0]
        scene.webhooks.skip_stream()
        assert scene.rest("DELETE", path).status == 204
        scene.world.clock.advance(SETTLED_SECONDS)
        scene.deployment.announce()
        scene.webhooks.plan()
        return [{"job": "sweep", **job} for job in scene.webhooks.work.take()]

    @staticmethod
    def expire(scene: Scene, container: World, sids: list[str]) -> int:
        """Remove the records of files as TTL does."""
        found = container.table.fetch_many(map(keys.media, sids))
        container.table.erase_many(keys.media(record["sid"]) for record in found.values() if "expires_at" in record)
        return DONE


def _upload(scene: Scene, container: World, prepared: Any) -> int:
    headers = {"Content-Type": "image/png"}
    return raw_of(scene, container)("POST", f"{scene.media}/Media", b"abc", headers=headers).status


def _ask_for(scene: Scene, container: World, ticket: dict[str, Any]) -> int:
    return raw_of(scene, container)("GET", ticket["url"]).status


def _attach(scene: Scene, container: World, sids: list[str]) -> int:
    form = [("MediaSid", sid) for sid in sids]
    return raw_of(scene, container)("POST", f"{scene.phones['thread']}/Messages", form).status


def _attach_by_socket(scene: Scene, container: World, sid: str) -> int:
    event = sample("ws_message")
    event["requestContext"] |= {"connectionId": scene.carol.connection_id}
    frame = {"id": "0123456789abcdef", "action": "sendMessage", "channel": scene.room.sid, "media_sids": [sid]}
    event["body"] = json.dumps(frame)
    answer = handler_of(scene, "ws_message", container)(event)
    return status_of(answer["body"])


def _delete(scene: Scene, container: World, path: str) -> int:
    return raw_of(scene, container)("DELETE", path).status


FILES = [
    Act("files:upload", _upload),
    Act("files:make ready", _ask_for, Files.put),
    Act("files:attach", _attach, Files.two),
    Act("files:attach over a socket", _attach_by_socket, Files.of_carol),
    Act("files:delete their message", _delete, Files.sent),
    Act("job:discard", carry_out, Files.gone, is_repeated=True),
    Act("job:sweep channel with files", carry_out, Files.channel_gone, is_repeated=True),
]


# What may happen to the same two files at the same moment.
OF_FILES = [
    Act("files:attach", _attach, Files.two),
    Act("files:attach elsewhere", lambda scene, container, sids: _attach(scene, container, sids[1:]), Files.two),
    Act("files:expire", Files.expire, Files.two),
    Act(
        "files:delete the channel",
        lambda scene, container, sids: _delete(scene, container, scene.phones["thread"]),
        Files.two,
    ),
    Act(
        "files:delete the service",
        lambda scene, container, sids: _delete(scene, container, scene.house.path),
        Files.two,
    ),
]
