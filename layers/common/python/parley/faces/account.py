"""The account API of 2010 (https://www.twilio.com/docs/iam): the account itself, and its API keys."""

from __future__ import annotations

from parley.faces.spec import Face, Mount, View
from parley.operations.context import Perspective
from parley.records import ACCOUNT, API_KEY

FACE = Face("account", "/2010-04-01", style="2010", suffix=".json", perspective=Perspective("account", "account"))


def _keys(segment: str, plural: str) -> Mount:
    return Mount(
        FACE,
        API_KEY,
        f"/Accounts/{{account_sid}}/{segment}/{{sid}}",
        View("sid friendly_name date_created date_updated"),
        create="friendly_name ttl",
        update="friendly_name",
        plural=plural,
        page_limits=(50, 1000),
        once="secret",
    )


MOUNTS = (
    Mount(
        FACE,
        ACCOUNT,
        "/Accounts/{sid}",
        View("sid friendly_name status type owner_account_sid=account_sid auth_token date_created date_updated uri"),
        verbs=("fetch",),
    ),
    _keys("Keys", "keys"),
    _keys("SigningKeys", "signing_keys"),
)
