"""Messages: what a body may be, and which files a message carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from parley.errors import BODY_TOO_LONG

# 32 KB (https://www.twilio.com/docs/chat/chat-limits), counted in bytes as it is stored and sent.
LONGEST_BODY_BYTES = 32 * 1024
# A control character takes six bytes in JSON. Thousands of them would make a message that no socket carries.
LONGEST_AS_JSON = 2 * LONGEST_BODY_BYTES + 2
# As many files as the SDKs of Conversations attach to a message; the REST API of Twilio takes one.
MOST_FILES = 10
# The category of a file that says nothing else. A message does not store it.
USUAL_CATEGORY = "media"


def files_of(message: Mapping[str, Any]) -> list[Any]:
    """The files that a message carries, in order, each as the message describes it."""
    return files_in(message.get("media"))


def files_in(media: Any) -> list[Any]:
    """The files in the stored field `media`."""
    # While a message could carry one file only, this file was stored without a list around it.
    return [media] if isinstance(media, Mapping) else media or []


def check_body(body: str) -> str:
    """The body, which may be empty.

    Raises:
        Refusal: 50504.
    """
    if len(body.encode()) > LONGEST_BODY_BYTES or len(json.dumps(body, ensure_ascii=False).encode()) > LONGEST_AS_JSON:
        raise BODY_TOO_LONG()
    return body
