"""The signature that lets an owner trust a webhook: https://www.twilio.com/docs/usage/webhooks/webhooks-security."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping


def signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """`X-Twilio-Signature` of a request to `url` (as sent, with its query) with the form `form` (empty for GET)."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), "sha1")).decode()
