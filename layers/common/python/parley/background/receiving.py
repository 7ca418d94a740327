"""Messages from phones, whoever carries them: gives operations the webhooks and queues that they need for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from parley.log import logger
from parley.operations.context import Context
from parley.operations.inbound import Around, Inbound, receive
from parley.operations.unclaimed import Unclaimed
from parley.ports.queue import Queue

if TYPE_CHECKING:
    from parley.ports.texting import Texting


class Receiver:
    """Receives messages from phones.

    Args:
        deliveries: The queue of webhooks.
        texting: Makes the port to AWS, from which files of WhatsApp come.
    """

    def __init__(self, context: Context, deliveries: Queue, texting: Callable[[], Texting] | None = None) -> None:
        self._context = context
        self._deliveries = deliveries
        self._texting = texting

    def receive(self, inbound: Inbound) -> None:
        """Do with a message what must be done with it; if it is dropped, the log says why.

        Raises:
            Refusal: if a later attempt may do it.
        """
        from parley.faces.conversations_events import STORED_AS

        if reason := receive(self._context, inbound, Around(STORED_AS, self._tell, self._texting)):
            drop(reason)

    def _tell(self, asked: Unclaimed) -> None:
        # Few messages come here, and the planner of webhooks is large.
        from parley.webhooks.planning import of_unclaimed

        self._deliveries.send([{"job": "webhook", **of_unclaimed(asked, self._context.clock.now_ms())}])


def drop(reason: str) -> None:
    """Log that a message from a phone is dropped. The log never has its text."""
    logger.warning("message from a phone dropped", extra={"reason": reason})
