"""The vectors that both clients run (clients/vectors): how pushes become events, and when a client connects again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parley_client.follower import Limits
from parley_client.following import JOINED, Following
from parley_client.pauses import Pauses
from parley_client.payloads import ListedChannel, Push

VECTORS = Path(__file__).parents[2] / "clients" / "vectors"
SID = "CH1"
Step = dict[str, Any]


def cases(pattern: str) -> list[Any]:
    return [
        pytest.param(vector, id=f"{path.stem}: {vector['name']}")
        for path in sorted(VECTORS.glob(pattern))
        for vector in json.loads(path.read_text(encoding="utf-8"))["vectors"]
    ]


def listed(seq: int) -> ListedChannel:
    return {"channel": {"sid": SID, "seq": seq}, "user_channel": {"status": JOINED}}


def whole(push: dict[str, Any]) -> Push:
    """A push with what a vector leaves out."""
    records = {kind: {"seq": push["seq"], **push[kind]} for kind in ("message", "member") if kind in push}
    return {"channel_sid": SID, **push, **records}  # type: ignore[typeddict-item]


class Run:
    """A follower of one channel that goes through the steps of a vector."""

    def __init__(self, mark: int, limits: Limits) -> None:
        self.following = Following(limits)
        self.following.session_begins()
        self.following.session([listed(mark)], 0.0)

    def input(self, step: Step, now: float) -> list[Push]:
        """Give the input of a step, and return what is delivered."""
        match step:
            case {"push": push}:
                return self.following.push(whole(push), now)
            case {"ask": seq}:
                assert self.following.questions(now) == ({} if seq is None else {SID: seq})
                return []
            case {"answer": answer}:
                events = [whole(event) for event in answer.get("events", ())]
                return self.following.answer(SID, {"more": False, **answer, "events": events}, now)
            case {"listed": seq}:
                self.following.session_begins()
                return self.following.session([] if seq is None else [listed(seq)], now)
            case {"missed": seq}:
                self.following.missed({SID: seq, "CH2": seq}, now)
                return []
            case {"left": seq}:
                *told, leaving = self.following.push({"event": "channelLeft", "channel_sid": SID, "seq": seq}, now)
                assert leaving["event"] == "channelLeft"
                return told
            case {"refused": code}:
                return self.following.refused([SID], code, now)
            case {"lost": _}:
                self.following.unanswered([SID], now)
                return []
        raise AssertionError(f"a step without an input: {step}")

    def look(self, now: float) -> list[Push]:
        """Fetch the channel if it is to be fetched again."""
        delivered: list[Push] = []
        for _ in self.following.doubtful(now):
            delivered += self.following.present(listed(self.mark or 0), now)
        return delivered

    @property
    def mark(self) -> int | None:
        return self.following._channels[SID].follower.mark


def shown(push: Push) -> str:
    record = push.get("message") or push.get("member")
    words = [push["event"], str(push["seq"])]
    if record is not None:
        words.append(record["sid"])
    elif "user_channel" in push:
        words.append("own")
    return " ".join(words)


def milliseconds(time: float | None) -> int | None:
    return None if time is None else round(time * 1000)


@pytest.mark.parametrize("vector", cases("follower/*.json"))
def test_a_vector_is_followed(vector: dict[str, Any]) -> None:
    start = vector["start"]
    run = Run(start["mark"], Limits(**start.get("limits", {})))
    expected = {"mark": start["mark"], "due": None}
    for number, step in enumerate(vector["steps"]):
        now = step["at"] / 1000
        is_asked = step.get("ask") is not None
        told = run.input(step, now)
        refetches = [push["event"] for push in run.look(now)]
        if is_asked:
            expected["due"] = None
        expected |= {name: step[name] for name in ("mark", "due") if name in step}
        found = {
            "told": [shown(push) for push in told],
            "mark": run.mark,
            "due": milliseconds(run.following.due),
            "refetch": refetches == ["channelRefetched"],
        }
        assert found == {
            "told": [],
            "refetch": False,
            **expected,
            **{n: step[n] for n in ("told", "refetch") if n in step},
        }, f"step {number}"
        if "updateReasons" in step:
            assert told[-1].get("updateReasons") == step["updateReasons"]


@pytest.mark.parametrize("chance", [0, 1], ids=["shortest", "longest"])
@pytest.mark.parametrize("vector", cases("pauses.json"))
def test_a_pause_is_as_long_as_its_vector_says(vector: dict[str, Any], chance: int) -> None:
    pauses = Pauses()
    for number, step in enumerate(vector["steps"]):
        now = step["at"] / 1000
        if "began" in step:
            pauses.session_began(now)
        else:
            seconds = pauses.seconds(now, chance, crowded=step["over"] == "crowded")
            assert milliseconds(seconds) == step["pause"][chance], f"step {number}"
