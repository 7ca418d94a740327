"""Sessions: the lines 3 and 4 of Chat push commands into a Sync list of their own, and hear of results as its events.

    POST /v3/Lists                        a new session
    POST /v3/Lists/<session>/Items        a command: its result is pushed, then the request is answered

A session is only a name: commands act as the connection's user, and results are stored with the user. The result comes
before the answer. So if the client gets only the answer, the result was lost and will be replayed. If it gets neither,
it sends the command again on its next connection.

A result is kept for ten minutes. If a command comes again with the same id in that time, the client gets the result
again, and nothing is carried out twice. Only a client that has just connected sends a command again, so only then
Parley looks for the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from parley.clock import iso_millis
from parley.domain.memberships import birth_of
from parley.errors import INVALID_PARAMETER, NOT_FOUND, Refusal
from parley.faces.errors import naming, refuse
from parley.ids import is_sid
from parley.log import logger
from parley.operations.context import CHAT
from parley.operations.reachability import is_enabled
from parley.records.services import setting
from parley.sockets.following import MOST_FOLLOWED
from parley.sockets.media import media_url
from parley.sockets.sdk import objects, packets
from parley.sockets.sdk.acts import is_young
from parley.sockets.sdk.commands import ADDRESSES, carried_out
from parley.sockets.sdk.links import link
from parley.sockets.sdk.routing import Answered, Exchange, Route
from parley.store import keys
from parley.stored import SessionResult

PREFIX = "EL"
PURPOSE = "com.twilio.rtd.ipmsg"
LIVE = "com.twilio.rtd.cds.list"
KEPT_SECONDS = 600
_WINDOW_MS = KEPT_SECONDS * 1000
# By how much the clocks of two functions may differ.
_CLOCKS_MS = 5_000
_LONGEST_ID = 64
# How many results of each window of time a subscription brings. An SDK has far fewer commands under way.
_MOST_MISSED = 1000
_OK = {"status": 200, "statusText": "OK"}


def is_session(sid: str) -> bool:
    """Whether this is the SID of a session."""
    return is_sid(PREFIX, sid)


def create(exchange: Exchange) -> Answered:
    """A new session.

    Raises:
        Refusal: 20001 for any other list.
    """
    if exchange.body.get("purpose") != PURPOSE:
        raise INVALID_PARAMETER(name="purpose", reason=f"{PURPOSE} is needed")
    sid = exchange.context.ids.sid(PREFIX)
    now = iso_millis(exchange.context.clock.now_ms())
    url = link("v3", "Lists", sid)
    shown = {
        "sid": sid,
        "unique_name": None,
        "url": url,
        "revision": "0",
        "last_event_id": 0,
        "date_created": now,
        "date_updated": now,
        "date_expires": None,
        "created_by": exchange.identity,
        "links": {"items": f"{url}/Items", "context": f"{url}/Context"},
    }
    return Answered(201, shown)


def fetch_context(exchange: Exchange) -> Answered:
    """The context of a session. An id above 0 would keep a client that reads it first from believing the event."""
    _session(exchange)
    return Answered(200, {"data": context_of(exchange), "last_event_id": 0})


def _session(exchange: Exchange) -> str:
    sid = exchange.path["session"]
    if not is_session(sid):
        raise NOT_FOUND()
    return sid


def context_of(exchange: Exchange) -> dict[str, Any]:
    """What a client must know of its user and its service. Its links are paths: the client adds a host of its own."""
    owner = exchange.service
    mine = objects.channels(exchange.user_sid).unique_name
    return {
        "identity": exchange.identity,
        "userInfo": objects.info(exchange.user_sid).unique_name,
        "myChannels": mine,
        "channels": mine,
        "reachabilityEnabled": is_enabled(owner),
        "userInfosToSubscribe": MOST_FOLLOWED,
        "httpCacheInterval": "PT5S",
        "consumptionReportInterval": f"PT{setting(owner, 'consumption_report_interval')}S",
        "links": {
            "publicChannelsUrl": "/Client/v1/Channels",
            "myChannelsUrl": "/Client/v1/MyChannels",
            "typingUrl": "/v1/typing",
            "syncListUrl": "/Client/v1/SyncList",
            "usersUrl": "/Client/v1/Users",
            "mediaServiceUrl": _media(exchange),
        },
    }


def _media(exchange: Exchange) -> str:
    """What the client puts behind `https://mcs.us1.twilio.com`.

    The dot makes that a host in Parley's own domain, so no client sends a user's token to Twilio.
    """
    return f".{media_url(exchange.rest_url, exchange.service_sid).partition('://')[2]}/Media"


def push(exchange: Exchange) -> Answered:
    """Carry out a command, unless it was carried out before. The result goes out before the answer."""
    sid = _session(exchange)
    data = exchange.body.get("data")
    command_id = data.get("commandId") if isinstance(data, dict) else None
    request = data.get("request") if isinstance(data, dict) else None
    if not isinstance(command_id, str) or not 0 < len(command_id) <= _LONGEST_ID or not isinstance(request, dict):
        raise INVALID_PARAMETER(name="data", reason="a commandId and a request are needed")
    result = _kept(exchange, sid, command_id)
    if result is None:
        result = _carry_out(exchange, sid, command_id, request)
    exchange.first([packets.notification(LIVE, _event(sid, result))])
    return Answered(201, _item(exchange, sid, result))


def _carry_out(exchange: Exchange, sid: str, command_id: str, request: Mapping[str, Any]) -> SessionResult:
    try:
        response = {**_OK, **carried_out(exchange, request, command_id)}
    except Refusal as refusal:
        status, code, text = refuse(CHAT.errors, refusal)
        if refusal.error is NOT_FOUND:
            text = naming(text, request, ADDRESSES)
        response = {"status": status, "statusText": text, "code": code}
    now = exchange.context.clock.now_ms()
    result: SessionResult = {
        "birth": birth_of(exchange.connection),
        "command_id": command_id,
        "response": response,
        "at": now,
        "expires_at": now // 1000 + KEPT_SECONDS,
    }
    key = keys.session_result(exchange.user_sid, sid, now // _WINDOW_MS, command_id)
    try:
        exchange.context.table.put_many({key: result})
    except Refusal as refusal:
        # The command is carried out, so the client must not hear that it failed.
        logger.warning("result is not kept", extra={"error": refusal.error.name, "command_id": command_id})
    return result


def _kept(exchange: Exchange, sid: str, command_id: str) -> SessionResult | None:
    """The result of an earlier request with the same command id, if it is kept and this may be a repetition."""
    if not is_young(exchange):
        return None
    now = exchange.context.clock.now_ms()
    wanted = [keys.session_result(exchange.user_sid, sid, window, command_id) for window in _windows(now)]
    found = exchange.context.table.fetch_many(wanted)
    return next((result for key in wanted if (result := found.get(key)) and _is_of(exchange, result, now)), None)


def _windows(now: int) -> tuple[int, int]:
    """The windows of time in which results that are still kept may stand."""
    return now // _WINDOW_MS - 1, now // _WINDOW_MS


def _is_of(exchange: Exchange, result: SessionResult, now: int) -> bool:
    return result["birth"] == birth_of(exchange.connection) and result["expires_at"] > now // 1000


def missed(exchange: Exchange, sid: str, last_event_id: int) -> tuple[list[dict[str, Any]], int]:
    """The events of a session that a client gets when it subscribes, in order, and the id that covers them.

    The context always comes: without it, no client becomes ready.
    """
    context = exchange.context
    now = context.clock.now_ms()
    since = objects.number_in(last_event_id) - _CLOCKS_MS
    ranges = [keys.session_results(exchange.user_sid, sid, window) for window in _windows(now)]
    kept = [found.record for where in ranges for found in context.table.page(where, _MOST_MISSED).found]
    results = [result for result in kept if result["at"] > since and _is_of(exchange, result, now)]
    results.sort(key=lambda result: result["at"])
    told = {"context_data": context_of(exchange), "list_sid": sid}
    ready = {"event_type": "list_context_updated", "event": {**_numbered(now), **told}}
    return [ready, *(_event(sid, result) for result in results)], objects.established_id(now)


def _event(sid: str, result: SessionResult) -> dict[str, Any]:
    """The event that tells a client what its command came to."""
    index = _index(result)
    event = {
        **_numbered(result["at"]),
        "date_expires": None,
        "item_index": index,
        "item_url": link("v3", "Lists", sid, "Items", str(index)),
        "item_revision": "1",
        "item_data": {"commandId": result["command_id"], "response": result["response"]},
        "list_sid": sid,
        "list_unique_name": None,
        "list_revision": "1",
    }
    return {"event_type": "list_item_updated", "event": event}


def _numbered(at: int) -> dict[str, Any]:
    return {"id": objects.event_id(at), "date_created": iso_millis(at)}


def _index(result: SessionResult) -> int:
    """The index of a command in its list: any number will do that no other command has."""
    return int(sha256(result["command_id"].encode()).hexdigest()[:12], 16)


def _item(exchange: Exchange, sid: str, result: SessionResult) -> dict[str, Any]:
    """The answer to a command. Its id is below that of the result, which the client would else take for known."""
    index, at = _index(result), iso_millis(result["at"])
    return {
        "index": index,
        "list_sid": sid,
        "url": link("v3", "Lists", sid, "Items", str(index)),
        "revision": "0",
        "last_event_id": objects.event_id(result["at"]) - 1,
        "date_created": at,
        "date_updated": at,
        "date_expires": None,
        "created_by": exchange.identity,
    }


ROUTES = (
    Route("POST", "/v3/Lists", create),
    Route("GET", "/v3/Lists/{session}/Context", fetch_context),
    Route("POST", "/v3/Lists/{session}/Items", push),
)
