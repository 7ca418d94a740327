"""The SDKs' own REST, below `/Client/v1` (Chat) and `/Client/v2` (Conversations): one row for each kind of request.

Most rows are acts upon a resource. The other rows name a function of this module. Each acts as the connection's user,
with a client's rights.

Some SDKs percent-encode the identity in a path, and others do not. So it is decoded if that is possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from parley.domain.channels import Counted
from parley.domain.memberships import own
from parley.domain.presence import reachability
from parley.errors import (
    FORBIDDEN,
    INVALID_PARAMETER,
    MISSING_PARAMETER,
    NO_CHANNEL_METADATA,
    NOT_FOUND,
    ignoring,
)
from parley.ids import user_sid
from parley.operations import authority, channels, consumption, contents, invites, user_channels
from parley.operations.addressing import channel_sid
from parley.operations.paging import Listing, PageRequest, fitting
from parley.operations.reachability import is_enabled
from parley.records.spec import Path
from parley.sockets.sdk import packets
from parley.sockets.sdk import upstream_views as views
from parley.sockets.sdk.acts import Act, listed, perform
from parley.sockets.sdk.pages import size
from parley.sockets.sdk.routing import Answered, Exchange, Route
from parley.sockets.sdk.upstream_views import HORIZON, V1, V2
from parley.store import keys
from parley.store.items import Record

Show = Callable[[str, Mapping[str, Any]], dict[str, Any]]
_BOTH = (V1, V2)
_LONGEST_TOKEN = 256
_NEXT, _PREVIOUS = "N", "P"
# How many bytes of a reply are kept for what surrounds the items of a list.
_BYTES_AROUND_A_LIST = 2048


class Row(NamedTuple):
    """One kind of request that is an act upon a resource.

    Attributes:
        method: GET, POST or DELETE.
        template: The path below the root of a version, as in `routing.Route`. Its names are those of the operation.
        act: The act.
        show: The view of its result.
        versions: The versions that have it.
        key: The member of a list's answer that holds its items.
        own: Where the client's own identity goes: under this name into the path.
        own_name: The name in the path for the client's own identity, if the last part of the path is just that.
    """

    method: str
    template: str
    act: Act
    show: Show | None = None
    versions: tuple[str, ...] = _BOTH
    key: str = ""
    own: str = ""
    own_name: str = ""


class OwnRow(NamedTuple):
    """One kind of request with a function of its own, which gets the exchange and the version."""

    method: str
    template: str
    answer: Callable[[Exchange, str], Answered]
    versions: tuple[str, ...] = _BOTH


_MEMBERS = "/Conversations/{channel_sid}/Participants"
_MESSAGES = "/Conversations/{channel_sid}/Messages"
_CHANNEL = "friendly_name unique_name attributes"
_BINDING = "messaging_binding.address messaging_binding.proxy_address"
_PUBLIC = Act("channel", "list", fixed={"Type": ["public"]})
_MINE = Act("user_channel", "list")


_SENT = "body attributes"
SENDING = {
    V1: Act("message", "create", f"{_SENT} media_sid", repeatable=True),
    V2: Act("message", "create", f"{_SENT} media_sids subject content_sid content_variables", repeatable=True),
}
# By member of the body: the act upon the user's own part in a channel. A horizon that is null is removed.
MOVING = {
    version: Act("user_channel", "update", f"{HORIZON[version]}=last_consumed_message_index", consumption.update)
    for version in _BOTH
}
MUTING = Act("user_channel", "update", "notification_level", consumption.set_notification_level)


def my_conversation(exchange: Exchange, version: str) -> Answered:
    """One channel that the user is in or invited to; Conversations knows no invites."""
    held, channel = _held(exchange, version, exchange.path["channel_sid"])
    return Answered(200, views.membership(version, {**held, "channel": channel}))


def _held(exchange: Exchange, version: str, channel: str) -> tuple[Record, Counted]:
    context, service_sid = exchange.context, exchange.service_sid
    path = {"service_sid": service_sid, "channel_sid": channel, "user_sid": exchange.user_sid}
    held = user_channels.fetch(context, path, {})
    if version == V2 and held["status"] != "joined":
        raise NOT_FOUND()
    return held, {**channels.load(context, {"service_sid": service_sid, "sid": held["channel_sid"]})}


def update_mine(exchange: Exchange, version: str) -> Answered:
    """Move the user's horizon, remove it, or change the notification level."""
    body = exchange.body
    horizon = HORIZON[version]
    path = {"channel_sid": exchange.path["channel_sid"]}
    seen = None
    if horizon in body:
        moving = MOVING[version]
        if body[horizon] is None:
            moving = replace(moving, operation=consumption.consume_none)
        seen = perform(exchange, version, moving, path, body)
    if "notification_level" in body:
        seen = perform(exchange, version, MUTING, path, body)
    if seen is None:
        raise MISSING_PARAMETER(name=horizon)
    return Answered(200, views.membership(version, seen))


def decline(exchange: Exchange, version: str) -> Answered:
    """Decline the invite of the client's own user. No client may take back the invite of somebody else."""
    if not _is_own(exchange, version, exchange.path["identity"], "/Conversations/{channel_sid}/Invites/{identity*}"):
        raise FORBIDDEN()
    perform(exchange, version, Act("invite", "delete", operation=invites.decline), _in_channel(exchange), {})
    return Answered(204)


def _in_channel(exchange: Exchange) -> Path:
    return {"channel_sid": exchange.path["channel_sid"]}


def _is_own(exchange: Exchange, version: str, name: str, template: str) -> bool:
    """Whether the last part of a path is the client's own identity; Chat's SDK changes things under it as it is."""
    raw = "/".join(exchange.request.segments[1 + template.count("/") :])
    return exchange.identity == name or (version == V1 and exchange.identity == raw)


def send(exchange: Exchange, version: str) -> Answered:
    """Send a message. The lines of Conversations name several files, the line of Chat names one."""
    body = exchange.body
    body.setdefault("media_sids", body.get("media_sid"))
    made = perform(exchange, version, SENDING[version], _in_channel(exchange), body, exchange.mutation)
    return Answered(201, views.message(version, made))


def channel_metadata(exchange: Exchange, version: str) -> Answered:
    """The metadata that a channel outside of chat gives a message: none, since Parley keeps none.

    Raises:
        Refusal: 50530.
    """
    perform(exchange, version, Act("message", "fetch"), {**exchange.path}, {})
    raise NO_CHANNEL_METADATA()


def message_recipients(exchange: Exchange, version: str) -> Answered:
    """The recipients of mails: none, since Parley sends no mail. Only a member may ask."""
    _require_member(exchange)
    return Answered(200, {"message_recipients": [], "meta": _NO_PAGES})


def _require_member(exchange: Exchange) -> str:
    context, service_sid = exchange.context, exchange.service_sid
    sid = channel_sid(context, service_sid, exchange.path["channel_sid"])
    authority.require(context, service_sid, sid, ())
    return sid


def content_templates(exchange: Exchange, version: str) -> Answered:
    """One page of the account's content templates."""
    page = _page(exchange)
    return _shown(contents.list_(exchange.context, page), page, "templates", views.content_template, version)


def users_of_channel(exchange: Exchange, version: str) -> Answered:
    """One page of the users who are members of a channel."""
    channel = exchange.query.get("ConversationSid") or exchange.query.get("ChannelSid")
    if not channel:
        raise MISSING_PARAMETER(name="ConversationSid")
    page = _page(exchange)
    listing = listed(exchange, version, Act("member", "list"), {"channel_sid": channel}, page)
    context, service_sid = exchange.context, exchange.service_sid
    members = dict(zip(listing.positions, listing.records, strict=True))
    user_keys = {
        at: keys.user(user_sid(service_sid, member["identity"]))
        for at, member in members.items()
        if "identity" in member
    }
    found = context.table.fetch_many(user_keys.values())
    is_shown = is_enabled(exchange.service)
    users = {
        at: reachability(found[key], is_shown)
        for at, key in user_keys.items()
        if key in found and own(members[at], found[key])
    }
    return _shown(listing.showing(users), page, "users", views.user, version)


def typing(exchange: Exchange, version: str) -> Answered:
    """Tell the others in a channel that the client's user is typing."""
    channel = exchange.form.get("ChannelSid")
    if not channel:
        raise MISSING_PARAMETER(name="ChannelSid")
    return Answered(200, {"typing_timeout": exchange.typing.announce(exchange.context, exchange.connection, channel)})


def my_channels(exchange: Exchange, version: str) -> Answered:
    """For the lines 3 and 4 of Chat: a page of the user's channels; with `ChannelSid`, that one if the user has it."""
    channel = exchange.query.get("ChannelSid")
    if channel is None:
        row = Row("GET", "", _MINE, views.membership, key="channels", own="user_sid")
        return _list(exchange, version, row)
    found = []
    with ignoring(NOT_FOUND):
        held, record = _held(exchange, version, channel)
        found = [views.membership(version, {**held, "channel": record})]
    return Answered(200, {"channels": found, "meta": _NO_PAGES})


_NO_PAGES = {"previous_token": None, "prev_token": None, "next_token": None}

ROWS: tuple[Row | OwnRow, ...] = (
    Row("GET", "/MyConversations", _MINE, views.membership, key="conversations", own="user_sid"),
    OwnRow("GET", "/MyConversations/{channel_sid}", my_conversation),
    OwnRow("POST", "/MyConversations/{channel_sid}", update_mine),
    # Conversations are private, so nobody may list those of others.
    Row("GET", "/Conversations", _PUBLIC, views.channel, (V1,), key="conversations"),
    Row("POST", "/Conversations", Act("channel", "create", f"{_CHANNEL} type", repeatable=True), views.channel, (V1,)),
    Row("POST", "/Conversations", Act("channel", "create", _CHANNEL, repeatable=True), views.channel, (V2,)),
    Row("GET", "/Conversations/{sid}", Act("channel", "fetch"), views.channel),
    Row("POST", "/Conversations/{sid}", Act("channel", "update", _CHANNEL), views.channel),
    Row("DELETE", "/Conversations/{sid}", Act("channel", "delete")),
    Row("POST", _MEMBERS, Act("member", "create", "identity attributes"), views.participant, (V1,)),
    Row("POST", _MEMBERS, Act("member", "create", f"identity attributes {_BINDING}"), views.participant, (V2,)),
    Row("POST", f"{_MEMBERS}/{{sid*}}", Act("member", "update", "attributes"), views.participant),
    Row("DELETE", f"{_MEMBERS}/{{sid*}}", Act("member", "delete"), own_name="member_identity"),
    Row("POST", "/Conversations/{channel_sid}/Invites", Act("invite", "create", "identity"), views.invite, (V1,)),
    OwnRow("DELETE", "/Conversations/{channel_sid}/Invites/{identity*}", decline, (V1,)),
    OwnRow("POST", _MESSAGES, send),
    Row("GET", f"{_MESSAGES}/{{sid}}", Act("message", "fetch"), views.message),
    Row("POST", f"{_MESSAGES}/{{sid}}", Act("message", "update", "body attributes"), views.message),
    Row("DELETE", f"{_MESSAGES}/{{sid}}", Act("message", "delete")),
    Row(
        "GET",
        f"{_MESSAGES}/{{message_sid}}/Receipts",
        Act("receipt", "list"),
        views.receipt,
        (V2,),
        "delivery_receipts",
    ),
    OwnRow("GET", f"{_MESSAGES}/{{sid}}/ChannelMetadata", channel_metadata, (V2,)),
    OwnRow("GET", "/Conversations/{channel_sid}/MessageRecipients", message_recipients, (V2,)),
    OwnRow("GET", "/ContentTemplates", content_templates, (V2,)),
    OwnRow("GET", "/Users", users_of_channel, (V1,)),
    Row("GET", "/Users/{sid*}", Act("user", "fetch"), views.user),
    Row("POST", "/Users/{sid*}", Act("user", "update", "attributes friendly_name"), views.user, own_name="sid"),
    OwnRow("POST", "/Typing", typing),
    # The lines 3 and 4 of Chat change things with commands, and read these.
    Row("GET", "/Channels", _PUBLIC, views.channel, (V1,), key="channels"),
    Row("GET", "/Channels/{sid}", Act("channel", "fetch"), views.channel, (V1,)),
    OwnRow("GET", "/MyChannels", my_channels, (V1,)),
    Row("GET", "/SyncList", _MINE, views.sync_entry, (V1,), key="channels", own="user_sid"),
)


def _answer(exchange: Exchange, version: str, row: Row) -> Answered:
    act = row.act
    if act.verb == "list":
        return _list(exchange, version, row)
    path = dict(exchange.path)
    if row.own_name and _is_own(exchange, version, path["sid"], row.template):
        del path["sid"]
        path[row.own_name] = exchange.identity
    body = exchange.body if row.method == "POST" else {}
    record = perform(exchange, version, act, path, body, exchange.mutation)
    if act.verb == "delete" or row.show is None:
        return Answered(204)
    return Answered(201 if act.verb == "create" else 200, row.show(version, record))


def _list(exchange: Exchange, version: str, row: Row) -> Answered:
    page = _page(exchange)
    path = {**exchange.path} | ({row.own: exchange.user_sid} if row.own else {})
    listing = listed(exchange, version, row.act, path, page)
    assert row.show is not None
    return _shown(listing, page, row.key, row.show, version)


def _page(exchange: Exchange) -> PageRequest:
    """Which page the client asks for.

    Raises:
        Refusal: 20001.
    """
    wanted = size(exchange.query.get("PageSize") or None)
    token = exchange.query.get("PageToken", "")
    if not token:
        return PageRequest(wanted)
    direction, position = token[:1], token[1:]
    is_position = position.isascii() and position.isprintable() and 0 < len(position) <= _LONGEST_TOKEN
    if direction not in (_NEXT, _PREVIOUS) or not is_position:
        raise INVALID_PARAMETER(name="PageToken", reason="a token of an earlier page is needed")
    return PageRequest(wanted, after=position) if direction == _NEXT else PageRequest(wanted, before=position)


def _shown(listing: Listing, page: PageRequest, key: str, show: Show, version: str) -> Answered:
    """One page. It has fewer items than asked for if they would not fit into one reply."""
    items = [show(version, record) for record in listing.records]
    sizes = (len(packets.dump(item)) + 1 for item in items)
    cut = listing.cut(fitting(sizes, packets.LONGEST_MESSAGE - _BYTES_AROUND_A_LIST), page)
    kept = len(cut.records)
    items = items[len(items) - kept :] if page.is_back else items[:kept]
    following = f"{_NEXT}{cut.last}" if cut.more_after and cut.last is not None else None
    previous = f"{_PREVIOUS}{cut.first}" if cut.more_before and cut.first is not None else None
    meta = {"previous_token": previous, "prev_token": previous, "next_token": following}
    return Answered(200, {key: items, "meta": meta})


def _route(version: str, row: Row | OwnRow) -> Route:
    template = f"/Client/{version}{row.template}"
    if isinstance(row, OwnRow):
        return Route(row.method, template, lambda exchange: row.answer(exchange, version))
    return Route(row.method, template, lambda exchange: _answer(exchange, version, row))


def routes(rows: Iterable[Row | OwnRow]) -> tuple[Route, ...]:
    """The routes of these rows, in each of their versions."""
    return tuple(_route(version, row) for row in rows for version in row.versions)


# The lines 3 and 4 of Chat know the path of typing from the start.
ROUTES = (*routes(ROWS), Route("POST", "/v1/typing", lambda exchange: typing(exchange, V1)))
