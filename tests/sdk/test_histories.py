"""What an SDK shows after any history of changes, of whose pushes any may be lost."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sdk.device import SdkDevice
from tests.sdk.listener import Listener
from tests.sdk.rounds import TTL, again, resumed
from tests.sdk.sync_paths import document, messages, roster
from tests.sockets.deployment import Deployment, House
from tests.sockets.histories import CHOICES, History

# What becomes of the pushes of a change, or what the client does after it.
OUTCOMES = ["heard", "heard", "every second lost", "all lost", "all lost", "subscribes again", "connects again"]
# What is older than this is never sent again.
_LONG_AGO_SECONDS = 2 * TTL


def items_of(device: SdkDevice, path: str, key: str) -> dict[Any, Any]:
    """All items of a list or map as they are now."""
    found: dict[Any, Any] = {}
    query = {"PageSize": "100"}
    while True:
        page = device.get(f"{path}/Items", **query)
        found |= {item[key]: item["data"] for item in page["items"]}
        if page["meta"]["next_token"] is None:
            return found
        query = {"PageToken": page["meta"]["next_token"]}


class Client:
    """Alice's SDK, with the three objects of a channel open."""

    def __init__(self, history: History):
        self.house, self.room = history.house, history.room
        self._clock = self.house.deployment.world.clock
        self._clock.advance(_LONG_AGO_SECONDS)
        self.house.deployment.announce()
        lasting = self._clock.now_ms() // 1000 + 20 * 3600
        self.listener = Listener(SdkDevice(self.house, "alice", valid_until=lasting))
        self.listener.open(document(self.room), messages(self.room), roster(self.room))
        # The members are loaded with the roster.
        self.listener.items[self._sid(roster(self.room))] = items_of(self.listener.device, roster(self.room), "key")
        self._subscribed_ms = self._clock.now_ms()

    def _sid(self, path: str) -> str:
        return self.listener.sid(path)

    def meet(self, outcome: str) -> None:
        """Let pushes arrive or get lost, and subscribe anew if it is time."""
        match outcome:
            case "heard":
                self.listener.listen()
            case "every second lost":
                self.listener.listen(lost=range(0, 1000, 2))
            case "all lost":
                self.house.deployment.skip_stream()
            case "connects again":
                resumed(self.house, self.listener)
        is_time = self._clock.now_ms() - self._subscribed_ms >= TTL * 1000
        if is_time or outcome == "subscribes again":
            self.listener.subscribe()
        if is_time or outcome in ("subscribes again", "connects again"):
            self._subscribed_ms = self._clock.now_ms()

    def shown(self) -> tuple[Any, ...]:
        """What the application sees."""
        items = self.listener.items
        where = self._sid(document(self.room)), self._sid(messages(self.room)), self._sid(roster(self.room))
        return self.listener.data[where[0]], items[where[1]], items[where[2]]

    def there(self) -> tuple[Any, ...]:
        """What there is."""
        device = self.listener.device
        listed = items_of(device, messages(self.room), "index"), items_of(device, roster(self.room), "key")
        return device.get(document(self.room))["data"], *listed


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(CHOICES), st.integers(0, 40), st.sampled_from(OUTCOMES)), min_size=8, max_size=16
    )
)
def test_whatever_happens_and_whichever_pushes_are_lost_the_next_rounds_bring_an_sdk_what_is_there(
    deployment: Deployment, changes: list[tuple[str, int, str]]
) -> None:
    history = History(House(deployment))
    client = Client(history)
    for what, number, outcome in changes:
        history.change(what, number)
        client.meet(outcome)
    for _ in range(2):
        again(client.house, client.listener)
    assert client.shown() == client.there()
