"""Invites to a channel (https://www.twilio.com/docs/chat/rest/invite-resource). The invited user may join it."""

from __future__ import annotations

from parley.domain.users import check_identity
from parley.records.kinds import Checked, Sid, Text
from parley.records.spec import FREELY, Field, RecordType
from parley.store import keys

INVITE = RecordType(
    name="invite",
    prefix="IN",
    parent="channel",
    key=lambda path: keys.invite(path["channel_sid"], path["sid"]),
    range=lambda path: keys.invites(path["channel_sid"]),
    fields=(
        Field(
            "identity",
            Checked(check_identity),
            "The identity of the user who is invited.",
            always=True,
            on_create=FREELY,
        ),
        Field("role_sid", Sid("RL"), "The role that the user gets in the channel on joining."),
        Field("created_by", Text(), "The identity of the user who invited, or `system`."),
    ),
    remains="identity",
)
