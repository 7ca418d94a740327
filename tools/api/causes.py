"""Why each error is answered, and what to do about it: the texts of the page of error codes.

They stand here and not in `parley/faces/errors.py`, because functions never need them.
"""

from __future__ import annotations

from typing import NamedTuple

from parley import errors
from parley.errors import Error


class Cause(NamedTuple):
    """Why an error is answered, and what the caller can do."""

    why: str
    cure: str


_DATE = "Send a date such as `2026-01-15T12:00:00Z`."
_WHEN = "Send a date such as `2026-01-15T12:00:00Z`, or leave the parameter out."
_SHORTER = "Send a shorter text."
_FRESH_TOKEN = "Make a new token with an API key of this account, and connect again."
_NAMED_EVENTS = "Take the names from the page on webhooks."
_GROUP = "Read about groups on the page on phones."

CAUSES: dict[Error, Cause] = {
    # The platform
    errors.MISSING_PARAMETER: Cause(
        "The request lacks a parameter that it needs, or gives it without a value.",
        "Send the parameter that the message names.",
    ),
    errors.INVALID_PARAMETER: Cause(
        "A parameter has a value of the wrong form.", "Send a value of the form that the message names."
    ),
    errors.UNKNOWN_VALUE: Cause(
        "The parameter takes only a few words, and yours is none of them.",
        "Send one of the words in the message.",
    ),
    errors.INVALID_BODY: Cause(
        "The body of the request is not what the path takes.",
        "Send a form with `Content-Type: application/x-www-form-urlencoded` in UTF-8.",
    ),
    errors.UNAUTHENTICATED: Cause(
        "The request has no credentials, or wrong ones.",
        "Send the account SID with the auth token, or the SID of an API key with its secret, as HTTP Basic.",
    ),
    errors.ACCESS_DENIED: Cause(
        "The request manages API keys, and its credentials are an API key.",
        "Send the account SID with the auth token.",
    ),
    errors.VERB_NOT_ALLOWED: Cause(
        "The path exists, but not with this HTTP method.", "Use one of the methods in the `Allow` header of the answer."
    ),
    errors.EMPTY_UPDATE: Cause(
        "The update names nothing that can be changed.",
        "Send at least one parameter of the update, and spell it as the reference does.",
    ),
    errors.INVALID_PAGE_SIZE: Cause("`PageSize` is no number from 1 to 1000.", "Send such a number, or none."),
    errors.INVALID_PAGE_TOKEN: Cause(
        "`PageToken` does not belong to this list, or the filters differ from those of the first page.",
        "Follow `next_page_url` as it is.",
    ),
    errors.NOT_FOUND: Cause(
        "Nothing has this address: it never existed, was deleted, or belongs to another service.",
        "Compare the SIDs in the path with the service in which the resource was made.",
    ),
    errors.CONCURRENT_UPDATE: Cause(
        "Other requests changed the same thing at the same moment, again and again.", "Send the request again."
    ),
    errors.REPLY_TOO_LARGE: Cause(
        "The reply is longer than a frame of a socket can be.", "Ask for a smaller page. What was asked for is done."
    ),
    errors.TOO_LARGE: Cause("The body of the request is too long.", "Send less in one request."),
    errors.INTERNAL: Cause(
        "Something went wrong inside Parley.",
        "Send the request again; if that fails too, read the log of the function.",
    ),
    errors.UNAVAILABLE: Cause(
        "The table or a service of AWS turned requests away.", "Send the request again after a moment."
    ),
    # Access tokens
    errors.TOKEN_INVALID: Cause("The access token is no JWT.", "Send the token as the library made it."),
    errors.TOKEN_HEADER: Cause(
        "The header of the token names another algorithm than HS256, or another content type.",
        "Make the token with one of Twilio's libraries.",
    ),
    errors.TOKEN_ISSUER: Cause(
        "The token names an API key or an account that does not exist here.",
        "Make the token with the SID of this account and an API key that was made here.",
    ),
    errors.TOKEN_EXPIRED: Cause("The token has expired, or its expiration date is no time.", _FRESH_TOKEN),
    errors.TOKEN_NOT_YET_VALID: Cause(
        "The token becomes valid in the future.", "Set the clock of the server that makes tokens."
    ),
    errors.TOKEN_GRANTS: Cause(
        "The token lacks an identity or a chat grant with a service, or they have the wrong form.",
        "Give the token an identity and a chat grant with the SID of the service.",
    ),
    errors.TOKEN_SIGNATURE: Cause(
        "The token was signed with another secret.", "Sign it with the secret of the API key that it names."
    ),
    errors.TOKEN_FOREIGN_SERVICE: Cause(
        "The service in the token does not exist in this account.",
        "Put the SID of a service of this account into the grant.",
    ),
    errors.TOKEN_OF_ANOTHER: Cause(
        "The new token of a connection is for another identity or service than the old one.",
        "Open another connection for another user.",
    ),
    errors.TOKEN_TOO_LONG_LIVED: Cause(
        "The token would live for more than 24 hours.", "Make tokens that live for 24 hours at most."
    ),
    # Chat: values common to several resources
    errors.FRIENDLY_NAME_TOO_LONG: Cause("The friendly name has too many characters.", _SHORTER),
    errors.UNIQUE_NAME_TOO_LONG: Cause("The unique name has too many characters.", _SHORTER),
    errors.ATTRIBUTES_TOO_LONG: Cause(
        "The attributes have too many bytes.", "Keep less in the attributes, or keep a reference to your own database."
    ),
    errors.ATTRIBUTES_NOT_JSON: Cause("The attributes are not JSON.", "Send a JSON document as text."),
    errors.DATE_CREATED_INVALID: Cause("`DateCreated` is no date.", _DATE),
    errors.DATE_UPDATED_INVALID: Cause("`DateUpdated` is no date.", _DATE),
    errors.AUTHOR_TOO_LONG: Cause("The name of the author or creator has too many characters.", _SHORTER),
    errors.LAST_UPDATED_BY_TOO_LONG: Cause("The name of the editor has too many characters.", _SHORTER),
    errors.PRE_WEBHOOK_REFUSED: Cause(
        "The pre-event webhook of the service did not answer with 200, so the change was not made.",
        "If the webhook should have agreed, look at its answer in your own log.",
    ),
    errors.FORBIDDEN: Cause(
        "The role of the client lacks a permission for this.", "Give the user or member a role with the permission."
    ),
    # Actions per second
    errors.CHANNEL_RATE: Cause(
        "More happened in one channel within a second than the deployment allows.",
        "Wait a second, or raise `ActionsPerSecond` of the deployment.",
    ),
    errors.SERVICE_RATE: Cause(
        "More users, roles or channels of one service changed within a second than the deployment allows.",
        "Wait a second, or raise `ActionsPerSecond` of the deployment.",
    ),
    # Services
    errors.SERVICE_NOT_FOUND: Cause(
        "A parameter names a service that does not exist.", "List the services and take one of them."
    ),
    errors.CONSUMPTION_INTERVAL_INVALID: Cause("The interval is no whole number of seconds.", "Send a whole number."),
    errors.TYPING_TIMEOUT_INVALID: Cause("The timeout is no whole number of seconds.", "Send a whole number."),
    errors.WEBHOOK_METHOD_INVALID: Cause("The method of a webhook is neither GET nor POST.", "Send `GET` or `POST`."),
    errors.WEBHOOK_FILTER_INVALID: Cause("There is no event of this name.", _NAMED_EVENTS),
    errors.WEBHOOK_RETRY_COUNT_INVALID: Cause("The number of retries is out of range.", "Send 0, 1, 2 or 3."),
    errors.TEMPLATE_TOO_LONG: Cause("The text of a notification has too many characters.", _SHORTER),
    errors.SOUND_TOO_LONG: Cause("The name of a sound has too many characters.", _SHORTER),
    errors.USER_CHANNELS_LIMIT_INVALID: Cause("The limit is out of range.", "Send a whole number from 1 to 1000."),
    errors.CHANNEL_MEMBERS_LIMIT_INVALID: Cause("The limit is out of range.", "Send a whole number from 1 to 1000."),
    errors.PRE_WEBHOOK_URL_INVALID: Cause(
        "The URL is not absolute, or leads to an address that is not public.", "Send a public http or https URL."
    ),
    errors.POST_WEBHOOK_URL_INVALID: Cause(
        "The URL is not absolute, or leads to an address that is not public.", "Send a public http or https URL."
    ),
    # Roles
    errors.ROLE_NOT_FOUND: Cause(
        "A parameter names a role that the service does not have.",
        "List the roles of the service and take one of them.",
    ),
    errors.UNKNOWN_PERMISSION: Cause(
        "No role of this type can have this permission.", "Take the permissions from the page on roles."
    ),
    errors.ROLE_TYPE_INVALID: Cause("There is no such type of role.", "Send one of the types in the message."),
    errors.ROLE_TYPE_MISMATCH: Cause(
        "A role for channels was given where one for the service is needed, or the other way round.",
        "Take a role of the other type.",
    ),
    errors.ROLE_IN_USE: Cause(
        "Users or members still have the role, or it is a default role of the service.",
        "Give them another role first, and set another default.",
    ),
    # Users
    errors.USER_NOT_FOUND: Cause("A parameter names a user that does not exist.", "Create the user first."),
    errors.USER_EXISTS: Cause("The service has a user with this identity.", "Use that user, or update it."),
    errors.IDENTITY_RESERVED: Cause(
        "`system`, `private` and `unique` cannot be identities.", "Choose another identity."
    ),
    errors.IDENTITY_EMPTY: Cause("The identity is empty.", "Send an identity."),
    errors.IDENTITY_IS_SID: Cause(
        "The identity looks like the SID of a user, so that paths could not tell them apart.",
        "Choose another identity.",
    ),
    errors.IDENTITY_TOO_LONG: Cause("The identity has too many characters.", "Choose a shorter identity."),
    errors.USER_CHANNELS_FULL: Cause(
        "The user is in as many channels as the service allows.",
        "Remove the user from a channel, or raise the limit of the service.",
    ),
    # Channels and members
    errors.CHANNEL_TYPE_INVALID: Cause("There is no such type of channel.", "Send `public` or `private`."),
    errors.UNIQUE_NAME_IS_SID: Cause(
        "The unique name looks like the SID of a channel, so that paths could not tell them apart.",
        "Choose another name.",
    ),
    errors.UNIQUE_NAME_EXISTS: Cause(
        "Another channel of the service has this unique name.", "Use that channel, or choose another name."
    ),
    errors.NOT_MADE_PRIVATE: Cause("A channel can be made private, and nothing else.", "Send `Type=private`."),
    errors.EMPTY_CHANNEL_UPDATE: Cause(
        "The update names nothing that can be changed.",
        "Send at least one parameter of the update, and spell it as the reference does.",
    ),
    errors.NOT_A_MEMBER: Cause("The client is not a member of the channel.", "Join the channel first."),
    errors.CHANNEL_FULL: Cause(
        "The channel has as many members as the service allows.",
        "Remove a member, or raise the limit of the service.",
    ),
    errors.MEMBER_EXISTS: Cause("The user is a member of the channel already.", "Nothing is left to do."),
    errors.CONSUMPTION_TIME_INVALID: Cause("The time of reading is no date.", _WHEN),
    errors.READ_STATUS_DISABLED: Cause(
        "The service does not keep what members have read.", "Set `ReadStatusEnabled` of the service to true."
    ),
    errors.CONSUMED_INDEX_INVALID: Cause("The index is no whole number from 0.", "Send the index of a message."),
    # States and timers of conversations
    errors.CONVERSATION_CLOSED: Cause(
        "The conversation is closed, and nothing in it can be added or changed.", "Create another conversation."
    ),
    errors.CONVERSATION_INITIALIZING: Cause(
        "The participants of the conversation are still being added.", "Send the request again after a moment."
    ),
    errors.STATE_EMPTY: Cause("`State` was sent without a value.", "Send a state, or leave the parameter out."),
    errors.STATE_INVALID: Cause("There is no such state.", "Send one of the states in the message."),
    errors.STATE_CLOSED_AT_CREATION: Cause(
        "A new conversation cannot be closed.", "Create it `active` or `inactive`, and close it later."
    ),
    errors.TIMER_WITHOUT_STATE: Cause("Timers were given without a state.", "Send `State` too."),
    errors.INACTIVE_TIMER_INVALID: Cause("The timer is no duration.", "Send a duration such as `PT10M`."),
    errors.INACTIVE_TIMER_TOO_SMALL: Cause("The timer is too short.", "Send at least `PT1M`, or `PT0S` to remove it."),
    errors.CLOSED_TIMER_INVALID: Cause("The timer is no duration.", "Send a duration such as `PT10M`."),
    errors.CLOSED_TIMER_TOO_SMALL: Cause("The timer is too short.", "Send at least `PT10M`, or `PT0S` to remove it."),
    errors.MESSAGING_SERVICE_EMPTY: Cause(
        "`MessagingServiceSid` was sent without a value.", "Send a SID, or leave the parameter out."
    ),
    errors.MESSAGING_SERVICE_INVALID: Cause(
        "The text is not the SID of a messaging service.", "Send `MG` with 32 hex digits."
    ),
    errors.DATES_REVERSED: Cause("The list would begin after its end.", "Exchange `StartDate` and `EndDate`."),
    # Participants outside of chat
    errors.IDENTITY_WITH_ADDRESS: Cause(
        "A participant is either a user of chat or a phone.", "Send either `Identity` or the addresses."
    ),
    errors.NO_MESSAGING_SERVICE: Cause(
        "The conversation has no messaging service, so nobody would write to phones.",
        "Give the conversation a messaging service, or the account a default one.",
    ),
    errors.ADDRESS_EMPTY: Cause("The address of the phone is missing.", "Send `MessagingBinding.Address`."),
    errors.ADDRESS_INVALID: Cause(
        "The address is no phone number, or not one that can take part here.",
        "Send a number in E.164 form such as `+12025550100`, for WhatsApp with `whatsapp:` before it.",
    ),
    errors.ADDRESSES_EQUAL: Cause(
        "The phone and the number that writes to it are the same.", "Send a number of the account as the proxy address."
    ),
    errors.ADDRESS_TYPES_DIFFER: Cause(
        "One address belongs to WhatsApp and the other one does not.", "Send two addresses of the same kind."
    ),
    errors.PROXY_ADDRESS_EMPTY: Cause("The proxy address is empty.", "Send a number of the account."),
    errors.PROXY_ADDRESS_INVALID: Cause(
        "The proxy address is no phone number.", "Send a number in E.164 form such as `+12025550100`."
    ),
    errors.PROXY_ADDRESS_FOREIGN: Cause(
        "The proxy address is not among the numbers of the deployment.",
        "Enable it with `parley phones enable`, or add it to `PhoneNumbers` of the deployment.",
    ),
    errors.PROXY_NOT_SUPPORTED: Cause("Addresses of mail have no proxy address.", "Leave the proxy address out."),
    errors.WHATSAPP_SENDER_UNKNOWN: Cause(
        "The proxy address is not among the WhatsApp senders of the deployment.",
        "Enable it with `parley phones enable`, or add it to `WhatsAppSenders` of the deployment.",
    ),
    errors.BINDING_NOT_SUPPORTED: Cause(
        "Only addresses of mail have a name and a level.", "Leave both parameters out."
    ),
    errors.PAIR_EXISTS: Cause(
        "The same phone talks through the same number in another conversation, which the message names.",
        "Remove it there, close that conversation, or take another number.",
    ),
    errors.PHONES_FULL: Cause("The conversation has as many phones as it can have.", "Create another conversation."),
    errors.BINDING_MISSING_IN_GROUP: Cause(
        "In a group, a participant has either an address or a projected address.", "Send one of the two."
    ),
    errors.GROUP_IMPOSSIBLE: Cause(
        "A group has three to ten participants, one of the account's numbers among them, and nobody else.", _GROUP
    ),
    errors.GROUP_FULL: Cause("The group has ten participants.", "Create another group."),
    errors.GROUP_MEMBER_EXISTS: Cause("The participant is in the group already.", "Nothing is left to do."),
    errors.GROUP_EXISTS: Cause(
        "Another conversation is a group with exactly these addresses.", "Use that conversation, or close it."
    ),
    errors.AUTHOR_NOT_IN_GROUP: Cause(
        "A message to a group comes from one of its participants.", "Send the identity or address of one as `Author`."
    ),
    errors.GROUPS_DISABLED: Cause(
        "The deployment has no groups of phones, or AWS carries the number.",
        "Set `GroupMessages` of the deployment to true, and take one of `PhoneNumbers`.",
    ),
    errors.PROJECTED_ADDRESS_FOREIGN: Cause(
        "The projected address is not among the numbers of the deployment that groups can use.",
        "Send one of `PhoneNumbers` of the deployment.",
    ),
    errors.NO_PROXY_ADDRESS: Cause("The participant has no proxy address.", "Nothing is left to do."),
    errors.PROXY_NOT_ADDABLE: Cause(
        "Only a participant with an address can get a proxy address.", "Send `MessagingBinding.Address` on create."
    ),
    errors.NO_PROJECTED_ADDRESS: Cause("The participant has no projected address.", "Nothing is left to do."),
    errors.PROJECTED_NOT_ADDABLE: Cause(
        "The participant has addresses already.", "Remove the participant, and add it with the projected address."
    ),
    errors.IDENTITY_NOT_ADDABLE: Cause(
        "Only a participant with a projected address can get another identity.",
        "Remove the participant, and add one with the identity.",
    ),
    errors.IDENTITY_AND_ADDRESS: Cause("A person is looked up by one of the two.", "Send one of them."),
    # Conversations that are made with their participants
    errors.PARTICIPANT_NOT_JSON: Cause(
        "A participant is not a JSON object, or one of its values is not a text.",
        'Send an object such as `{"identity": "alice"}`.',
    ),
    errors.PAIRS_IN_USE: Cause(
        "Some of the phones talk through the same numbers in other conversations.",
        "Remove them there, or take other numbers.",
    ),
    errors.TOO_MANY_PARTICIPANTS: Cause("One request adds ten participants at most.", "Add the others one by one."),
    # Addresses
    errors.ADDRESS_FOREIGN: Cause(
        "The address is not among the numbers of the deployment.",
        "Enable it with `parley phones enable`, or add it to `PhoneNumbers` or `WhatsAppSenders`.",
    ),
    errors.ADDRESS_CONFIGURED: Cause("The address has a configuration.", "Update that configuration."),
    errors.AUTO_CREATION_URL_INVALID: Cause(
        "The URL is not absolute, or leads to an address that is not public.", "Send a public http or https URL."
    ),
    # Invites and bindings
    errors.INVITE_NOT_FOUND: Cause("The user is not invited to the channel.", "Invite the user first."),
    errors.INVITE_USED: Cause("The user is a member, so there is no invite to decline.", "Leave the channel instead."),
    errors.INVITE_EXISTS: Cause(
        "The user is invited already.", "In Chat, nothing is left to do. In Conversations, send the request again."
    ),
    errors.BINDING_TYPE_INVALID: Cause("There is no such push service.", "Send one of the types in the message."),
    errors.CREDENTIAL_NOT_FOUND: Cause(
        "A device registers with a push credential that the account does not have, or that is of another type.",
        "Name a credential of this account and of the device's type in the access token.",
    ),
    errors.NOTIFICATION_LEVEL_INVALID: Cause("There is no such level.", "Send `default` or `muted`."),
    # Channel webhooks
    errors.CHANNEL_WEBHOOKS_FULL: Cause("The channel has five webhooks.", "Delete one first."),
    errors.CHANNEL_WEBHOOK_TRIGGERS_FULL: Cause("A webhook has five triggers at most.", "Send fewer triggers."),
    errors.CHANNEL_WEBHOOK_TYPE_INVALID: Cause(
        "There is no such type of webhook.", "Send one of the types in the message."
    ),
    errors.CHANNEL_WEBHOOK_FILTER_INVALID: Cause("There is no event of this name.", _NAMED_EVENTS),
    errors.CHANNEL_WEBHOOK_TRIGGER_INVALID: Cause("A trigger is empty or too long.", "Send 1 to 248 characters."),
    errors.CHANNEL_WEBHOOK_FLOW_INVALID: Cause("The text is not the SID of a flow.", "Send `FW` with 32 hex digits."),
    errors.CHANNEL_WEBHOOK_TYPE_MISSING: Cause("A webhook needs a type.", "Send the parameter that the message names."),
    errors.CHANNEL_WEBHOOK_URL_MISSING: Cause("A webhook of this type needs a URL.", "Send `Configuration.Url`."),
    errors.CHANNEL_WEBHOOK_FILTER_MISSING: Cause(
        "A webhook of this type needs events.", "Send `Configuration.Filters`, once for each event."
    ),
    errors.CHANNEL_WEBHOOK_TRIGGER_MISSING: Cause(
        "A webhook of this type needs triggers.", "Send `Configuration.Triggers`, once for each."
    ),
    errors.CHANNEL_WEBHOOK_URL_TOO_LONG: Cause("The URL has too many characters.", "Send a shorter URL."),
    errors.CHANNEL_WEBHOOK_URL_INVALID: Cause(
        "The URL is not absolute, or leads to an address that is not public.", "Send a public http or https URL."
    ),
    # Messages
    errors.BODY_REQUIRED: Cause("The message has neither a text nor a file.", "Send a body, a file or a template."),
    errors.BODY_TOO_LONG: Cause("The text has too many bytes.", "Send several messages, or the text as a file."),
    errors.MEDIA_SID_INVALID: Cause("The text is not the SID of a file.", "Send `ME` with 32 hex digits."),
    errors.MEDIA_NOT_FOUND: Cause(
        "There is no such file in the service, or it was not used in time and is gone.", "Upload the file again."
    ),
    errors.MEDIA_USED: Cause("Another message carries the file.", "Upload the file again."),
    errors.NO_CHANNEL_METADATA: Cause(
        "The message came from no other channel that said more about it.", "Nothing: messages of chat never have any."
    ),
    errors.MEDIA_BODY_FIXED: Cause(
        "The text of a message with a file cannot change.", "Change its attributes, or delete it and send another one."
    ),
    errors.MEDIA_TYPE_INVALID: Cause("The text is no type of content.", "Send a type such as `image/png`."),
    errors.MEDIA_SIZE_REFUSED: Cause(
        "The file is larger than one request or the deployment takes.",
        "Upload large files as the page on media says, or raise `MediaLimitMb` of the deployment.",
    ),
    errors.MESSAGE_PAGE_TOKEN_INVALID: Cause(
        "`PageToken` is no index of a message.", "Follow `next_page_url` as it is."
    ),
    errors.CONTENT_SID_INVALID: Cause("The text is not the SID of a template.", "Send `HX` with 32 hex digits."),
    errors.CONTENT_VARIABLES_NOT_JSON: Cause(
        "The variables are not a JSON object with texts.", 'Send an object such as `{"1": "alice"}`.'
    ),
    errors.CONTENT_SID_MISSING: Cause("Variables without a template mean nothing.", "Send `ContentSid` too."),
    errors.CONTENT_VARIABLES_TOO_LONG: Cause(
        "There are too many variables, or their texts are too long.", "Send less."
    ),
    errors.CONTENT_VARIABLE_NAME_TOO_LONG: Cause(
        "The name of a variable has too many characters.", "Send a shorter name."
    ),
    errors.CONTENT_VARIABLE_TOO_LONG: Cause("The value of a variable has too many characters.", _SHORTER),
    # Sockets
    errors.FRAME_INVALID: Cause(
        "The frame is not a JSON object with the texts `id` and `action`.", "Send frames as the page on sockets says."
    ),
    errors.UNKNOWN_ACTION: Cause("There is no such action.", "Take the names of actions from the page of frames."),
    errors.TOO_MANY_CONNECTIONS: Cause(
        "One identity opened more connections than it may have, so the oldest one was closed.",
        "Close connections that are not needed, and do not share an identity among people.",
    ),
    # Messaging services
    errors.MESSAGING_URL_INVALID: Cause(
        "The URL is too long, is no http or https URL, or leads to an address that is not public.",
        "Send a URL that the internet can reach.",
    ),
    errors.MESSAGING_SERVICE_IN_USE: Cause(
        "New conversations are given the messaging service.",
        "Name another one as `DefaultMessagingServiceSid` in the account's configuration, then delete this one.",
    ),
    errors.MESSAGING_SERVICE_FULL: Cause(
        "The messaging service has 400 senders.", "Take a sender out of it, or use another messaging service."
    ),
    errors.SENDER_IN_SERVICE: Cause("The sender is in the messaging service already.", "Nothing is left to do."),
    errors.SENDER_IN_OTHER_SERVICE: Cause(
        "A sender is in one messaging service at a time.", "Take it out of the other messaging service first."
    ),
    errors.TOO_MANY_REQUESTS: Cause(
        "The client sent too many frames within a second.",
        "Wait a second, or raise `SocketRequestsPerSecond` of the deployment.",
    ),
    errors.IDENTITY_TOO_LONG_TO_CONNECT: Cause(
        "The identity in the token has too many characters.", "Make a token with a shorter identity."
    ),
    errors.ENDPOINT_ID_TOO_LONG: Cause(
        "The endpoint id in the token has too many characters.", "Make a token with a shorter endpoint id."
    ),
    errors.CONNECTION_EXPIRED: Cause(
        "Parley does not know the connection, or its two hours are over.", "Connect again with a valid token."
    ),
    # Sync
    errors.DOCUMENT_NOT_FOUND: Cause(
        "The SDK opened a document of something that was deleted, or that the user may not see.",
        "Nothing: SDKs treat it as gone.",
    ),
    errors.LIST_NOT_FOUND: Cause(
        "The SDK opened a list of something that was deleted, or that the user may not see.",
        "Nothing: SDKs treat it as gone.",
    ),
    errors.MAP_NOT_FOUND: Cause(
        "The SDK opened a map of something that was deleted, or that the user may not see.",
        "Nothing: SDKs treat it as gone.",
    ),
    errors.OBJECT_DENIED: Cause(
        "The SDK asked for something that belongs to another user.", "Use the objects that the session names."
    ),
}
