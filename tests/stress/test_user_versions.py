"""Users changed at once: the version with the highest number, as followers are shown it, is the one that is stored."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from parley.operations import reachability, services, users
from parley.sockets.native.views import Views
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Cause, Write
from tests.support.world import World

ROUNDS, RIVALS = 400, 3


def hear(world: World, heard: list[Record]) -> None:
    """Append to `heard` each record that this container writes, as the stream would carry it."""
    plain = world.table.commit

    def commit(cause: Cause, writes: Sequence[Write]) -> list[Record]:
        stored = plain(cause, writes)
        heard.extend(stored)
        return stored

    world.table.commit = commit  # type: ignore[method-assign]


def test_the_version_with_the_highest_seq_is_what_is_stored_after_any_race(world: World) -> None:
    """A user's seq was the time at which its change began, before the commit: followers kept an old version for good."""
    context = world.context()
    service_sid = services.create(context, {}, {"friendly_name": "versions"})["sid"]
    path = {"service_sid": service_sid}
    sid = users.create(context, path, {"identity": "alice"})["sid"]
    views = Views("https://example.com", world.account_sid)
    rivals = [world.another_container() for _ in range(RIVALS)]
    heard: list[Record] = []
    for rival in rivals:
        hear(rival, heard)

    def rename(rival: World, name: str) -> None:
        rival.clock.advance(0.001)
        users.update(rival.context(), {**path, "sid": sid}, {"friendly_name": name})

    def flicker(number: int) -> None:
        note = reachability.note_online if number % 2 else reachability.note_offline
        rival = rivals[-1]
        rival.clock.advance(0.001)
        note(rival.context(), sid)

    with ThreadPoolExecutor(RIVALS) as pool:
        for number in range(ROUNDS):
            done = [pool.submit(rename, rival, f"{number}, {at}") for at, rival in enumerate(rivals[:-1])]
            done.append(pool.submit(flicker, number))
            for one in done:
                one.result()
            shown = [views.show("user", record) for record in heard if record.get("sid") == sid]
            newest = max(shown, key=lambda view: view["seq"])
            stored = views.show("user", world.table.fetch(keys.user(sid)) or {})
            assert newest == stored, f"round {number}"
            assert len({view["seq"] for view in shown}) == len(shown)
            heard.clear()


def test_a_new_user_has_a_later_version_than_the_deleted_one_of_the_same_identity(world: World) -> None:
    """Both have the same SID, so a client that still knows the first would take the second for an old version of it."""
    context = world.context()
    path = {"service_sid": services.create(context, {}, {"friendly_name": "versions"})["sid"]}
    views = Views("https://example.com", world.account_sid)
    sid = users.create(context, path, {"identity": "alice"})["sid"]
    for number in range(3):
        world.clock.advance(0.1)
        first = users.update(context, {**path, "sid": sid}, {"friendly_name": str(number)})
    users.delete(context, {**path, "sid": sid}, {})
    world.clock.advance(1)
    second = users.create(context, path, {"identity": "alice"})
    assert views.show("user", second)["seq"] > views.show("user", first)["seq"]
