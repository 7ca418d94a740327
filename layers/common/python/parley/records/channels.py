"""Channels (https://www.twilio.com/docs/chat/rest/channel-resource)."""

from __future__ import annotations

from dataclasses import replace

from parley import errors
from parley.domain.channels import PRIVATE, PUBLIC, check_unique_name
from parley.domain.durations import check_closed_timer, check_inactive_timer
from parley.domain.participants import MOST_AT_ONCE
from parley.domain.states import ACTIVE, check_state
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Choice, Moment, Objects, Sid, Text, Whole
from parley.records.spec import FREELY, NO_REASON, Field, RecordType, needs
from parley.store import keys

# Conversations' figure for the same record (unconfirmed for Chat).
_ATTRIBUTES = Attributes(16 * 1024)
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
            on_create=FREELY,
            on_update=_NAMES,
            reason="friendlyName",
        ),
        Field("unique_name", Checked(check_unique_name), on_create=FREELY, on_update=_NAMES, reason="uniqueName"),
        Field(
            "attributes",
            _ATTRIBUTES,
            default=EMPTY_ATTRIBUTES,
            on_create=FREELY,
            on_update=needs("editChannelAttributes"),
            reason="attributes",
        ),
        # A migration to Conversations changes the type. Twilio's clients know no reason for that.
        Field("type", Choice((PUBLIC, PRIVATE), errors.CHANNEL_TYPE_INVALID), on_create=FREELY, reason=NO_REASON),
        Field(
            "messaging_service_sid",
            Sid("MG", errors.MESSAGING_SERVICE_INVALID, errors.MESSAGING_SERVICE_EMPTY),
            reason=NO_REASON,
        ),
        Field("date_created", Moment(errors.DATE_CREATED_INVALID), reason="dateCreated"),
        Field("date_updated", Moment(errors.DATE_UPDATED_INVALID), reason="dateUpdated"),
        Field("created_by", Text(256, errors.AUTHOR_TOO_LONG), reason="createdBy"),
        Field("state", Checked(check_state), default=ACTIVE, reason="state"),
        # How long after the last activity the conversation changes its state, and when that will be.
        Field("timers.inactive", Checked(check_inactive_timer), reason=NO_REASON),
        Field("timers.closed", Checked(check_closed_timer), reason=NO_REASON),
        Field("timers.date_inactive", Moment(), reason=NO_REASON),
        Field("timers.date_closed", Moment(), reason=NO_REASON),
        Field("bindings.email.address", Text(256), reason="bindings"),
        Field("bindings.email.name", Text(256), reason="bindings"),
        Field("members_count", Whole(), default=0, reason=NO_REASON),
        Field("messages_count", Whole(), default=0, reason=NO_REASON),
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
            reason=NO_REASON,
        ),
    ),
)
