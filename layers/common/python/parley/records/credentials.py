"""Push credentials (https://www.twilio.com/docs/chat/rest/credential-resource).

Parley hands their secrets to the push service. It neither stores nor shows the secrets (`operations/credentials.py`).
"""

from __future__ import annotations

from parley import errors
from parley.domain.push import CREDENTIAL_TYPES
from parley.records.kinds import Choice, Flag, Text
from parley.records.spec import Field, RecordType
from parley.store import keys

# A PEM certificate chain or a service account's JSON fits well.
_SECRET = Text(16 * 1024)

CREDENTIAL = RecordType(
    name="credential",
    prefix="CR",
    parent="account",
    key=lambda path: keys.credential(path["account_sid"], path["sid"]),
    range=lambda path: keys.credentials(path["account_sid"]),
    fields=(
        Field(
            "type",
            Choice(CREDENTIAL_TYPES),
            "The push service that takes the credential: Apple's (`apn`) or Google's (`fcm`, formerly `gcm`).",
            always=True,
        ),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), "The name that people see."),
        Field("certificate", _SECRET, "For `apn`: the certificate, as PEM text."),
        Field(
            "private_key",
            _SECRET,
            "For `apn`: the private key of the certificate, as PEM text, or the signing key of Apple.",
        ),
        # Answered as text, as Twilio does.
        Field("sandbox", Flag(as_text=True), "For `apn`: whether notifications go through Apple's sandbox."),
        Field("api_key", _SECRET, "For `gcm`: the server key."),
        Field("secret", _SECRET, "For `fcm`: the JSON of the service account, or the server key."),
        # Parley's own: with them, a key of Apple's needs no certificate.
        Field("key_id", Text(64), "For `apn` with a signing key: the id of the key; this parameter is Parley's own."),
        Field("team_id", Text(64), "For `apn` with a signing key: the id of the team; this parameter is Parley's own."),
        Field(
            "bundle_id", Text(256), "For `apn` with a signing key: the id of the app; this parameter is Parley's own."
        ),
    ),
    remains="type",
)
