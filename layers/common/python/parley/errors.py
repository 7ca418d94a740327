"""Every error Parley answers with: one table, raised anywhere, translated once at each door.

`raise MEMBER_EXISTS()` raises a Refusal that carries the row; names in braces are filled from the call:
`raise MISSING_PARAMETER(name="Identity")`. Codes and statuses come from the vendor's error dictionary
(https://www.twilio.com/docs/api/errors); texts follow recorded responses where there are any.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Error:
    """One row: HTTP status, vendor code, text."""

    status: int
    code: int
    text: str

    def __call__(self, **details: object) -> Refusal:
        return Refusal(self, self.text.format(**details) if details else self.text)


class Refusal(Exception):
    """A request that is refused; `error` is the table row, `str()` the text for the caller."""

    def __init__(self, error: Error, text: str):
        super().__init__(text)
        self.error = error


# The platform
MISSING_PARAMETER = Error(400, 20001, "Missing required parameter {name} in the post body")
INVALID_PARAMETER = Error(400, 20001, "Invalid value for parameter {name}: {reason}")
UNKNOWN_VALUE = Error(400, 20001, "Parameter {name} must be one of: {choices}")
INVALID_BODY = Error(400, 20001, "The request body could not be read: {reason}")
UNAUTHENTICATED = Error(401, 20003, "Authenticate")
ACCESS_DENIED = Error(403, 20006, "Access denied: API keys are managed with the account's auth token")
VERB_NOT_ALLOWED = Error(405, 20004, "Method not allowed")
EMPTY_UPDATE = Error(400, 20161, "The update names no parameter that can be changed")
INVALID_PAGE_SIZE = Error(400, 20007, "Page size must be a number from 1 to 1000")
INVALID_PAGE_TOKEN = Error(400, 20001, "Invalid value for parameter PageToken: not a token of this list")
# The REST door adds the path that was asked for.
NOT_FOUND = Error(404, 20404, "The requested resource was not found")
CONCURRENT_UPDATE = Error(409, 20409, "The resource was changed by another request; try again")
REPLY_TOO_LARGE = Error(413, 20413, "The reply is larger than a socket carries; what was asked for is done")
TOO_LARGE = Error(413, 20413, "The request body is too large: at most {limit} bytes")
INTERNAL = Error(500, 20500, "An internal server error has occurred")
UNAVAILABLE = Error(503, 20503, "The service is too busy; try again in a moment")

# Access tokens
TOKEN_INVALID = Error(401, 20101, "Invalid Access Token")
TOKEN_HEADER = Error(401, 20102, "Invalid Access Token header")
TOKEN_ISSUER = Error(401, 20103, "Invalid Access Token issuer/subject")
TOKEN_EXPIRED = Error(401, 20104, "Access Token has expired or expiration date is invalid")
TOKEN_NOT_YET_VALID = Error(401, 20105, "Access Token not yet valid")
TOKEN_GRANTS = Error(401, 20106, "Invalid Access Token grants")
TOKEN_SIGNATURE = Error(401, 20107, "Invalid Access Token signature")
TOKEN_FOREIGN_SERVICE = Error(403, 20106, "Invalid Access Token grants: the service is not of this account")
TOKEN_OF_ANOTHER = Error(403, 20106, "Invalid Access Token grants: another identity or service than so far")
TOKEN_TOO_LONG_LIVED = Error(401, 20157, "Expiration time in the Access Token is more than 24 hours away")

# Chat: values common to several resources
FRIENDLY_NAME_TOO_LONG = Error(400, 50003, "Friendly name is too long: at most {longest} characters")
UNIQUE_NAME_TOO_LONG = Error(400, 50004, "Unique name is too long: at most 256 characters")
ATTRIBUTES_TOO_LONG = Error(400, 50303, "Attributes are too long: at most {limit} bytes")
ATTRIBUTES_NOT_JSON = Error(400, 50304, "Attributes not valid: not a JSON document")
DATE_CREATED_INVALID = Error(400, 50308, "DateCreated is not a date in ISO 8601 format")
DATE_UPDATED_INVALID = Error(400, 50309, "DateUpdated is not a date in ISO 8601 format")
AUTHOR_TOO_LONG = Error(400, 50310, "Author is too long: at most 256 characters")
LAST_UPDATED_BY_TOO_LONG = Error(400, 50505, "LastUpdatedBy is too long: at most 256 characters")
PRE_WEBHOOK_REFUSED = Error(403, 50056, "The service's pre-event webhook refused the command")
FORBIDDEN = Error(403, 50107, "User not authorized for command")

# Actions per second
CHANNEL_RATE = Error(429, 50063, "Rate limit exceeded: too many actions per second in this channel")
SERVICE_RATE = Error(429, 50074, "Rate limit exceeded: too many actions per second in this service")

# Services
CONSUMPTION_INTERVAL_INVALID = Error(400, 50052, "ConsumptionReportInterval must be a whole number of seconds")
TYPING_TIMEOUT_INVALID = Error(400, 50053, "TypingIndicatorTimeout must be a whole number of seconds")
WEBHOOK_METHOD_INVALID = Error(400, 50055, "WebhookMethod must be GET or POST")
WEBHOOK_FILTER_INVALID = Error(400, 50054, "WebhookFilters: there is no event {name}")
WEBHOOK_RETRY_COUNT_INVALID = Error(400, 50065, "Webhook retry count must be a whole number from 0 to 3")
TEMPLATE_TOO_LONG = Error(400, 50058, "Notification template is too long: at most 2048 characters")
SOUND_TOO_LONG = Error(400, 50059, "Notification sound is too long: at most 256 characters")
USER_CHANNELS_LIMIT_INVALID = Error(400, 50060, "Limits.UserChannels must be a whole number from 1 to 1000")
CHANNEL_MEMBERS_LIMIT_INVALID = Error(400, 50061, "Limits.ChannelMembers must be a whole number from 1 to 1000")
PRE_WEBHOOK_URL_INVALID = Error(400, 50077, "PreWebhookUrl is not usable: {reason}")
POST_WEBHOOK_URL_INVALID = Error(400, 50078, "PostWebhookUrl is not usable: {reason}")

# Roles
ROLE_NOT_FOUND = Error(404, 50100, "Role not found")
UNKNOWN_PERMISSION = Error(400, 50104, "Unknown permission for a {type} role: {name}")
ROLE_TYPE_INVALID = Error(400, 50105, "Role type must be channel or deployment")
ROLE_TYPE_MISMATCH = Error(400, 50105, "Role type mismatch: a role of type {type} is needed")
ROLE_IN_USE = Error(409, 20409, "Role is in use: give its users and members another role first")

# Users
USER_NOT_FOUND = Error(404, 50200, "User not found")
USER_EXISTS = Error(409, 50201, "User already exists")
IDENTITY_RESERVED = Error(400, 50203, "Identity is reserved: {identity}")
IDENTITY_EMPTY = Error(400, 50204, "Identity must not be empty")
IDENTITY_IS_SID = Error(400, 50206, "Identity must not have the form of a User SID")
IDENTITY_TOO_LONG = Error(400, 50207, "Identity is too long: at most 256 characters")
USER_CHANNELS_FULL = Error(403, 50208, "User is already in the maximum number of channels")

# Channels and members
CHANNEL_TYPE_INVALID = Error(400, 20001, "Parameter Type must be one of: public, private")
UNIQUE_NAME_IS_SID = Error(400, 50306, "Unique name must not have the form of a Channel SID")
UNIQUE_NAME_EXISTS = Error(409, 50307, "Channel with provided unique name already exists")
NOT_MADE_PRIVATE = Error(400, 50393, "Type must be given as private: a channel can only be made private")
EMPTY_CHANNEL_UPDATE = Error(400, 50347, "The channel update names no parameter that can be changed")
NOT_A_MEMBER = Error(403, 50400, "User not member of channel")
CHANNEL_FULL = Error(403, 50403, "Channel has the maximum number of members")
MEMBER_EXISTS = Error(409, 50404, "Member already exists")
CONSUMPTION_TIME_INVALID = Error(400, 50405, "LastConsumptionTimestamp is not a date in ISO 8601 format")
# The vendor names no code for it (unconfirmed).
READ_STATUS_DISABLED = Error(403, 20403, "The service's read status is disabled: there is no consumption horizon")
CONSUMED_INDEX_INVALID = Error(400, 50406, "LastConsumedMessageIndex must be a whole number, 0 or more")

# Invites and bindings
INVITE_NOT_FOUND = Error(404, 50601, "Invite not found: the user is not invited to this channel")
INVITE_USED = Error(409, 50602, "The invite cannot be declined: the user is a member of the channel")
INVITE_EXISTS = Error(409, 50212, "User already invited")
BINDING_TYPE_INVALID = Error(400, 50209, "Binding type must be one of: gcm, apn, fcm")
NOTIFICATION_LEVEL_INVALID = Error(400, 50210, "Notification level must be default or muted")

# Channel webhooks
CHANNEL_WEBHOOKS_FULL = Error(400, 50321, "Channel has the maximum number of webhooks (5)")
CHANNEL_WEBHOOK_TRIGGERS_FULL = Error(400, 50322, "Webhook has too many triggers: at most 5")
CHANNEL_WEBHOOK_TYPE_INVALID = Error(400, 50324, "Webhook type must be one of: webhook, trigger, studio")
CHANNEL_WEBHOOK_FILTER_INVALID = Error(400, 50325, "Configuration.Filters: there is no event {name} for a channel")
CHANNEL_WEBHOOK_TRIGGER_INVALID = Error(400, 50326, "Configuration.Triggers: a trigger has 1 to 248 characters")
CHANNEL_WEBHOOK_FLOW_INVALID = Error(400, 50327, "Configuration.FlowSid must be a SID beginning with FW")
CHANNEL_WEBHOOK_TYPE_MISSING = Error(400, 50328, "Missing required parameter Type in the post body")
CHANNEL_WEBHOOK_URL_MISSING = Error(400, 50329, "Missing required parameter Configuration.Url in the post body")
CHANNEL_WEBHOOK_FILTER_MISSING = Error(400, 50330, "Missing required parameter Configuration.Filters in the post body")
CHANNEL_WEBHOOK_TRIGGER_MISSING = Error(
    400, 50331, "Missing required parameter Configuration.Triggers in the post body"
)
CHANNEL_WEBHOOK_URL_TOO_LONG = Error(400, 50332, "Configuration.Url is too long: at most 512 characters")
CHANNEL_WEBHOOK_URL_INVALID = Error(400, 20001, "Invalid value for parameter Configuration.Url: {reason}")

# Messages
BODY_REQUIRED = Error(400, 50503, "Message body is required")
BODY_TOO_LONG = Error(400, 50504, "Message body is too long: at most 32768 bytes")
MEDIA_NOT_FOUND = Error(404, 50507, "Media not found")
MEDIA_USED = Error(409, 50508, "Media is used by another message")
MEDIA_BODY_FIXED = Error(400, 50509, "The body of a media message cannot change")
MESSAGE_PAGE_TOKEN_INVALID = Error(400, 19038, "Invalid value for parameter PageToken: a message index, 0 or more")

# Sockets
FRAME_INVALID = Error(400, 20001, "The frame is not a JSON object with an id and an action")
UNKNOWN_ACTION = Error(400, 20001, "Unknown action: {action}")
TOO_MANY_CONNECTIONS = Error(429, 51001, "Too many connections: this one gave way to a newer one of the same identity")
TOO_MANY_REQUESTS = Error(429, 51002, "Too many requests on this connection: wait a second")
IDENTITY_TOO_LONG_TO_CONNECT = Error(400, 51003, "Identity is too long: at most 256 characters")
ENDPOINT_ID_TOO_LONG = Error(400, 51004, "Endpoint id is too long: at most 512 characters")
CONNECTION_EXPIRED = Error(401, 51006, "The connection is unknown or has expired; connect again")
