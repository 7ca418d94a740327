"""The table of answers to refusals: status, code and text, with a column for each family of faces.

`chat` is Chat v1, v2 and v3 and the native sockets; `conversations` is Conversations v1; `account` is the account API.
Names in braces are filled from the refusal. Codes and statuses come from Twilio's error dictionary
(https://www.twilio.com/docs/api/errors); texts follow recorded responses where there are any. A face that can meet a
refusal has an answer to it: `tests/architecture/test_errors.py` follows the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from parley import errors
from parley.errors import Error, Refusal
from parley.log import logger
from parley.metrics import REQUEST_ERRORS, SERVER_ERRORS, count


class Answer(NamedTuple):
    """The status, code and text of an answer."""

    status: int
    code: int
    text: str


class Row(NamedTuple):
    """The answers to one refusal, None in the columns of faces that never meet it."""

    chat: Answer | None = None
    account: Answer | None = None
    conversations: Answer | None = None


def _everywhere(status: int, code: int, text: str) -> Row:
    answer = Answer(status, code, text)
    return Row(answer, answer, answer)


def _both(status: int, code: int, text: str) -> Row:
    """Chat and Conversations answer the same."""
    answer = Answer(status, code, text)
    return Row(chat=answer, conversations=answer)


def _each(chat: tuple[int, int, str], conversations: tuple[int, int, str]) -> Row:
    """Chat and Conversations answer differently."""
    return Row(chat=Answer(*chat), conversations=Answer(*conversations))


def _chat(status: int, code: int, text: str) -> Row:
    return Row(chat=Answer(status, code, text))


def _conversations(status: int, code: int, text: str) -> Row:
    return Row(conversations=Answer(status, code, text))


def _account(status: int, code: int, text: str) -> Row:
    return Row(account=Answer(status, code, text))


TABLE: dict[Error, Row] = {
    # The platform
    errors.MISSING_PARAMETER: _everywhere(400, 20001, "Missing required parameter {name} in the post body"),
    errors.INVALID_PARAMETER: _everywhere(400, 20001, "Invalid value for parameter {name}: {reason}"),
    errors.UNKNOWN_VALUE: _everywhere(400, 20001, "Parameter {name} must be one of: {choices}"),
    errors.INVALID_BODY: _everywhere(400, 20001, "The request body could not be read: {reason}"),
    errors.UNAUTHENTICATED: _everywhere(401, 20003, "Authenticate"),
    errors.ACCESS_DENIED: _everywhere(403, 20006, "Access denied: API keys are managed with the account's auth token"),
    errors.VERB_NOT_ALLOWED: _everywhere(405, 20004, "Method not allowed"),
    errors.EMPTY_UPDATE: _everywhere(400, 20161, "The update names no parameter that can be changed"),
    errors.INVALID_PAGE_SIZE: _everywhere(400, 20007, "Page size must be a number from 1 to 1000"),
    errors.INVALID_PAGE_TOKEN: _everywhere(
        400, 20001, "Invalid value for parameter PageToken: not a token of this list"
    ),
    # The REST door adds the path that was asked for.
    errors.NOT_FOUND: _everywhere(404, 20404, "The requested resource was not found"),
    errors.CONCURRENT_UPDATE: _everywhere(409, 20409, "The resource was changed by another request; try again"),
    errors.REPLY_TOO_LARGE: _both(413, 20413, "The reply is larger than a socket carries; what was asked for is done"),
    errors.TOO_LARGE: _everywhere(413, 20413, "The request body is too large: at most {limit} bytes"),
    errors.INTERNAL: _everywhere(500, 20500, "An internal server error has occurred"),
    errors.UNAVAILABLE: _everywhere(503, 20503, "The service is too busy; try again in a moment"),
    # Access tokens
    errors.TOKEN_INVALID: _chat(401, 20101, "Invalid Access Token"),
    errors.TOKEN_HEADER: _chat(401, 20102, "Invalid Access Token header"),
    errors.TOKEN_ISSUER: _chat(401, 20103, "Invalid Access Token issuer/subject"),
    errors.TOKEN_EXPIRED: _chat(401, 20104, "Access Token has expired or expiration date is invalid"),
    errors.TOKEN_NOT_YET_VALID: _chat(401, 20105, "Access Token not yet valid"),
    errors.TOKEN_GRANTS: _chat(401, 20106, "Invalid Access Token grants"),
    errors.TOKEN_SIGNATURE: _chat(401, 20107, "Invalid Access Token signature"),
    errors.TOKEN_FOREIGN_SERVICE: _chat(403, 20106, "Invalid Access Token grants: the service is not of this account"),
    errors.TOKEN_OF_ANOTHER: _chat(403, 20106, "Invalid Access Token grants: another identity or service than so far"),
    errors.TOKEN_TOO_LONG_LIVED: _chat(401, 20157, "Expiration time in the Access Token is more than 24 hours away"),
    # Chat: values common to several resources
    errors.FRIENDLY_NAME_TOO_LONG: _everywhere(400, 50003, "Friendly name is too long: at most {longest} characters"),
    errors.UNIQUE_NAME_TOO_LONG: _both(400, 50004, "Unique name is too long: at most 256 characters"),
    errors.ATTRIBUTES_TOO_LONG: _both(400, 50303, "Attributes are too long: at most {limit} bytes"),
    errors.ATTRIBUTES_NOT_JSON: _both(400, 50304, "Attributes not valid: not a JSON document"),
    errors.DATE_CREATED_INVALID: _both(400, 50308, "DateCreated is not a date in ISO 8601 format"),
    errors.DATE_UPDATED_INVALID: _both(400, 50309, "DateUpdated is not a date in ISO 8601 format"),
    errors.AUTHOR_TOO_LONG: _both(400, 50310, "Author is too long: at most 256 characters"),
    errors.LAST_UPDATED_BY_TOO_LONG: _both(400, 50505, "LastUpdatedBy is too long: at most 256 characters"),
    errors.PRE_WEBHOOK_REFUSED: _both(403, 50056, "The service's pre-event webhook refused the command"),
    errors.FORBIDDEN: _both(403, 50107, "User not authorized for command"),
    # Actions per second
    errors.CHANNEL_RATE: _each(
        (429, 50063, "Rate limit exceeded: too many actions per second in this channel"),
        (429, 50063, "Rate limit exceeded: too many actions per second in this conversation"),
    ),
    errors.SERVICE_RATE: _both(429, 50074, "Rate limit exceeded: too many actions per second in this service"),
    # Services
    errors.SERVICE_NOT_FOUND: _conversations(404, 50050, "Service not found: {sid}"),
    errors.CONSUMPTION_INTERVAL_INVALID: _chat(
        400, 50052, "ConsumptionReportInterval must be a whole number of seconds"
    ),
    errors.TYPING_TIMEOUT_INVALID: _chat(400, 50053, "TypingIndicatorTimeout must be a whole number of seconds"),
    errors.WEBHOOK_METHOD_INVALID: _each(
        (400, 50055, "WebhookMethod must be GET or POST"), (400, 50055, "The method of a webhook must be GET or POST")
    ),
    errors.WEBHOOK_FILTER_INVALID: _each(
        (400, 50054, "WebhookFilters: Chat has no event {name}"),
        (400, 50054, "Filters: Conversations has no event {name}"),
    ),
    errors.WEBHOOK_RETRY_COUNT_INVALID: _both(400, 50065, "Webhook retry count must be a whole number from 0 to 3"),
    errors.TEMPLATE_TOO_LONG: _both(400, 50058, "Notification template is too long: at most 2048 characters"),
    errors.SOUND_TOO_LONG: _both(400, 50059, "Notification sound is too long: at most 256 characters"),
    errors.USER_CHANNELS_LIMIT_INVALID: _chat(400, 50060, "Limits.UserChannels must be a whole number from 1 to 1000"),
    errors.CHANNEL_MEMBERS_LIMIT_INVALID: _chat(
        400, 50061, "Limits.ChannelMembers must be a whole number from 1 to 1000"
    ),
    errors.PRE_WEBHOOK_URL_INVALID: _both(400, 50077, "PreWebhookUrl is not usable: {reason}"),
    errors.POST_WEBHOOK_URL_INVALID: _both(400, 50078, "PostWebhookUrl is not usable: {reason}"),
    # Roles
    errors.ROLE_NOT_FOUND: Row(
        chat=Answer(404, 50100, "Role not found: {sid}"),
        conversations=Answer(404, 50100, "Role not found: {sid}"),
    ),
    errors.UNKNOWN_PERMISSION: _each(
        (400, 50104, "Unknown permission for a {type} role: {name}"),
        (400, 50104, "There is no permission {name} for a role of this type"),
    ),
    errors.ROLE_TYPE_INVALID: _each(
        (400, 50105, "Role type must be channel or deployment"),
        (400, 50105, "Role type must be conversation or service"),
    ),
    errors.ROLE_TYPE_MISMATCH: Row(
        chat=Answer(400, 50105, "Role type mismatch: a role of type {type} is needed"),
        conversations=Answer(404, 50101, "Role not found: {sid} is a role of the other type"),
    ),
    errors.ROLE_IN_USE: _each(
        (409, 20409, "Role is in use: give its users and members another role first"),
        (409, 20409, "Role is in use: give its users and participants another role first"),
    ),
    # Users
    errors.USER_NOT_FOUND: _both(404, 50200, "User not found"),
    errors.USER_EXISTS: _both(409, 50201, "User already exists"),
    errors.IDENTITY_RESERVED: _both(400, 50203, "Identity is reserved: {identity}"),
    errors.IDENTITY_EMPTY: _both(400, 50204, "Identity must not be empty"),
    errors.IDENTITY_IS_SID: _both(400, 50206, "Identity must not have the form of a User SID"),
    errors.IDENTITY_TOO_LONG: _both(400, 50207, "Identity is too long: at most 256 characters"),
    errors.USER_CHANNELS_FULL: _each(
        (403, 50208, "User is already in the maximum number of channels"),
        (403, 50214, "User is already in the maximum number of conversations"),
    ),
    # Channels and members
    errors.CHANNEL_TYPE_INVALID: _chat(400, 20001, "Parameter Type must be one of: public, private"),
    errors.UNIQUE_NAME_IS_SID: _each(
        (400, 50306, "Unique name must not have the form of a Channel SID"),
        (400, 50390, "Unique name must not have the form of a Conversation SID"),
    ),
    errors.UNIQUE_NAME_EXISTS: _each(
        (409, 50307, "Channel with provided unique name already exists"),
        (409, 50353, "Conversation with provided unique name already exists"),
    ),
    errors.NOT_MADE_PRIVATE: _chat(400, 50393, "Type must be given as private: a channel can only be made private"),
    errors.EMPTY_CHANNEL_UPDATE: _chat(400, 50347, "The channel update names no parameter that can be changed"),
    errors.NOT_A_MEMBER: _each(
        (403, 50400, "User not member of channel"), (403, 50430, "User not participant of conversation")
    ),
    errors.CHANNEL_FULL: _each(
        (403, 50403, "Channel has the maximum number of members"),
        (403, 50417, "Conversation has the maximum number of participants"),
    ),
    errors.MEMBER_EXISTS: _each((409, 50404, "Member already exists"), (409, 50433, "Participant already exists")),
    errors.CONSUMPTION_TIME_INVALID: _each(
        (400, 50405, "LastConsumptionTimestamp is not a date in ISO 8601 format"),
        (400, 50405, "LastReadTimestamp is not a date in ISO 8601 format"),
    ),
    # Twilio documents no code for this (unconfirmed).
    errors.READ_STATUS_DISABLED: _both(403, 20403, "The service's read status is disabled: there is no horizon"),
    errors.CONSUMED_INDEX_INVALID: _each(
        (400, 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
        (400, 50421, "LastReadMessageIndex must be a whole number, 0 or more"),
    ),
    # States and timers of conversations
    errors.CONVERSATION_CLOSED: _both(400, 50377, "Conversation is closed"),
    errors.CONVERSATION_INITIALIZING: _both(400, 50386, "Conversation is initializing"),
    errors.STATE_EMPTY: _conversations(400, 50374, "State must not be empty"),
    errors.STATE_INVALID: _conversations(400, 50378, "State must be one of: active, inactive, closed"),
    errors.STATE_CLOSED_AT_CREATION: _both(400, 50384, "State must not be closed at creation"),
    errors.TIMER_WITHOUT_STATE: _both(400, 50382, "State must be given with Timers"),
    errors.INACTIVE_TIMER_INVALID: _conversations(400, 50379, "Inactive timer must be a duration in ISO 8601 format"),
    errors.INACTIVE_TIMER_TOO_SMALL: _conversations(400, 50375, "Inactive timer must be at least 1 minute"),
    errors.CLOSED_TIMER_INVALID: _conversations(400, 50380, "Closed timer must be a duration in ISO 8601 format"),
    errors.CLOSED_TIMER_TOO_SMALL: _conversations(400, 50376, "Closed timer must be at least 10 minutes"),
    errors.MESSAGING_SERVICE_EMPTY: _both(400, 50340, "MessagingServiceSid must not be empty"),
    errors.MESSAGING_SERVICE_INVALID: _both(400, 50341, "MessagingServiceSid must be a SID beginning with MG"),
    errors.DATES_REVERSED: _both(400, 50396, "EndDate must not be before StartDate"),
    # Participants outside of chat. Some are also checked when a chat member joins or leaves: those have an answer in
    # Chat too.
    errors.IDENTITY_WITH_ADDRESS: _conversations(
        400, 50211, "Identity cannot be given together with MessagingBinding.Address or MessagingBinding.ProxyAddress"
    ),
    errors.NO_MESSAGING_SERVICE: _both(
        400, 50373, "The conversation has no messaging service: participants outside of chat need one"
    ),
    errors.ADDRESS_EMPTY: _conversations(400, 50411, "MessagingBinding.Address must not be empty"),
    errors.ADDRESS_INVALID: _conversations(400, 50407, "Invalid messaging binding address"),
    errors.ADDRESSES_EQUAL: _conversations(400, 50409, "Participant address equals proxy address"),
    errors.ADDRESS_TYPES_DIFFER: _conversations(
        400, 50414, "Participant address type does not match proxy address type"
    ),
    errors.PROXY_ADDRESS_EMPTY: _conversations(400, 50412, "MessagingBinding.ProxyAddress must not be empty"),
    errors.PROXY_ADDRESS_INVALID: _conversations(400, 50408, "Invalid messaging binding proxy address"),
    errors.PROXY_ADDRESS_FOREIGN: _conversations(
        400, 50413, "The messaging binding proxy address is not a number of this account"
    ),
    errors.PROXY_NOT_SUPPORTED: _conversations(400, 50453, "A proxy address is not supported on this channel"),
    errors.WHATSAPP_SENDER_UNKNOWN: _conversations(
        400, 50415, "The messaging binding proxy address is not a WhatsApp sender of this account"
    ),
    errors.BINDING_NOT_SUPPORTED: _conversations(
        400, 50420, "Sms Participant should not have MessagingBinding.Name or MessagingBinding.Level"
    ),
    # Integrators read the SID out of this text.
    errors.PAIR_EXISTS: _both(
        409, 50416, "A binding for this participant and proxy address already exists in Conversation {channel_sid}"
    ),
    errors.PHONES_FULL: _both(403, 50418, "Conversation has the maximum number of participants outside of chat (50)"),
    errors.BINDING_MISSING_IN_GROUP: _both(
        400, 50434, "A participant of a group needs either an address or a projected address"
    ),
    errors.GROUP_IMPOSSIBLE: _both(400, 50435, "Group MMS activation failed: these participants do not make a group"),
    errors.GROUP_FULL: _both(403, 50436, "A group has the maximum number of participants (10)"),
    errors.GROUP_MEMBER_EXISTS: _both(409, 50437, "Group participant already exists"),
    errors.GROUP_EXISTS: _both(409, 50438, "A group with the same participants already exists"),
    errors.AUTHOR_NOT_IN_GROUP: _both(400, 50513, "The author of a message in a group must be one of its participants"),
    errors.GROUPS_DISABLED: _conversations(403, 50452, "Group MMS is not enabled for this account"),
    errors.PROJECTED_ADDRESS_FOREIGN: _conversations(
        400, 50439, "The projected address is not a number of this account that groups can use"
    ),
    errors.NO_PROXY_ADDRESS: _conversations(
        400, 50440, "Failed to remove the proxy address of a participant: it has none"
    ),
    errors.PROXY_NOT_ADDABLE: _conversations(
        400, 50441, "Failed to add a proxy address to a participant: it has no address"
    ),
    errors.NO_PROJECTED_ADDRESS: _conversations(
        400, 50442, "Failed to remove the projected address of a participant: it has none"
    ),
    errors.PROJECTED_NOT_ADDABLE: _conversations(
        400, 50443, "Failed to add a projected address to a participant: it has an address"
    ),
    errors.IDENTITY_NOT_ADDABLE: _conversations(
        400, 50444, "Failed to add an identity to a participant: it has no projected address"
    ),
    errors.IDENTITY_AND_ADDRESS: _conversations(400, 50451, "Identity and Address cannot be given together"),
    # Conversations that are made with their participants
    errors.PARTICIPANT_NOT_JSON: _conversations(
        400, 50424, "Participant must be a JSON object with the parameters of a participant"
    ),
    errors.PAIRS_IN_USE: _conversations(409, 50425, "One or more participants are in other conversations already"),
    errors.TOO_MANY_PARTICIPANTS: _conversations(400, 50426, "Too many participants: at most 10"),
    # Addresses. Twilio documents no codes for these (unconfirmed).
    errors.ADDRESS_FOREIGN: _conversations(400, 20001, "Invalid value for parameter Address: not of this account"),
    errors.ADDRESS_CONFIGURED: _conversations(409, 20409, "There is a configuration for this address already"),
    errors.AUTO_CREATION_URL_INVALID: _conversations(
        400, 20001, "Invalid value for parameter AutoCreation.WebhookUrl: {reason}"
    ),
    # Messaging services. The statuses, and the codes without a page of their own, are (unconfirmed).
    errors.MESSAGING_URL_INVALID: _account(400, 20001, "The URL is not usable: {reason}"),
    errors.MESSAGING_SERVICE_IN_USE: _account(
        409, 20409, "The messaging service is the account's default; name another one in the configuration first"
    ),
    errors.MESSAGING_SERVICE_FULL: _account(
        409, 21714, "Messaging Service has the maximum number of phone numbers (400)"
    ),
    errors.SENDER_IN_SERVICE: _account(409, 21710, "Phone Number or Short Code is already in the Messaging Service"),
    errors.SENDER_IN_OTHER_SERVICE: _account(
        409, 21712, "Phone Number or Short Code is already in another Messaging Service"
    ),
    # Invites and bindings
    errors.INVITE_NOT_FOUND: _chat(404, 50601, "Invite not found: the user is not invited to this channel"),
    errors.INVITE_USED: _chat(409, 50602, "The invite cannot be declined: the user is a member of the channel"),
    # Conversations has no invites. There it means that Chat invited the identity while it was being added.
    errors.INVITE_EXISTS: _each(
        (409, 50212, "User already invited"), (409, 20409, "Somebody was invited in Chat at the same moment; try again")
    ),
    errors.BINDING_TYPE_INVALID: _both(400, 50209, "Binding type must be one of: gcm, apn, fcm"),
    errors.CREDENTIAL_NOT_FOUND: _chat(404, 20404, "Push credential not found: {sid}, which must be of type {type}"),
    errors.NOTIFICATION_LEVEL_INVALID: _both(400, 50210, "Notification level must be default or muted"),
    # Channel webhooks
    errors.CHANNEL_WEBHOOKS_FULL: _each(
        (400, 50321, "Channel has the maximum number of webhooks (5)"),
        (400, 50361, "Conversation has the maximum number of webhooks (5)"),
    ),
    errors.CHANNEL_WEBHOOK_TRIGGERS_FULL: _each(
        (400, 50322, "Webhook has too many triggers: at most 5"),
        (400, 50362, "Webhook has too many triggers: at most 5"),
    ),
    errors.CHANNEL_WEBHOOK_TYPE_INVALID: _each(
        (400, 50324, "Webhook type must be one of: webhook, trigger, studio"),
        (400, 50364, "Webhook target must be one of: webhook, trigger, studio"),
    ),
    errors.CHANNEL_WEBHOOK_FILTER_INVALID: _each(
        (400, 50325, "Configuration.Filters: there is no event {name} for a channel"),
        (400, 50365, "Filters of webhooks: there is no event {name} for a conversation"),
    ),
    errors.CHANNEL_WEBHOOK_TRIGGER_INVALID: _each(
        (400, 50326, "Configuration.Triggers: a trigger has 1 to 248 characters"),
        (400, 50366, "Configuration.Triggers: a trigger has 1 to 248 characters"),
    ),
    errors.CHANNEL_WEBHOOK_FLOW_INVALID: _each(
        (400, 50327, "Configuration.FlowSid must be a SID beginning with FW"),
        (400, 50367, "Configuration.FlowSid must be a SID beginning with FW"),
    ),
    errors.CHANNEL_WEBHOOK_TYPE_MISSING: _each(
        (400, 50328, "Missing required parameter Type in the post body"),
        (400, 50368, "Missing required parameter Target in the post body"),
    ),
    errors.CHANNEL_WEBHOOK_URL_MISSING: _each(
        (400, 50329, "Missing required parameter Configuration.Url in the post body"),
        (400, 50369, "Missing required parameter Configuration.Url in the post body"),
    ),
    errors.CHANNEL_WEBHOOK_FILTER_MISSING: _each(
        (400, 50330, "Missing required parameter Configuration.Filters in the post body"),
        (400, 50370, "Missing required parameter Configuration.Filters in the post body"),
    ),
    errors.CHANNEL_WEBHOOK_TRIGGER_MISSING: _each(
        (400, 50331, "Missing required parameter Configuration.Triggers in the post body"),
        (400, 50371, "Missing required parameter Configuration.Triggers in the post body"),
    ),
    errors.CHANNEL_WEBHOOK_URL_TOO_LONG: _each(
        (400, 50332, "Configuration.Url is too long: at most 512 characters"),
        (400, 50372, "Configuration.Url is too long: at most 512 characters"),
    ),
    errors.CHANNEL_WEBHOOK_URL_INVALID: _both(400, 20001, "Invalid value for parameter Configuration.Url: {reason}"),
    # Messages
    errors.BODY_REQUIRED: _both(400, 50503, "Message body is required"),
    errors.BODY_TOO_LONG: _both(400, 50504, "Message body is too long: at most 32768 bytes"),
    errors.MEDIA_SID_INVALID: _both(400, 50510, "MediaSid must be a SID beginning with ME"),
    errors.MEDIA_NOT_FOUND: _both(404, 50507, "Media not found: {sid}"),
    errors.MEDIA_USED: _both(409, 50508, "Media is used by another message: {sid}"),
    errors.NO_CHANNEL_METADATA: _both(404, 50530, "The message has no channel metadata"),
    errors.MEDIA_BODY_FIXED: _both(400, 50509, "The body of a media message cannot change"),
    errors.MEDIA_TYPE_INVALID: _chat(400, 50511, "Media content type is not valid: a type such as image/png is needed"),
    # The dictionary has the code; that it comes with 413 is (unconfirmed).
    errors.MEDIA_SIZE_REFUSED: _chat(413, 50512, "Media size is not acceptable: {reason}"),
    errors.MESSAGE_PAGE_TOKEN_INVALID: _both(
        400, 19038, "Invalid value for parameter PageToken: a message index, 0 or more"
    ),
    errors.CONTENT_SID_INVALID: _conversations(400, 50526, "ContentSid must be a SID beginning with HX"),
    errors.CONTENT_VARIABLES_NOT_JSON: _conversations(400, 50527, "ContentVariables is not a JSON object with texts"),
    errors.CONTENT_SID_MISSING: _both(400, 50528, "ContentVariables was given without ContentSid"),
    errors.CONTENT_VARIABLES_TOO_LONG: _conversations(
        400, 50529, "ContentVariables is too long: at most 100 variables and 27801 characters"
    ),
    errors.CONTENT_VARIABLE_NAME_TOO_LONG: _conversations(
        400, 50540, "The name of a content variable is too long: at most 16 characters"
    ),
    errors.CONTENT_VARIABLE_TOO_LONG: _conversations(
        400, 50541, "A content variable is too long: at most 256 characters"
    ),
    # Sockets
    errors.FRAME_INVALID: _chat(400, 20001, "The frame is not a JSON object with an id and an action"),
    errors.UNKNOWN_ACTION: _chat(400, 20001, "Unknown action: {action}"),
    errors.TOO_MANY_CONNECTIONS: _chat(
        429, 51001, "Too many connections: this one gave way to a newer one of the same identity"
    ),
    errors.TOO_MANY_REQUESTS: _chat(429, 51002, "Too many requests on this connection: wait a second"),
    errors.IDENTITY_TOO_LONG_TO_CONNECT: _chat(400, 51003, "Identity is too long: at most 256 characters"),
    errors.ENDPOINT_ID_TOO_LONG: _chat(400, 51004, "Endpoint id is too long: at most 512 characters"),
    errors.CONNECTION_EXPIRED: _chat(401, 51006, "The connection is unknown or has expired; connect again"),
    # Sync, as Twilio's JavaScript SDKs know it
    errors.DOCUMENT_NOT_FOUND: _chat(404, 54100, "Document not found"),
    errors.LIST_NOT_FOUND: _chat(404, 54150, "List not found"),
    errors.MAP_NOT_FOUND: _chat(404, 54200, "Map not found"),
    errors.OBJECT_DENIED: _chat(403, 54007, "Access forbidden for identity"),
}


# Conversations has a code for each type of role that is missing.
_ROLE_CODES = {"channel": 50109, "deployment": 50102}
# Codes that depend on the refusal's detail `type`.
_BY_TYPE: dict[tuple[str, Error], dict[str, int]] = {
    ("conversations", errors.ROLE_NOT_FOUND): _ROLE_CODES,
    ("conversations", errors.ROLE_TYPE_MISMATCH): _ROLE_CODES,
}
# Codes that depend on the type of record that a request names. If other requests change one at the same moment,
# Conversations has a code for some types.
_BY_RECORD: dict[tuple[str, Error], dict[str, int]] = {
    ("conversations", errors.CONCURRENT_UPDATE): {"channel": 50391, "member": 50419, "message": 50514, "user": 50213},
}


def answer(column: str, error: Error, **details: object) -> Answer:
    """The answer of a column to a refusal with this error.

    Raises:
        LookupError: the column has no answer to it.
    """
    found: Answer | None = getattr(TABLE[error], column)
    if found is None:
        raise LookupError(f"{column} has no answer to {error.name}")
    if not details:
        return found
    code = _BY_TYPE.get((column, error), {}).get(str(details.get("type")), found.code)
    return found._replace(code=code, text=found.text.format(**details))


def translate(column: str, refusal: Refusal, record: str = "") -> Answer:
    """The answer of a column to a refusal of a request that names this type of record.

    If there is none, that is logged, and the answer is an internal error.
    """
    try:
        found = answer(column, refusal.error, **refusal.details)
        return found._replace(code=_BY_RECORD.get((column, refusal.error), {}).get(record, found.code))
    except LookupError:
        logger.exception("refusal without an answer", extra={"error": refusal.error.name, "column": column})
        return answer(column, errors.INTERNAL)


# How much of a name that a client made up is repeated to it.
_LONGEST_NAMED = 128


def naming(text: str, asked: Mapping[str, Any], members: Iterable[str]) -> str:
    """The text of a 404 over a socket, with what the request names in these members: `channel general, message 7`."""
    given = {member: asked.get(member) for member in members}
    named = ", ".join(f"{name} {str(value)[:_LONGEST_NAMED]}" for name, value in given.items() if _is_address(value))
    return f"{text}: {named}" if named else text


def _is_address(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def refuse(column: str, refusal: Refusal, record: str = "") -> Answer:
    """The answer to a request that is refused, as `translate` finds it; the refusal is counted."""
    found = translate(column, refusal, record)
    count(REQUEST_ERRORS, code=found.code)
    if found.status >= 500:
        count(SERVER_ERRORS)
    return found
