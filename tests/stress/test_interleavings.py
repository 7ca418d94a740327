"""Between the read and the write of one request, another request does all its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World


class Interrupted:
    """A world in which something else is done just before the next request writes."""

    def __init__(self, world: World):
        self.rest = Raw(LambdaDoor(world))
        self.service = f"/chat/v2/Services/{self.rest.post('/chat/v2/Services', FriendlyName='a service')['sid']}"
        self.channels = f"{self.service}/Channels"
        self._plain = world.table._call
        self._meanwhile: list[Callable[[], Any]] = []
        self._at = ""
        world.table._call = self._call  # type: ignore[method-assign]

    def _call(self, operation: str, **request: Any) -> Any:
        if operation == self._at and self._meanwhile:
            # In a thread, since the handler's event loop runs one request at a time.
            with ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as pool:
                pool.submit(self._meanwhile.pop()).result()
        return self._plain(operation, **request)

    def while_this(
        self,
        verb: str,
        path: str,
        form: dict[str, Any],
        meanwhile: Callable[[], Any],
        at: str = "transact_write_items",
    ) -> int:
        """The status of a request that is interrupted before its first table request of the kind `at`."""
        self._meanwhile, self._at = [meanwhile], at
        status = self.rest(verb, path, form).status
        assert not self._meanwhile, "the request wrote nothing"
        return status

    def status(self, path: str) -> int:
        return self.rest("GET", path).status


@pytest.fixture
def interrupted(world: World) -> Interrupted:
    return Interrupted(world)


def test_a_channel_that_is_renamed_while_it_is_deleted_takes_no_others_name_with_it(interrupted: Interrupted) -> None:
    """The deletion freed the name that it had read, which was another channel's by then, and kept the new one taken."""
    rest, channels = interrupted.rest, interrupted.channels
    old = rest.post(channels, UniqueName="wanted")["sid"]

    def rename_and_take() -> None:
        rest.post(f"{channels}/{old}", UniqueName="renamed")
        rest.post(channels, UniqueName="wanted", FriendlyName="the new one")

    status = interrupted.while_this("DELETE", f"{channels}/{old}", {}, rename_and_take)
    assert rest.get(f"{channels}/wanted")["friendly_name"] == "the new one"
    assert status in (204, 409)
    if status == 409:
        assert rest("DELETE", f"{channels}/{old}").status == 204
    assert interrupted.status(f"{channels}/renamed") == 404
    assert rest.post(channels, UniqueName="renamed")["sid"] != old


def test_a_channel_that_becomes_private_while_it_is_deleted_leaves_no_entry_in_a_list(interrupted: Interrupted) -> None:
    rest, channels = interrupted.rest, interrupted.channels
    sid = rest.post(channels)["sid"]
    v3 = channels.replace("/v2/Services/", "/v3/Services/")

    def migrate() -> None:
        rest.post(f"{v3}/{sid}", Type="private")

    if interrupted.while_this("DELETE", f"{channels}/{sid}", {}, migrate) == 409:
        assert rest("DELETE", f"{channels}/{sid}").status == 204
    for kind in ("public", "private"):
        assert rest.get(channels, Type=kind)["channels"] == []
    # A ghost would take the place of a living channel on a page.
    living = rest.post(channels, Type="private")["sid"]
    listed = rest.get(channels, Type="private", PageSize=1)
    assert [channel["sid"] for channel in listed["channels"]] == [living]
    assert listed["meta"]["next_page_url"] is None


def test_a_channel_that_is_deleted_while_it_is_renamed_keeps_no_name(interrupted: Interrupted) -> None:
    rest, channels = interrupted.rest, interrupted.channels
    sid = rest.post(channels, UniqueName="old")["sid"]
    delete = lambda: rest("DELETE", f"{channels}/{sid}")  # noqa: E731
    assert interrupted.while_this("POST", f"{channels}/{sid}", {"UniqueName": "new"}, delete) == 404
    for name in ("old", "new"):
        assert interrupted.status(f"{channels}/{name}") == 404
        rest.post(channels, UniqueName=name)


def test_two_renamings_leave_one_name(interrupted: Interrupted) -> None:
    rest, channels = interrupted.rest, interrupted.channels
    sid = rest.post(channels, UniqueName="old")["sid"]
    other = lambda: rest.post(f"{channels}/{sid}", UniqueName="first")  # noqa: E731
    assert interrupted.while_this("POST", f"{channels}/{sid}", {"UniqueName": "second"}, other) == 200
    assert rest.get(f"{channels}/second")["sid"] == sid
    for name in ("old", "first"):
        assert interrupted.status(f"{channels}/{name}") == 404
        rest.post(channels, UniqueName=name)


def test_a_member_who_leaves_while_he_is_changed_does_not_come_back(interrupted: Interrupted) -> None:
    rest = interrupted.rest
    channel = f"{interrupted.channels}/{rest.post(interrupted.channels)['sid']}"
    rest.post(f"{channel}/Members", Identity="bob")
    leave = lambda: rest("DELETE", f"{channel}/Members/bob")  # noqa: E731
    assert interrupted.while_this("POST", f"{channel}/Members/bob", {"Attributes": "{}"}, leave) == 404
    assert interrupted.status(f"{channel}/Members/bob") == 404
    assert rest.get(channel)["members_count"] == 0


def test_a_channel_that_is_deleted_while_somebody_joins_gets_no_member(interrupted: Interrupted) -> None:
    rest = interrupted.rest
    channel = f"{interrupted.channels}/{rest.post(interrupted.channels)['sid']}"
    rest.post(f"{interrupted.service}/Users", Identity="bob")
    delete = lambda: rest("DELETE", channel)  # noqa: E731
    assert interrupted.while_this("POST", f"{channel}/Members", {"Identity": "bob"}, delete) == 404
    assert rest.get(f"{interrupted.service}/Users/bob")["joined_channels_count"] == 0


@pytest.mark.parametrize("existed", [True, False])
def test_a_user_who_comes_or_goes_while_he_joins_is_there_and_counted_afterwards(
    interrupted: Interrupted, existed: bool
) -> None:
    rest, users = interrupted.rest, f"{interrupted.service}/Users"
    channel = f"{interrupted.channels}/{rest.post(interrupted.channels)['sid']}"
    if existed:
        rest.post(users, Identity="bob")
    meanwhile = (lambda: rest("DELETE", f"{users}/bob")) if existed else (lambda: rest.post(users, Identity="bob"))
    assert interrupted.while_this("POST", f"{channel}/Members", {"Identity": "bob"}, meanwhile) == 201
    assert rest.get(f"{users}/bob")["joined_channels_count"] == 1
    assert rest.get(channel)["members_count"] == 1


def test_a_message_that_is_deleted_while_it_is_edited_stays_deleted(interrupted: Interrupted) -> None:
    rest = interrupted.rest
    channel = f"{interrupted.channels}/{rest.post(interrupted.channels)['sid']}"
    message = f"{channel}/Messages/{rest.post(f'{channel}/Messages', Body='x')['sid']}"
    delete = lambda: rest("DELETE", message)  # noqa: E731
    assert interrupted.while_this("POST", message, {"Body": "y"}, delete) == 404
    assert interrupted.status(message) == 404
    assert rest.get(channel)["messages_count"] == 0


def test_the_newest_message_is_right_when_one_arrives_while_the_last_is_deleted(interrupted: Interrupted) -> None:
    rest = interrupted.rest
    channel = f"{interrupted.channels}/{rest.post(interrupted.channels)['sid']}"
    first, last = (rest.post(f"{channel}/Messages", Body=body)["sid"] for body in ("first", "last"))
    arrived: list[str] = []
    arrive = lambda: arrived.append(rest.post(f"{channel}/Messages", Body="new")["sid"])  # noqa: E731
    assert interrupted.while_this("DELETE", f"{channel}/Messages/{last}", {}, arrive) == 204
    fetched = rest.get(channel)
    assert fetched["messages_count"] == 2
    assert fetched["links"]["last_message"].endswith(arrived[0])
    assert [message["sid"] for message in rest.get(f"{channel}/Messages")["messages"]] == [first, arrived[0]]


def test_two_changes_of_a_channel_webhook_at_once_are_both_kept(interrupted: Interrupted) -> None:
    """Each wrote the whole configuration as it had read it, and so the first one's field went back to what it was."""
    rest = interrupted.rest
    webhooks = f"{interrupted.channels}/{rest.post(interrupted.channels)['sid']}/Webhooks"
    form = {"Type": "webhook", "Configuration.Url": "https://example.com/old", "Configuration.Filters": "onMessageSent"}
    path = f"{webhooks}/{rest.post(webhooks, form)['sid']}"
    other = lambda: rest.post(path, {"Configuration.Method": "GET"})  # noqa: E731
    change = {"Configuration.Url": "https://example.com/new"}
    assert interrupted.while_this("POST", path, change, other, at="update_item") == 200
    configuration = rest.get(path)["configuration"]
    assert (configuration["url"], configuration["method"]) == ("https://example.com/new", "GET")
