"""What Twilio's helper library for Python tells a program, as values that JSON has."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException


def plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def refusal(error: TwilioException) -> dict[str, Any]:
    """What the server said: the library puts its own words around it, and around a list's differently."""
    if isinstance(error, TwilioRestException):
        return {"status": error.status, "code": error.code, "message": error.msg.partition(": ")[2]}
    body = json.loads(error.args[1].text)
    return {name: body[name] for name in ("status", "code", "message")}
