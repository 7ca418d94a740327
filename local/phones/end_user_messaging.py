"""What AWS's two services for messages to phones have in common: `sms.py` is one of them, `whatsapp.py` the other."""

from __future__ import annotations

import threading
from collections import Counter

from local.phones.account import Account
from local.phones.handsets import Handsets
from local.phones.pictures import Buckets, Pictures
from local.phones.schedule import Schedule

_THROTTLED, _THROTTLES_OF = "0099", 3


class EndUserMessaging:
    """What a service works with. `step` is the number of seconds between two events of a message."""

    def __init__(
        self,
        account: Account,
        handsets: Handsets,
        schedule: Schedule,
        pictures: Pictures,
        buckets: Buckets,
        step: float = 1.0,
    ) -> None:
        self._account = account
        self._handsets = handsets
        self._schedule = schedule
        self._pictures = pictures
        self._buckets = buckets
        self._step = step
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()

    def _throttles(self, phone: str) -> bool:
        """Whether AWS throttles a request: if the disorder says so, and two of three to numbers that end with 0099."""
        if self._schedule.throttles():
            return True
        if not phone.endswith(_THROTTLED):
            return False
        with self._lock:
            self._asked[phone] += 1
            return self._asked[phone] % _THROTTLES_OF != 0
