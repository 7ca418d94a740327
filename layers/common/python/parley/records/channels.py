"""Channels (https://www.twilio.com/docs/chat/rest/channel-resource): rooms whose members write messages to each other.

Everybody in the service can find a public channel. Only its members and the invited see a private one.
"""

from __future__ import annotations

from dataclasses import replace

from parley import errors
from parley.domain.channels import PRIVATE, PUBLIC, check_unique_name
from parley.domain.durations import check_closed_timer, check_inactive_timer
from parley.domain.participants import MOST_AT_ONCE
from parley.domain.states import ACTIVE, check_state
from parley.records.kinds import Checked, Choice, Moment, Objects, Sid, Text, Whole
from parley.records.spec import FREELY, NO_REASON, Field, RecordType, attributes, dates, needs
from parley.store import keys

# Conversations' figure for the same record (unconfirmed for Chat).
_ATTRIBUTES_BYTES = 16 * 1024
_NAMES = needs("editChannelName")

CHANNEL = RecordType(
    name="channel",
    prefix="CH",
    parent="service",
    key=lambda path: keys.channel(path["sid"]),
    fields=(
        Field(
            "friendly_name",
            Text(256, errors.FRIENDLY_NAME_TOO_LONG),
            "The name that people see.",
            on_create=FREELY,
            on_update=_NAMES,
            reason="friendlyName",
        ),
        Field(
            "unique_name",
            Checked(check_unique_name),
            "A name that no other channel of the service has, and that can stand in paths in place of the SID.",
            on_create=FREELY,
            on_update=_NAMES,
            reason="uniqueName",
        ),
        attributes(_ATTRIBUTES_BYTES, on_create=FREELY, on_update=needs("editChannelAttributes")),
        # A migration to Conversations changes the type. Twilio's clients know no reason for that.
        Field(
            "type",
            Choice((PUBLIC, PRIVATE), errors.CHANNEL_TYPE_INVALID),
            "Whether every user of the service can find and join the channel, or only those who are invited or added.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            "messaging_service_sid",
            Sid("MG", errors.MESSAGING_SERVICE_INVALID, errors.MESSAGING_SERVICE_EMPTY),
            "The messaging service whose numbers write to phones in the channel.",
            reason=NO_REASON,
        ),
        *dates("channel", "was created"),
        Field(
            "created_by",
            Text(256, errors.AUTHOR_TOO_LONG),
            "The identity of the user who created the channel, or `system`.",
            reason="createdBy",
        ),
        Field(
            "state",
            Checked(check_state),
            "Whether the conversation takes messages; a closed one takes none and never opens again.",
            default=ACTIVE,
            reason="state",
        ),
        # How long after the last activity the conversation changes its state, and when that will be.
        Field(
            "timers.inactive",
            Checked(check_inactive_timer),
            "How long after the last activity an active conversation becomes inactive.",
            reason=NO_REASON,
        ),
        Field(
            "timers.closed",
            Checked(check_closed_timer),
            "How long after the last activity a conversation is closed.",
            reason=NO_REASON,
        ),
        Field(
            "timers.date_inactive",
            Moment(),
            "When the conversation becomes inactive if nothing happens before.",
            reason=NO_REASON,
        ),
        Field(
            "timers.date_closed",
            Moment(),
            "When the conversation is closed if nothing happens before.",
            reason=NO_REASON,
        ),
        Field(
            "bindings.email.address",
            Text(256),
            "The address from which mail of the conversation is sent.",
            reason="bindings",
        ),
        Field(
            "bindings.email.name", Text(256), "The name that readers of that mail see as its sender.", reason="bindings"
        ),
        Field("members_count", Whole(), "How many members the channel has.", default=0, reason=NO_REASON),
        Field(
            "messages_count",
            Whole(),
            "How many messages the channel has, without those that were deleted.",
            default=0,
            reason=NO_REASON,
        ),
    ),
    remains="type",
)

# The form for a channel that is made together with its members. The channel does not store them.
WITH_MEMBERS = replace(
    CHANNEL,
    fields=(
        *CHANNEL.fields,
        Field(
            "participant",
            Objects(MOST_AT_ONCE, errors.TOO_MANY_PARTICIPANTS, errors.PARTICIPANT_NOT_JSON),
            "A participant to add, as a JSON object with the names of a participant's fields.",
            reason=NO_REASON,
        ),
    ),
)
