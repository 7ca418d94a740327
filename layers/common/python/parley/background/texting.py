"""The job that sends a message to one phone through AWS. The job `phones` queues one for each phone.

    text    {"service_sid", "channel_sid", "index", "sid", "at"}    `sid` is that of the receipt

The queue keeps the order of each pair of addresses, so a phone gets its texts in the order of the messages. A text
that waits for AWS holds back those behind it. The job ends after ten hours at the latest: then the receipt says that
the text has failed.
"""

from __future__ import annotations

from parley.background.job import Job
from parley.jobs import Again, Entry, Turn
from parley.operations.context import Context
from parley.operations.texts import Texts
from parley.ports.queue import Queue
from parley.ports.texting import Texting

# When only this much of the function's time is left, no text is begun. AWS is given nine seconds to answer, and a file
# for WhatsApp is handed over first. If the function ended in between, the text might be sent twice.
_MARGIN_MS = 20_000


def text_jobs(context: Context, queue: Queue, texting: Texting, bucket: str) -> dict[str, Job]:
    """The row of this job. `bucket` is the one from which AWS takes files."""
    texts = Texts(texting, bucket)
    return {"text": Job(queue, lambda entry, turn: _send(context, texts, entry, turn))}


def _send(context: Context, texts: Texts, entry: Entry, turn: Turn) -> Again | None:
    if turn.remaining_ms() < _MARGIN_MS:
        return Again()
    path = {name: str(entry[name]) for name in ("service_sid", "channel_sid", "index", "sid")}
    pause = texts.hand_to_aws(context, path, entry["at"])
    return None if pause is None else Again(pause)
