"""API keys, which the account API offers as Keys and as SigningKeys (https://www.twilio.com/docs/iam/api-keys)."""

from __future__ import annotations

from parley import errors
from parley.records.kinds import Text, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys

API_KEY = RecordType(
    name="api_key",
    prefix="SK",
    parent="account",
    key=lambda path: keys.api_key(path["account_sid"], path["sid"]),
    range=lambda path: keys.api_keys(path["account_sid"]),
    fields=(
        Field("friendly_name", Text(64, errors.FRIENDLY_NAME_TOO_LONG), "The name that people see.", default=""),
        # Parley's own: the key ends by itself after so many seconds.
        Field(
            "ttl", Whole(60, 86_400), "After how many seconds the key ends by itself; this parameter is Parley's own."
        ),
    ),
    computed=(Field("secret", Text(), "The secret of the key, which only this answer shows."),),
)
