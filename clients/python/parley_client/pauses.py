"""How long a client waits before each attempt to connect. `clients/vectors/pauses.json` has examples."""

from __future__ import annotations

FIRST_SECONDS, LONGEST_SECONDS = 0.5, 30.0
LASTING_SECONDS = 30.0
"""After a session that lasted this long, pauses start small again."""
_DOUBLINGS_AFTER_SESSION = 3
"""After a session, the pause grows only this far: the server works, and requests must not wait until they time out."""


class Pauses:
    """Pauses double while attempts fail, and vary at random so that clients do not all come back at once."""

    def __init__(self) -> None:
        self._doublings = 0
        self._began: float | None = None

    def session_began(self, now: float) -> None:
        """A session has begun, or has moved to another socket."""
        if self._began is None:
            self._began = now

    def seconds(self, now: float, chance: float, *, crowded: bool = False) -> float:
        """How long to wait after an attempt has failed or the last socket is gone.

        `crowded`: the server closed the socket because of newer ones. Coming back at once would close one of those.
        """
        began, self._began = self._began, None
        if began is not None:
            lasted = now - began >= LASTING_SECONDS
            self._doublings = 0 if lasted else min(self._doublings, _DOUBLINGS_AFTER_SESSION)
        if crowded:
            return LONGEST_SECONDS * (1 + chance) / 2
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._doublings, 16))
        self._doublings += 1
        return chance * longest
