"""The Account row: the deployment itself (https://www.twilio.com/docs/iam/api/account). It can only be looked at.

The auth token, which the vendor shows here, stays in Secrets Manager.
"""

from __future__ import annotations

from parley.records.kinds import Text
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

ACCOUNT = Resource(
    name="account",
    plural="accounts",
    prefix="AC",
    key=lambda path: keys.service(path["sid"], ""),
    range=None,
    fields=(
        Field("friendly_name", Text(), default="Parley"),
        Field("status", Text(), default="active"),
        Field("type", Text(), default="Full"),
    ),
    mounts=(
        Mount(
            "/2010-04-01",
            "/Accounts/{sid}",
            View(
                "sid friendly_name status type owner_account_sid=account_sid auth_token date_created date_updated uri"
            ),
            verbs=("fetch",),
            style="2010",
            suffix=".json",
        ),
    ),
)
