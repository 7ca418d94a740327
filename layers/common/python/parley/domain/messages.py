"""Messages: what a body may be."""

from __future__ import annotations

import json

from parley.errors import BODY_TOO_LONG

# 32 KB (https://www.twilio.com/docs/chat/chat-limits), counted in bytes as it is stored and sent.
LONGEST_BODY_BYTES = 32 * 1024
# A control character takes six bytes in JSON. Thousands of them would make a message that no socket carries.
LONGEST_AS_JSON = 2 * LONGEST_BODY_BYTES + 2


def check_body(body: str) -> str:
    """The body, which may be empty.

    Raises:
        Refusal: 50504.
    """
    if len(body.encode()) > LONGEST_BODY_BYTES or len(json.dumps(body, ensure_ascii=False).encode()) > LONGEST_AS_JSON:
        raise BODY_TOO_LONG()
    return body
