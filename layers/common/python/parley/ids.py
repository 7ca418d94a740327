"""SIDs: how they are made, recognised and, where that saves a read, derived.

- Most SIDs are time-ordered: 12 hex digits of milliseconds, then 20 random ones. Sorting by SID is sorting by creation,
  so lists read the base table in order and a page position is a SID.
- A user's SID is derived from service and identity, a member's from channel and identity: addressing by identity needs
  no lookup, and "identity is unique" is a condition on one key.
- A message's SID carries its index, and a sender's SID its address: fetching one is a single GetItem.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Iterable

from parley.clock import Clock

_HEX_32 = re.compile(r"[0-9a-fA-F]{32}")
_INDEX_DIGITS = 10
# The forms of a sender's address, by the first digit of its SID. A number has at most 15 digits and none begins with 0.
_SENDERS = {"0": "+", "1": "whatsapp:+"}
_NUMBER_DIGITS = 15


def is_sid(prefix: str, text: str) -> bool:
    """Whether `text` has the form of a SID of this kind (whether it exists is another question)."""
    return len(text) == 34 and text.startswith(prefix) and _HEX_32.fullmatch(text, 2) is not None


def user_sid(service_sid: str, identity: str) -> str:
    """The SID of the user with this identity in this service."""
    return "US" + _digest(service_sid, identity)


def member_sid(channel_sid: str, identity: str) -> str:
    """The SID of the membership of this identity in this channel; leaving and joining again does not change it."""
    return "MB" + _digest(channel_sid, identity)


def phone_member_sid(channel_sid: str, address: str) -> str:
    """The SID of the membership of a phone with this address."""
    return "MB" + _digest(channel_sid, "address", address)


def gateway_member_sid(channel_sid: str, projected_address: str) -> str:
    """The SID of the membership of one of the account's numbers, without an identity."""
    return "MB" + _digest(channel_sid, "projected", projected_address)


def address_sid(account_sid: str, address: str) -> str:
    """The SID of the configuration of an address."""
    return "IG" + _digest(account_sid, address)


def sender_sid(address: str) -> str:
    """The SID of an address that the account sends from: a number, or `whatsapp:` and a number."""
    plain, _, number = address.rpartition("+")
    form = next(digit for digit, beginning in _SENDERS.items() if beginning == f"{plain}+")
    return f"PN{form}{number:0>{_NUMBER_DIGITS}}{_digest(address)[: 31 - _NUMBER_DIGITS]}"


def sender_address(sid: str) -> str | None:
    """The address that a sender's SID carries; None for a SID of anything else."""
    number = sid[3 : 3 + _NUMBER_DIGITS].lstrip("0")
    if not is_sid("PN", sid) or sid[2] not in _SENDERS or not number:
        return None
    address = f"{_SENDERS[sid[2]]}{number}"
    return address if sender_sid(address) == sid else None


def content_sid(account_sid: str, friendly_name: str, language: str) -> str:
    """The SID of the content template with this name in this language."""
    return "HX" + _digest(account_sid, "content", friendly_name, language)


def group_digest(addresses: Iterable[str]) -> str:
    """The digest under which a set of addresses is found."""
    return _digest(*sorted(addresses))


def invite_sid(channel_sid: str, identity: str) -> str:
    """The SID of the invite of this identity to this channel."""
    return "IN" + _digest(channel_sid, identity)


def binding_sid(service_sid: str, identity: str, endpoint: str, binding_type: str) -> str:
    """The SID of the push registration of one device session."""
    return "BS" + _digest(service_sid, identity, endpoint, binding_type)


def notification_sid(commit_id: str, binding_sid: str) -> str:
    """The SID of the notification with which a device hears of a commit, the same in every attempt."""
    return "RU" + _digest(commit_id, binding_sid)


def chunk_id(*parts: str) -> str:
    """A name for a piece of work that is the same whenever the same work is planned again."""
    return _digest(*parts)


def message_sid(channel_sid: str, index: int) -> str:
    """The SID of the message at this index."""
    return f"IM{index:0{_INDEX_DIGITS}x}{_digest(channel_sid, str(index))[: 32 - _INDEX_DIGITS]}"


def receipt_sid(message_sid: str, participant_sid: str) -> str:
    """The SID of the delivery receipt of a message to one participant."""
    return "DY" + _digest(message_sid, participant_sid)


def inbound_media_sid(channel_sid: str, token: str) -> str:
    """The SID of the file in a message from a phone, the same whenever the carrier repeats the message."""
    return "ME" + _digest(channel_sid, token)


def channel_message_sid(prefix: str, carriers_id: str) -> str:
    """The SID of a message on its channel: the carrier's own id if it is such a SID, else one derived from that id."""
    return carriers_id if is_sid(prefix, carriers_id) else prefix + _digest(carriers_id)


def message_index(channel_sid: str, sid: str) -> int | None:
    """The index that a message SID of this channel carries; None for a SID of anything else."""
    if not is_sid("IM", sid):
        return None
    index = int(sid[2 : 2 + _INDEX_DIGITS], 16)
    return index if message_sid(channel_sid, index) == sid else None


def request_of(commit_id: str) -> str:
    """The id of the request that led to a commit; empty if there was none."""
    return commit_id.rpartition(".")[0]


def _digest(*parts: str) -> str:
    # Each part is prefixed with its length, so that no two different lists of parts hash alike.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Ids:
    """Makes new SIDs and ids; tests hand in a fixed clock and a fixed source of randomness."""

    def __init__(self, clock: Clock, random_hex: Callable[[int], str] = secrets.token_hex):
        """`random_hex(n)` returns 2n hex digits. The system's source is safe after a SnapStart restore."""
        self._clock = clock
        self._random_hex = random_hex
        self._last_ms = 0
        self._lock = threading.Lock()

    def sid(self, prefix: str) -> str:
        """A new time-ordered SID. It sorts behind all that this process made before, even within one millisecond."""
        with self._lock:
            self._last_ms = max(self._last_ms + 1, self._clock.now_ms())
            return f"{prefix}{self._last_ms:012x}{self._random_hex(10)}"

    def unique(self) -> str:
        """32 random hex digits: idempotency tokens that Parley chooses itself, and ids of commits without a request."""
        return self._random_hex(16)

    def commit(self, request_id: str) -> str:
        """The id of a commit for this request; `request_of` reads the request from it."""
        return f"{request_id}.{self._random_hex(8)}" if request_id else self.unique()

    def birth(self) -> str:
        """16 random hex digits, which tell a user from any other of the same identity."""
        return self._random_hex(8)
