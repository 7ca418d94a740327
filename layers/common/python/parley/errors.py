"""Every reason for which Parley refuses something. Any module raises them; each face answers in its own way.

`raise MEMBER_EXISTS()` raises a Refusal with this reason. If a reason has details, the call names them:
`raise MISSING_PARAMETER(name="Identity")`. Each face gives it a status, a code and a text (`parley/faces/errors.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Error:
    """One reason, named as in this module; `details` names the details that its refusals carry."""

    __slots__ = ("details", "name")

    def __init__(self, details: str = ""):
        self.name = ""
        self.details = tuple(details.split())

    def __call__(self, **details: object) -> Refusal:
        return Refusal(self, details)

    def __repr__(self) -> str:
        return self.name


class Refusal(Exception):
    """Something was refused: `error` is the reason, `details` are the facts of this case."""

    def __init__(self, error: Error, details: dict[str, object] | None = None):
        super().__init__(error)
        self.error = error
        self.details = details or {}

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.details.items())
        return f"{self.error.name}({given})"


@contextmanager
def ignoring(*errors: Error) -> Iterator[None]:
    """Ignore a refusal for one of these reasons: what follows inside it is left out."""
    try:
        yield
    except Refusal as refusal:
        if refusal.error not in errors:
            raise


# The platform
MISSING_PARAMETER = Error("name")
INVALID_PARAMETER = Error("name reason")
UNKNOWN_VALUE = Error("name choices")
INVALID_BODY = Error("reason")
UNAUTHENTICATED = Error()
ACCESS_DENIED = Error()
VERB_NOT_ALLOWED = Error()
EMPTY_UPDATE = Error()
INVALID_PAGE_SIZE = Error()
INVALID_PAGE_TOKEN = Error()
NOT_FOUND = Error()
CONCURRENT_UPDATE = Error()
REPLY_TOO_LARGE = Error()
TOO_LARGE = Error("limit")
INTERNAL = Error()
UNAVAILABLE = Error()

# Access tokens
TOKEN_INVALID = Error()
TOKEN_HEADER = Error()
TOKEN_ISSUER = Error()
TOKEN_EXPIRED = Error()
TOKEN_NOT_YET_VALID = Error()
TOKEN_GRANTS = Error()
TOKEN_SIGNATURE = Error()
TOKEN_FOREIGN_SERVICE = Error()
TOKEN_OF_ANOTHER = Error()
TOKEN_TOO_LONG_LIVED = Error()

# Chat: values common to several resources
FRIENDLY_NAME_TOO_LONG = Error("longest")
UNIQUE_NAME_TOO_LONG = Error()
ATTRIBUTES_TOO_LONG = Error("limit")
ATTRIBUTES_NOT_JSON = Error()
DATE_CREATED_INVALID = Error()
DATE_UPDATED_INVALID = Error()
AUTHOR_TOO_LONG = Error()
LAST_UPDATED_BY_TOO_LONG = Error()
PRE_WEBHOOK_REFUSED = Error()
FORBIDDEN = Error()

# Actions per second
CHANNEL_RATE = Error()
SERVICE_RATE = Error()

# Services
SERVICE_NOT_FOUND = Error("sid")
CONSUMPTION_INTERVAL_INVALID = Error()
TYPING_TIMEOUT_INVALID = Error()
WEBHOOK_METHOD_INVALID = Error()
WEBHOOK_FILTER_INVALID = Error("name")
WEBHOOK_RETRY_COUNT_INVALID = Error()
TEMPLATE_TOO_LONG = Error()
SOUND_TOO_LONG = Error()
USER_CHANNELS_LIMIT_INVALID = Error()
CHANNEL_MEMBERS_LIMIT_INVALID = Error()
PRE_WEBHOOK_URL_INVALID = Error("reason")
POST_WEBHOOK_URL_INVALID = Error("reason")

# Roles
ROLE_NOT_FOUND = Error("type sid")
UNKNOWN_PERMISSION = Error("type name")
ROLE_TYPE_INVALID = Error()
ROLE_TYPE_MISMATCH = Error("type sid")
ROLE_IN_USE = Error()

# Users
USER_NOT_FOUND = Error()
USER_EXISTS = Error()
IDENTITY_RESERVED = Error("identity")
IDENTITY_EMPTY = Error()
IDENTITY_IS_SID = Error()
IDENTITY_TOO_LONG = Error()
USER_CHANNELS_FULL = Error()

# Channels and members
CHANNEL_TYPE_INVALID = Error()
UNIQUE_NAME_IS_SID = Error()
UNIQUE_NAME_EXISTS = Error()
NOT_MADE_PRIVATE = Error()
EMPTY_CHANNEL_UPDATE = Error()
NOT_A_MEMBER = Error()
CHANNEL_FULL = Error()
MEMBER_EXISTS = Error()
CONSUMPTION_TIME_INVALID = Error()
READ_STATUS_DISABLED = Error()
CONSUMED_INDEX_INVALID = Error()

# States and timers of conversations
CONVERSATION_CLOSED = Error()
CONVERSATION_INITIALIZING = Error()
STATE_EMPTY = Error()
STATE_INVALID = Error()
STATE_CLOSED_AT_CREATION = Error()
TIMER_WITHOUT_STATE = Error()
INACTIVE_TIMER_INVALID = Error()
INACTIVE_TIMER_TOO_SMALL = Error()
CLOSED_TIMER_INVALID = Error()
CLOSED_TIMER_TOO_SMALL = Error()
MESSAGING_SERVICE_EMPTY = Error()
MESSAGING_SERVICE_INVALID = Error()
DATES_REVERSED = Error()

# Participants outside of chat
IDENTITY_WITH_ADDRESS = Error()
NO_MESSAGING_SERVICE = Error()
ADDRESS_EMPTY = Error()
ADDRESS_INVALID = Error()
ADDRESSES_EQUAL = Error()
ADDRESS_TYPES_DIFFER = Error()
PROXY_ADDRESS_EMPTY = Error()
PROXY_ADDRESS_INVALID = Error()
PROXY_ADDRESS_FOREIGN = Error()
PROXY_NOT_SUPPORTED = Error()
WHATSAPP_SENDER_UNKNOWN = Error()
BINDING_NOT_SUPPORTED = Error()
PAIR_EXISTS = Error("channel_sid")
PHONES_FULL = Error()
BINDING_MISSING_IN_GROUP = Error()
GROUP_IMPOSSIBLE = Error()
GROUP_FULL = Error()
GROUP_MEMBER_EXISTS = Error()
GROUP_EXISTS = Error()
AUTHOR_NOT_IN_GROUP = Error()
GROUPS_DISABLED = Error()
PROJECTED_ADDRESS_FOREIGN = Error()
NO_PROXY_ADDRESS = Error()
PROXY_NOT_ADDABLE = Error()
NO_PROJECTED_ADDRESS = Error()
PROJECTED_NOT_ADDABLE = Error()
IDENTITY_NOT_ADDABLE = Error()
IDENTITY_AND_ADDRESS = Error()

# Conversations that are made with their participants
PARTICIPANT_NOT_JSON = Error()
PAIRS_IN_USE = Error()
TOO_MANY_PARTICIPANTS = Error()

# Addresses
ADDRESS_FOREIGN = Error()
ADDRESS_CONFIGURED = Error()
AUTO_CREATION_URL_INVALID = Error("reason")

# Messaging services
MESSAGING_URL_INVALID = Error("reason")
MESSAGING_SERVICE_IN_USE = Error()
MESSAGING_SERVICE_FULL = Error()
SENDER_IN_SERVICE = Error()
SENDER_IN_OTHER_SERVICE = Error()

# Invites and bindings
INVITE_NOT_FOUND = Error()
INVITE_USED = Error()
INVITE_EXISTS = Error()
BINDING_TYPE_INVALID = Error()
CREDENTIAL_NOT_FOUND = Error("sid type")
NOTIFICATION_LEVEL_INVALID = Error()

# Channel webhooks
CHANNEL_WEBHOOKS_FULL = Error()
CHANNEL_WEBHOOK_TRIGGERS_FULL = Error()
CHANNEL_WEBHOOK_TYPE_INVALID = Error()
CHANNEL_WEBHOOK_FILTER_INVALID = Error("name")
CHANNEL_WEBHOOK_TRIGGER_INVALID = Error()
CHANNEL_WEBHOOK_FLOW_INVALID = Error()
CHANNEL_WEBHOOK_TYPE_MISSING = Error()
CHANNEL_WEBHOOK_URL_MISSING = Error()
CHANNEL_WEBHOOK_FILTER_MISSING = Error()
CHANNEL_WEBHOOK_TRIGGER_MISSING = Error()
CHANNEL_WEBHOOK_URL_TOO_LONG = Error()
CHANNEL_WEBHOOK_URL_INVALID = Error("reason")

# Messages
BODY_REQUIRED = Error()
BODY_TOO_LONG = Error()
MEDIA_SID_INVALID = Error()
MEDIA_NOT_FOUND = Error("sid")
MEDIA_USED = Error("sid")
MEDIA_BODY_FIXED = Error()
MEDIA_TYPE_INVALID = Error()
MEDIA_SIZE_REFUSED = Error("reason")
NO_CHANNEL_METADATA = Error()
MESSAGE_PAGE_TOKEN_INVALID = Error()

CONTENT_SID_INVALID = Error()
CONTENT_VARIABLES_NOT_JSON = Error()
CONTENT_SID_MISSING = Error()
CONTENT_VARIABLES_TOO_LONG = Error()
CONTENT_VARIABLE_NAME_TOO_LONG = Error()
CONTENT_VARIABLE_TOO_LONG = Error()

# Sockets
FRAME_INVALID = Error()
UNKNOWN_ACTION = Error("action")
TOO_MANY_CONNECTIONS = Error()
TOO_MANY_REQUESTS = Error()
IDENTITY_TOO_LONG_TO_CONNECT = Error()
ENDPOINT_ID_TOO_LONG = Error()
CONNECTION_EXPIRED = Error()

# Sync, as SDKs know it
DOCUMENT_NOT_FOUND = Error()
LIST_NOT_FOUND = Error()
MAP_NOT_FOUND = Error()
OBJECT_DENIED = Error()

for _name, _error in list(globals().items()):
    if isinstance(_error, Error):
        _error.name = _name
del _name, _error
