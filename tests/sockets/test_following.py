"""The Python client's bookkeeping against the real server: whatever becomes of pushes, it adds up to what a fetch shows."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley_client.following import Following
from tests.sockets.deployment import Deployment, House
from tests.sockets.histories import CHOICES, Copy, History, skip

MOVES = [*["arrive"] * 8, *["reconnect", "leave myself", "come back"] * 2, "fall behind"]
FATES = ["arrives", "arrives", "arrives twice", "is late", "is lost", "is lost"]
# How long it may take to find out whether a number was used.
PATIENCE_SECONDS = 120
# More numbers than are told one by one.
TOO_MANY = 1001


class Reader:
    """Alice's client, without its sockets, and an application that believes each thing it delivers."""

    def __init__(self, history: History, chance: Random):
        self.history, self.alice, self.room = history, history.alice, history.room
        self.clock, self.chance = history.house.deployment.world.clock, chance
        self.following = Following()
        self.under_way: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.shown: Copy | None = None
        # Sees what is there also while alice is out.
        self.room.add("witness")
        self.witness = history.house.device("witness")
        self.reconnect()

    @property
    def now(self) -> float:
        return self.clock.now_ms() / 1000

    def move(self, what: str, number: int) -> None:
        match what:
            case "arrive":
                self.arrive()
            case "reconnect":
                self.reconnect()
            case "leave myself":
                self.alice.ask("leaveChannel", channel=self.room.sid)
            case "come back":
                self.alice.ask("joinChannel", channel=self.room.sid)
            case "fall behind":
                skip(self.room, TOO_MANY)
            case _:
                self.history.change(what, number)
        self.ask(trouble=0.1)

    def arrive(self, fates: list[str] = FATES) -> None:
        """Let what was pushed arrive, in any order, some of it twice, later or never."""
        self._hear()
        arriving, self.under_way = self.under_way, []
        self.chance.shuffle(arriving)
        for push in arriving:
            match fate := self.chance.choice(fates):
                case "is late":
                    self.under_way.append(push)
                case "arrives" | "arrives twice":
                    for _ in range(1 + (fate == "arrives twice")):
                        self._tell(self.following.push(push, self.now))

    def reconnect(self) -> None:
        """Lose what is under way, and begin a session."""
        self._hear()
        self.under_way.clear()
        self.following.session_begins()
        mine = self.alice.done("listMyChannels")["channels"]
        self._tell(self.following.session(mine, self.now))

    def ask(self, trouble: float = 0.0) -> None:
        """Ask what is due; some questions fail."""
        while (asked := self.following.questions(self.now)) or (doubtful := self.following.doubtful(self.now)):
            if asked and self.chance.random() < trouble:
                self.following.unanswered(asked, self.now)
            elif asked:
                for sid, answer in self.alice.done("catchUp", channels=asked)["channels"].items():
                    self._tell(self.following.answer(sid, answer, self.now))
            else:
                for sid in doubtful:
                    self._find_out(sid)

    def settle(self) -> None:
        """Let one more push arrive, or begin a session, and everything be found out from that."""
        self.arrive(["arrives"])
        self.ask()
        if self.shown and self._is_member() and self.chance.random() < 0.5:
            self.room.post("the last")
            self.arrive(["arrives"])
        else:
            self.reconnect()
        self.ask()
        enough = self.now + PATIENCE_SECONDS
        while (due := self.following.due) is not None:
            assert due < enough, "the client never comes to rest"
            self.clock.advance(max(due - self.now, 0.001))
            self.ask()

    def _hear(self) -> None:
        self.under_way += [push for push in self.alice.heard() if "channel_sid" in push]

    def _find_out(self, sid: str) -> None:
        reply = self.alice.ask("fetchMyChannel", channel=sid)
        if reply["status"] == 200:
            self._tell(self.following.present(reply["result"], self.now))
        else:
            is_gone = self.alice.ask("fetchChannel", channel=sid)["status"] == 404
            self._tell(self.following.absent(sid, is_gone=is_gone))

    def _tell(self, pushes: list[dict[str, Any]]) -> None:
        for push in pushes:
            self.told.append(push)
            match push["event"]:
                case "channelJoined" | "channelRefetched":
                    self.shown = Copy.fetched(self.witness, self.room)
                case "channelLeft" | "channelRemoved":
                    self.shown = None
                case _ if self.shown:
                    self.shown.believe(push)

    def fetched(self) -> Copy | None:
        """What a fetch shows to a member."""
        return Copy.fetched(self.witness, self.room) if self._is_member() else None

    def _is_member(self) -> bool:
        return bool(self.alice.ask("fetchMember", channel=self.room.sid, identity="alice")["status"] == 200)

    def is_told_twice(self) -> bool:
        """Whether a version of a message or a member came again, or after a later one."""
        versions: dict[str, int] = {}
        for push in self.told:
            if record := push.get("message") or (push["event"].startswith("member") and push["member"]):
                if push["seq"] <= versions.get(record["sid"], -1):
                    return True
                versions[record["sid"]] = push["seq"]
        return False


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from([*CHOICES, *MOVES]), st.integers(0, 40)), min_size=12, max_size=40),
    st.integers(0, 2**32),
)
def test_whatever_becomes_of_pushes_the_client_shows_what_a_fetch_shows_and_tells_nothing_twice(
    deployment: Deployment, moves: list[tuple[str, int]], seed: int
) -> None:
    reader = Reader(History(House(deployment)), Random(seed))
    for what, number in moves:
        reader.move(what, number)
    reader.settle()
    shown, fetched = reader.shown, reader.fetched()
    assert (shown and shown.lasting()) == (fetched and fetched.lasting())
    assert not reader.is_told_twice()
