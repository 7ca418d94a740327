"""Push credentials (https://www.twilio.com/docs/chat/rest/credential-resource).

Their secrets are handed to the push service. They are neither stored nor shown (`operations/credentials.py`).
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
        Field("type", Choice(CREDENTIAL_TYPES), always=True),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG)),
        Field("certificate", _SECRET),
        Field("private_key", _SECRET),
        # Answered as text, as Twilio does.
        Field("sandbox", Flag(as_text=True)),
        Field("api_key", _SECRET),
        Field("secret", _SECRET),
        # Parley's own: with them, a key of Apple's needs no certificate.
        Field("key_id", Text(64)),
        Field("team_id", Text(64)),
        Field("bundle_id", Text(256)),
    ),
    remains="type",
)
