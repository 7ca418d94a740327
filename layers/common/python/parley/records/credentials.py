"""The push Credential row (https://www.twilio.com/docs/chat/rest/credential-resource). Its secrets are never shown."""

from __future__ import annotations

from parley import errors
from parley.domain.push import CREDENTIAL_TYPES
from parley.records.kinds import Choice, Flag, Text
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

# A PEM certificate chain or a service account's JSON fits well.
_SECRET = Text(16 * 1024)


def _mount(version: str) -> Mount:
    return Mount(
        f"/chat/{version}",
        "/Credentials/{sid}",
        View("sid account_sid friendly_name type sandbox date_created date_updated url"),
        page_limits=(50, 1000),
    )


CREDENTIAL = Resource(
    name="credential",
    plural="credentials",
    prefix="CR",
    key=lambda path: keys.credential(path["account_sid"], path["sid"]),
    range=lambda path: keys.credentials(path["account_sid"]),
    fields=(
        Field("type", Choice(CREDENTIAL_TYPES), on="create", required="create"),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), on="create update"),
        Field("certificate", _SECRET, on="create update"),
        Field("private_key", _SECRET, on="create update"),
        # Answered as text, as the vendor does.
        Field("sandbox", Flag(as_text=True), on="create update"),
        Field("api_key", _SECRET, on="create update"),
        Field("secret", _SECRET, on="create update"),
    ),
    mounts=(_mount("v2"), _mount("v1")),
)
