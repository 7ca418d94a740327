"""The account: the deployment itself (https://www.twilio.com/docs/iam/api/account).

The account can only be fetched. Its configuration for Conversations can also be updated. The auth
token, which Twilio shows here, stays in Secrets Manager.
"""

from __future__ import annotations

from parley import errors
from parley.domain.durations import check_closed_timer, check_inactive_timer
from parley.records.kinds import Checked, Choice, Sid, Text
from parley.records.services import conversations_webhooks
from parley.records.spec import Field, RecordType
from parley.store import keys

ACCOUNT = RecordType(
    name="account",
    prefix="AC",
    parent="account",
    key=lambda path: keys.service(path["sid"], ""),
    fields=(
        Field("friendly_name", Text(), "The name of the account.", default="Parley"),
        Field("status", Text(), "Whether the account is in use, which it always is.", default="active"),
        Field("type", Text(), "The kind of account, which is always the same.", default="Full"),
        Field("auth_token", Text(), "Always null: Parley never shows the auth token."),
    ),
)

# The account's configuration (https://www.twilio.com/docs/conversations/api/configuration-resource). The first request
# that needs it makes it, together with the default service.
ACCOUNT_CONFIGURATION = RecordType(
    name="account_configuration",
    prefix="AC",
    parent="account",
    key=lambda path: keys.account_configuration(path["account_sid"]),
    fields=(
        Field("default_chat_service_sid", Sid("IS"), "The service that paths without a service mean.", always=True),
        Field(
            "default_messaging_service_sid",
            Sid("MG", errors.MESSAGING_SERVICE_INVALID),
            "The messaging service that new conversations get.",
            always=True,
        ),
        Field(
            "default_inactive_timer", Checked(check_inactive_timer), "The inactive timer that new conversations get."
        ),
        Field("default_closed_timer", Checked(check_closed_timer), "The closed timer that new conversations get."),
        *conversations_webhooks(),
        Field(
            "webhook_target",
            Choice(("webhook", "flex")),
            "What handles the events: the URLs here, or Flex, which Parley does not have.",
            default="webhook",
        ),
    ),
)
