"""The API key row, offered as Keys and as SigningKeys (https://www.twilio.com/docs/iam/api-keys)."""

from __future__ import annotations

from parley import errors
from parley.records.kinds import Text
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys


def _mount(name: str, plural: str) -> Mount:
    return Mount(
        "/2010-04-01",
        f"/Accounts/{{account_sid}}/{name}/{{sid}}",
        View("sid friendly_name date_created date_updated"),
        style="2010",
        suffix=".json",
        plural=plural,
        page_limits=(50, 1000),
        creates="secret",
    )


API_KEY = Resource(
    name="api_key",
    plural="keys",
    prefix="SK",
    key=lambda path: keys.api_key(path["account_sid"], path["sid"]),
    range=lambda path: keys.api_keys(path["account_sid"]),
    fields=(Field("friendly_name", Text(64, errors.FRIENDLY_NAME_TOO_LONG), on="create update", default=""),),
    mounts=(_mount("Keys", "keys"), _mount("SigningKeys", "signing_keys")),
)
