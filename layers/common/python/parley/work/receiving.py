"""Messages from phones, whoever carries them: what operations need for them of webhooks and queues."""

from __future__ import annotations

from parley.log import logger
from parley.operations.context import Context
from parley.operations.inbound import Around, Inbound, receive
from parley.operations.unclaimed import Unclaimed
from parley.ports.queue import Queue


class Receiver:
    """Receives messages from phones. `deliveries` is the queue of webhooks."""

    def __init__(self, context: Context, deliveries: Queue) -> None:
        self._context = context
        self._deliveries = deliveries

    def receive(self, inbound: Inbound) -> None:
        """Do with a message what must be done with it; if it is dropped, the log says why.

        Raises:
            Refusal: if a later attempt may do it.
        """
        from parley.faces.conversations_events import STORED_AS

        if reason := receive(self._context, inbound, Around(STORED_AS, self._tell)):
            drop(reason)

    def _tell(self, asked: Unclaimed) -> None:
        # Few messages come here, and the planner of webhooks is large.
        from parley.webhooks.planning import of_unclaimed

        self._deliveries.send([{"job": "webhook", **of_unclaimed(asked, self._context.clock.now_ms())}])


def drop(reason: str) -> None:
    """Log that a message from a phone is dropped. The log never has its text."""
    logger.warning("message from a phone dropped", extra={"reason": reason})
