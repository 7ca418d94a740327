"""Access tokens, as Twilio's helper libraries make them, and the service that they are for."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.place import ApiKey
from cli.rest import Refused, Rest
from cli.trouble import Trouble

# How many services a person is shown to choose from.
_MOST_SHOWN = 20


def access_token(account_sid: str, key: ApiKey, identity: str, service_sid: str, expires_at: int) -> str:
    """A token with which `identity` connects until then (seconds since the epoch)."""
    import jwt

    claims = {
        "jti": f"{key.sid}-{uuid.uuid4().hex}",
        "iss": key.sid,
        "sub": account_sid,
        "exp": expires_at,
        "grants": {"identity": identity, "chat": {"service_sid": service_sid}},
    }
    return jwt.encode(claims, key.secret, "HS256", headers={"cty": "twilio-fpa;v=1"})


def service_sid(rest: Rest, wanted: str | None) -> str:
    """The SID of the wanted service, or of the only one.

    Raises:
        Trouble: there is no such service, or there are several to choose from.
    """
    if wanted:
        try:
            return str(rest.get(f"/chat/v2/Services/{wanted}")["sid"])
        except Refused as refused:
            if refused.status != 404:
                raise
            raise Trouble(f"there is no service {wanted}: `parley status` lists the services") from None
    found = list(itertools.islice(rest.listed("/chat/v2/Services", "services"), _MOST_SHOWN + 1))
    if not found:
        raise Trouble("there is no service yet: make one over REST or in the console")
    if len(found) > 1:
        raise Trouble("\n".join(["there are several services: choose one with --service", *_shown(found)]))
    return str(found[0]["sid"])


def _shown(services: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in services[:_MOST_SHOWN]:
        # A name may have any characters. Some of them would command the terminal.
        name = "".join(letter if letter.isprintable() else " " for letter in one["friendly_name"] or "")
        yield f"  {one['sid']}  {name}".rstrip()
    if len(services) > _MOST_SHOWN:
        yield "  and more: `parley status --json` lists all of them"
