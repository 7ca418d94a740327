"""The account: the deployment itself (https://www.twilio.com/docs/iam/api/account). It can only be fetched.

The auth token, which Twilio shows here, stays in Secrets Manager.
"""

from __future__ import annotations

from parley.records.kinds import Text
from parley.records.spec import Field, RecordType
from parley.store import keys

ACCOUNT = RecordType(
    name="account",
    prefix="AC",
    parent="account",
    key=lambda path: keys.service(path["sid"], ""),
    fields=(
        Field("friendly_name", Text(), default="Parley"),
        Field("status", Text(), default="active"),
        Field("type", Text(), default="Full"),
        Field("auth_token", Text()),
    ),
)
