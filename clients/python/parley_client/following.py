"""Follows all channels of an identity: where it is a member or invited, and what has to be asked about them.

Guarantee: joining, being invited, leaving and removal are delivered once, whether a push or a list of channels tells
them. There is no I/O and no clock in here. What no push told but was found out is delivered as a push that the server
might have sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from parley_client.follower import LATER_SECONDS, Answer, Follower
from parley_client.follower import Push as Push

JOINED, INVITED, NONE = "joined", "invited", "notParticipating"
_STANDING = {"channelJoined": JOINED, "channelInvited": INVITED, "channelLeft": NONE, "channelRemoved": NONE}
_ARRIVAL = {JOINED: "channelJoined", INVITED: "channelInvited"}
_ENDED = 2000
_MOST_ASKED = 100


@dataclass(frozen=True)
class Listed:
    """A channel in the list of an identity's channels."""

    channel: dict[str, Any]
    user_channel: dict[str, Any]

    @property
    def sid(self) -> str:
        return str(self.channel["sid"])

    @property
    def seq(self) -> int:
        return int(self.channel["seq"])

    @property
    def standing(self) -> str:
        return str(self.user_channel["status"])


@dataclass
class _Followed:
    """A channel: the identity's standing in it, as of which `seq`, and how that is known.

    Attributes:
        is_exact: Whether a push told the standing; a list may be older than the `seq` it shows.
        is_fresh: Whether it changed since the session began, while a list may have been on its way.
        is_removed: Whether its removal was delivered.
    """

    follower: Follower
    standing: str = NONE
    seq: int = 0
    is_exact: bool = False
    is_fresh: bool = False
    is_removed: bool = False


@dataclass
class _Doubts:
    """Channels whose standing must be fetched, and from when on."""

    since: dict[str, float] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    refetched: set[str] = field(default_factory=set)


class Following:
    """The changes of all channels of one identity.

    Every method that takes something in returns what is to be delivered, in order. `due` says when `questions` and
    `doubtful` have something to ask.
    """

    def __init__(self) -> None:
        self._channels: dict[str, _Followed] = {}
        self._waiting: set[str] = set()
        self._doubts = _Doubts()

    @property
    def due(self) -> float | None:
        """When there is something to ask; None for never."""
        times = [due for sid in self._waiting if (due := self._channels[sid].follower.due) is not None]
        times += [since for sid, since in self._doubts.since.items() if sid not in self._doubts.asked]
        return min(times, default=None)

    # Pushes.

    def push(self, push: Push, now: float) -> list[Push]:
        """A push about a channel has come."""
        sid = push["channel_sid"]
        followed = self._followed(sid)
        standing = _STANDING.get(push["event"])
        if standing is None:
            delivered = followed.follower.push(push, now)
        elif standing == NONE:
            delivered = self._departure(sid, followed, push, now)
        else:
            delivered = self._arrival(followed, standing, push, now)
        self._note(sid)
        return delivered

    def _arrival(self, followed: _Followed, standing: str, push: Push, now: float) -> list[Push]:
        seq = push["seq"]
        if seq < followed.seq or (seq == followed.seq and followed.is_exact):
            return []
        if followed.standing in (standing, JOINED):
            followed.seq = max(followed.seq, seq)
            return []
        self._set(followed, standing, seq, is_exact=True)
        followed.is_removed = False
        return [push, *(followed.follower.begin(seq, now) if standing == JOINED else [])]

    def _departure(self, sid: str, followed: _Followed, push: Push, now: float) -> list[Push]:
        seq, is_removal = push["seq"], push["event"] == "channelRemoved"
        if followed.is_removed or (seq < followed.seq and (followed.is_exact or followed.standing == NONE)):
            return []
        if followed.standing == NONE:
            followed.seq, followed.is_removed = seq, is_removal
            return [push] if is_removal else []
        if seq <= followed.seq and not followed.is_exact:
            self._doubt(sid, now)
            return []
        delivered = followed.follower.end()
        self._set(followed, NONE, seq, is_exact=True)
        followed.is_removed = is_removal
        return [*delivered, push]

    # Sessions.

    def session_begins(self) -> None:
        """A list of channels is about to be fetched over a new connection."""
        for followed in self._channels.values():
            followed.is_fresh = False

    def session(self, listing: Iterable[Listed], now: float) -> list[Push]:
        """The complete list of the identity's channels has come."""
        delivered: list[Push] = []
        listed = set()
        for entry in listing:
            listed.add(entry.sid)
            followed = self._followed(entry.sid)
            if followed.is_fresh and followed.standing != entry.standing:
                self._doubt(entry.sid, now)
            else:
                delivered += self._listed(followed, entry, now)
            self._note(entry.sid)
        for sid, followed in self._channels.items():
            if sid not in listed:
                self._not_listed(sid, followed, now)
                self._note(sid)
        self._forget_ended()
        return delivered

    def _listed(self, followed: _Followed, entry: Listed, now: float) -> list[Push]:
        if followed.standing == entry.standing:
            if followed.standing == JOINED:
                followed.follower.listed(entry.seq, now)
            followed.seq, followed.is_exact = max(followed.seq, entry.seq), False
            return []
        delivered: list[Push] = []
        if followed.standing == JOINED:
            delivered = [*followed.follower.end(), _departure(entry.sid)]
        self._set(followed, entry.standing, max(followed.seq, entry.seq), is_exact=False)
        followed.is_removed = False
        delivered.append(_found(_ARRIVAL[entry.standing], entry))
        if entry.standing == JOINED:
            delivered += followed.follower.begin(entry.seq, now)
        return delivered

    def _not_listed(self, sid: str, followed: _Followed, now: float) -> None:
        if followed.standing == JOINED:
            followed.follower.doubt(now)
        elif followed.standing == INVITED:
            self._doubt(sid, now)
        else:
            followed.follower.forget_early()

    def _forget_ended(self) -> None:
        ended = [sid for sid, followed in self._channels.items() if followed.standing == NONE]
        for sid in ended[: max(0, len(ended) - _ENDED)]:
            del self._channels[sid]
            self._waiting.discard(sid)

    # Questions and answers.

    def questions(self, now: float) -> dict[str, int]:
        """What to catch up on: SIDs and the `seq` to start from. Each must be answered, or given to `unanswered`."""
        asked: dict[str, int] = {}
        for sid in list(self._waiting):
            if len(asked) == _MOST_ASKED:
                break
            if (seq := self._channels[sid].follower.question(now)) is not None:
                asked[sid] = seq
                self._note(sid)
        return asked

    def answer(self, sid: str, answer: Answer, now: float) -> list[Push]:
        """What `catchUp` said about a channel."""
        followed = self._followed(sid)
        match answer["status"]:
            case "changes":
                events = [event for event in answer["events"] if event["event"] not in _STANDING]
                delivered = followed.follower.answer({**answer, "events": events}, now)
            case "refetch" if followed.standing == JOINED:
                delivered = followed.follower.refetch(answer["seq"], now)
                self._doubts.refetched.add(sid)
                self._doubt(sid, now)
            case "gone":
                delivered = self.absent(sid, is_gone=True)
            case _:
                delivered = []
                followed.follower.unanswered(now)
        self._note(sid)
        return delivered

    def unanswered(self, sids: Iterable[str], now: float) -> None:
        """Questions about these channels failed."""
        for sid in sids:
            self._followed(sid).follower.unanswered(now)
            self._note(sid)

    def doubtful(self, now: float) -> list[str]:
        """Channels of which the identity's own must be fetched, to be given to `present`, `absent` or `unknown`."""
        sids = [sid for sid, since in self._doubts.since.items() if since <= now and sid not in self._doubts.asked]
        self._doubts.asked.update(sids)
        return sids

    def present(self, entry: Listed, now: float) -> list[Push]:
        """A channel was fetched: this is what the identity is in it."""
        followed = self._followed(entry.sid)
        if entry.sid in self._doubts.refetched and followed.standing == entry.standing:
            # Its mark has just been told; asking again because of a newer `seq` here might go on for ever.
            delivered = [_found("channelRefetched", entry)]
        else:
            delivered = self._listed(followed, entry, now)
        self._settled(entry.sid)
        self._note(entry.sid)
        return delivered

    def absent(self, sid: str, *, is_gone: bool) -> list[Push]:
        """The identity has no part in a channel any more; if it is gone, cannot even see it."""
        followed = self._followed(sid)
        delivered: list[Push] = []
        if followed.standing != NONE:
            delivered = [*followed.follower.end(), _departure(sid)]
            self._set(followed, NONE, followed.seq, is_exact=False)
        if is_gone and not followed.is_removed:
            followed.is_removed = True
            delivered.append({**_departure(sid), "event": "channelRemoved"})
        self._settled(sid)
        self._note(sid)
        return delivered

    def unknown(self, sid: str, now: float) -> None:
        """A doubtful channel could not be fetched: it stays doubtful."""
        self._doubts.asked.discard(sid)
        self._doubts.since[sid] = now + LATER_SECONDS

    def _doubt(self, sid: str, now: float) -> None:
        self._doubts.since.setdefault(sid, now)

    def _settled(self, sid: str) -> None:
        self._doubts.since.pop(sid, None)
        self._doubts.asked.discard(sid)
        self._doubts.refetched.discard(sid)

    # Records.

    def _followed(self, sid: str) -> _Followed:
        followed = self._channels.get(sid)
        if followed is None:
            followed = self._channels[sid] = _Followed(Follower())
        return followed

    @staticmethod
    def _set(followed: _Followed, standing: str, seq: int, *, is_exact: bool) -> None:
        followed.standing, followed.seq, followed.is_exact, followed.is_fresh = standing, seq, is_exact, is_exact

    def _note(self, sid: str) -> None:
        if self._channels[sid].follower.due is None:
            self._waiting.discard(sid)
        else:
            self._waiting.add(sid)


def _departure(sid: str) -> Push:
    return {"event": "channelLeft", "channel_sid": sid}


def _found(event: str, entry: Listed) -> Push:
    return {"event": event, "channel_sid": entry.sid, "channel": entry.channel, "user_channel": entry.user_channel}
