"""Follows all channels of a user: tracks its standing in each, and decides what to ask the server.

Guarantee: joining, invitation, leaving and removal are delivered once, whether the client learns of them from a push or
from a list of channels. News from a list or an answer is delivered in the form of a push. There is no I/O and no clock
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from parley_client.errors import CONNECTION_IS_OVER
from parley_client.follower import LATER_SECONDS, Follower, Limits
from parley_client.payloads import CatchUpAnswer, ListedChannel, Push

JOINED, INVITED, NONE = "joined", "invited", "notParticipating"
STANDINGS = {"channelJoined": JOINED, "channelInvited": INVITED, "channelLeft": NONE, "channelRemoved": NONE}
"""The user's standing in a channel after an event."""
_ARRIVAL = {JOINED: "channelJoined", INVITED: "channelInvited"}
_ENDED = 2000
"""How many channels the client remembers that the user is not in."""
_MOST_ASKED = 100
"""How many channels one `catchUp` may ask about."""


@dataclass
class _Followed:
    """A channel, and the user's standing in it.

    Attributes:
        seq: The change number at which the standing was known.
        is_exact: Whether the standing came from a push. A list may show a standing that is older than its `seq`.
        is_fresh: Whether a push changed the standing after the session began. Then the session's list may be older.
        is_removed: Whether the channel's removal was delivered.
    """

    follower: Follower
    standing: str = NONE
    seq: int = 0
    is_exact: bool = False
    is_fresh: bool = False
    is_removed: bool = False


@dataclass
class _Doubts:
    """Channels whose standing must be fetched.

    Attributes:
        since: When to fetch it, by SID.
        asked: The channels that are being fetched.
        refetched: The channels that are fetched because the server cannot list their changes.
    """

    since: dict[str, float] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    refetched: set[str] = field(default_factory=set)


class Following:
    """Follows the changes of all channels of one user.

    Each method that takes a push, a list or an answer returns the pushes to deliver, in order. `due` says when
    `questions` and `doubtful` have something to ask.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits
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
        standing = STANDINGS.get(push["event"])
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

    def missed(self, seqs: Mapping[str, int], now: float) -> None:
        """The server gave up pushes of these channels; with the highest `seq` of each."""
        for sid, seq in seqs.items():
            if sid in self._channels:
                self._channels[sid].follower.missed(seq, now)
                self._note(sid)

    # Sessions.

    def session_begins(self) -> None:
        """The client is about to fetch the list of channels over a new connection."""
        for followed in self._channels.values():
            followed.is_fresh = False

    def session(self, listing: Iterable[ListedChannel], now: float) -> list[Push]:
        """The complete list of the user's channels has come."""
        delivered: list[Push] = []
        listed = set()
        for entry in listing:
            sid = entry["channel"]["sid"]
            listed.add(sid)
            followed = self._followed(sid)
            if followed.is_fresh and followed.standing != entry["user_channel"]["status"]:
                self._doubt(sid, now)
            else:
                delivered += self._listed(followed, entry, now)
            self._note(sid)
        for sid, followed in self._channels.items():
            if sid not in listed:
                self._not_listed(sid, followed, now)
                self._note(sid)
        self._forget_ended()
        return delivered

    def _listed(self, followed: _Followed, entry: ListedChannel, now: float) -> list[Push]:
        seq, standing = entry["channel"]["seq"], entry["user_channel"]["status"]
        if followed.standing == standing:
            if standing == JOINED:
                followed.follower.listed(seq, now)
            followed.seq, followed.is_exact = max(followed.seq, seq), False
            return []
        delivered: list[Push] = []
        if followed.standing == JOINED:
            delivered = [*followed.follower.end(), _departure(entry["channel"]["sid"])]
        self._set(followed, standing, max(followed.seq, seq), is_exact=False)
        followed.is_removed = False
        delivered.append(_found(_ARRIVAL[standing], entry))
        if standing == JOINED:
            delivered += followed.follower.begin(seq, now)
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
        """The channels for `catchUp`, each with its `seq`. The caller must then call one of the next three methods."""
        asked: dict[str, int] = {}
        for sid in list(self._waiting):
            if len(asked) == _MOST_ASKED:
                break
            if (seq := self._channels[sid].follower.question(now)) is not None:
                asked[sid] = seq
                self._note(sid)
        return asked

    def answer(self, sid: str, answer: CatchUpAnswer, now: float) -> list[Push]:
        """The answer of `catchUp` for one channel has come."""
        followed = self._followed(sid)
        match answer["status"]:
            case "changes":
                events = [event for event in answer["events"] if event["event"] not in STANDINGS]
                delivered = followed.follower.answer({**answer, "events": events}, now)
            case "refetch" if followed.standing == JOINED:
                delivered = followed.follower.refetch(answer["seq"], now)
                self._refetch(sid, now)
            case "gone":
                delivered = self.absent(sid, is_gone=True)
            case _:
                delivered = []
                followed.follower.unanswered(now)
        self._note(sid)
        return delivered

    def refused(self, sids: Iterable[str], code: int, now: float) -> list[Push]:
        """The server refused the questions about these channels, with an error of this code."""
        if code in CONNECTION_IS_OVER:
            # The server did not refuse the questions: they were lost with the connection.
            self.unanswered(sids, now)
            return []
        delivered: list[Push] = []
        for sid in sids:
            given_up = self._followed(sid).follower.refused(now)
            if given_up is not None:
                delivered += given_up
                self._refetch(sid, now)
            self._note(sid)
        return delivered

    def unanswered(self, sids: Iterable[str], now: float) -> None:
        """The questions about these channels, or their answers, were lost."""
        for sid in sids:
            self._followed(sid).follower.unanswered(now)
            self._note(sid)

    def doubtful(self, now: float) -> list[str]:
        """The channels to fetch now. The caller must then call `present`, `absent` or `unknown` for each."""
        sids = [sid for sid, since in self._doubts.since.items() if since <= now and sid not in self._doubts.asked]
        self._doubts.asked.update(sids)
        return sids

    def present(self, entry: ListedChannel, now: float) -> list[Push]:
        """A channel was fetched, and the user is a member or invited."""
        sid = entry["channel"]["sid"]
        followed = self._followed(sid)
        if sid in self._doubts.refetched and followed.standing == entry["user_channel"]["status"]:
            # The mark comes from the answer. In a busy channel the `seq` here is always newer, so asking would never
            # end.
            delivered = [_found("channelRefetched", entry)]
        else:
            delivered = self._listed(followed, entry, now)
        self._settled(sid)
        self._note(sid)
        return delivered

    def absent(self, sid: str, *, is_gone: bool) -> list[Push]:
        """A channel was fetched, and the user is not a member or invited; `is_gone` if the user cannot even see it."""
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
        """A channel could not be fetched: its standing stays in doubt."""
        self._doubts.asked.discard(sid)
        self._doubts.since[sid] = now + LATER_SECONDS

    def _refetch(self, sid: str, now: float) -> None:
        """Tell the application to fetch a channel again, once the channel itself has been fetched."""
        self._doubts.refetched.add(sid)
        self._doubt(sid, now)

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
            followed = self._channels[sid] = _Followed(Follower(self._limits))
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


def _found(event: str, entry: ListedChannel) -> Push:
    channel, user_channel = entry["channel"], entry["user_channel"]
    return {"event": event, "channel_sid": channel["sid"], "channel": channel, "user_channel": user_channel}
