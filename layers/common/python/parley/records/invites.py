"""The Invite row (https://www.twilio.com/docs/chat/rest/invite-resource)."""

from __future__ import annotations

from parley.domain.users import check_identity
from parley.records.kinds import Checked, Listed, Sid
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

_VIEW = View("sid account_sid channel_sid service_sid identity date_created date_updated role_sid created_by url")
_PATH = "/Services/{service_sid}/Channels/{channel_sid}/Invites/{sid}"
_VERBS = ("create", "fetch", "list", "delete")

INVITE = Resource(
    name="invite",
    plural="invites",
    prefix="IN",
    key=lambda path: keys.invite(path["channel_sid"], path["sid"]),
    range=None,
    fields=(
        Field("identity", Checked(check_identity), on="create", required="create"),
        Field("role_sid", Sid("RL"), on="create"),
    ),
    filters=(Field("identity", Listed()),),
    mounts=(
        Mount("/chat/v2", _PATH, _VIEW, verbs=_VERBS),
        Mount(
            "/chat/v1",
            _PATH,
            _VIEW,
            verbs=_VERBS,
            page_limits=(50, 1000),
            by_sid=(("channel_sid", "CH"),),
        ),
    ),
)
