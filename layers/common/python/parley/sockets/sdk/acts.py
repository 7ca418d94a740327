"""What a client does to a resource: an operation that REST and the native protocol run too, with input from JSON.

An act is data. Its rights and its pre-event webhooks are the operation's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256
from typing import Any

from parley.domain.memberships import birth_of
from parley.faces import chat_v2
from parley.faces.conversations_v1 import conversations, messages, participants, people
from parley.faces.conversations_v1.face import IN_SERVICE
from parley.faces.forms import parse, spelled
from parley.faces.spec import Mount
from parley.frozen import frozen
from parley.operations.messages import Tag
from parley.operations.paging import Listing, PageRequest
from parley.operations.table import OPERATIONS, Operation
from parley.records.spec import Path
from parley.sockets.sdk.routing import Exchange
from parley.sockets.sdk.upstream_views import V1, V2
from parley.store.items import Record

_OF_CONVERSATIONS = {
    mount.resource: mount
    for part in (conversations, messages, participants, people)
    for mount in part.mounts(IN_SERVICE)
}
# A client sends a request again within 90 seconds, counted from when it sent it first.
YOUNG_SECONDS = 120
# The resources by the names that acts use, with the mount of each version's face.
MOUNTS: Mapping[str, Mapping[str, Mount]] = {
    V1: {mount.resource: mount for mount in chat_v2.MOUNTS},
    V2: {
        **_OF_CONVERSATIONS,
        "member": _OF_CONVERSATIONS["participant"],
        "user_channel": _OF_CONVERSATIONS["user_conversation"],
    },
}


@frozen
class Act:
    """One operation upon a resource.

    Attributes:
        resource: A resource of `MOUNTS`.
        verb: The operation's verb.
        takes: The fields that the client may give, separated by blanks. On create and update, the type of record must
            declare that a client may set the field. `member=field` names a field whose member in the body is called
            otherwise; a dot leads into an object of the body.
        operation: The operation, if it is not the resource's own one for the verb.
        fixed: Parameters that the client cannot choose, by form name.
        joins: Whether the client's own identity is the parameter `identity`.
        repeatable: Whether the operation knows a repetition of a request, and answers it with the first result.
    """

    resource: str
    verb: str
    takes: str = ""
    operation: Operation | None = None
    fixed: Mapping[str, list[str]] = field(default_factory=dict)
    joins: bool = False
    repeatable: bool = False

    @property
    def members(self) -> dict[str, str]:
        """The members of the body by the fields that they give."""
        pairs = (name.partition("=") for name in self.takes.split())
        return {stored or member: member for member, _, stored in pairs}


def perform(exchange: Exchange, version: str, act: Act, path: Path, body: Mapping[str, Any], token: str = "") -> Any:
    """Carry out an act and return the operation's result. `token` is a unique id of the client's request, or empty.

    Raises:
        Refusal: the input is bad, or the operation refuses it.
    """
    mount = MOUNTS[version][act.resource]
    operation = act.operation or OPERATIONS[mount.resource, act.verb]
    more = _once(exchange, act, token) if token and act.repeatable else {}
    where = {"service_sid": exchange.service_sid, **path}
    return operation(exchange.context, where, _parameters(exchange, mount, act, body), **more)


def is_young(exchange: Exchange) -> bool:
    """Whether the connection is so new that a request may repeat one that was lost with the connection before."""
    now = exchange.context.clock.now_ms() // 1000
    return bool(now - exchange.connection["opened_at"] <= YOUNG_SECONDS)


def _once(exchange: Exchange, act: Act, token: str) -> dict[str, Any]:
    """What tells the operation of a repetition. A message keeps a tag, which costs nothing."""
    name = sha256(f"{birth_of(exchange.connection)}/{token}".encode()).hexdigest()
    if act.resource == "message":
        # It is looked for among few messages only, so a short one will do, and every byte of a message counts.
        return {"tag": Tag(name[:8], may_repeat=is_young(exchange))}
    return {"token": name[:32]}


def listed(exchange: Exchange, version: str, act: Act, path: Path, page: PageRequest) -> Listing:
    """One page of a list."""
    mount = MOUNTS[version][act.resource]
    operation = act.operation or OPERATIONS[mount.resource, act.verb]
    where = {"service_sid": exchange.service_sid, **path}
    listing: Listing = operation(exchange.context, where, _parameters(exchange, mount, act, {}), page)
    return listing


def _parameters(exchange: Exchange, mount: Mount, act: Act, body: Mapping[str, Any]) -> Record:
    given = {**act.fixed} | ({"Identity": [exchange.identity]} if act.joins else {})
    members = act.members
    taken = [parameter for parameter in mount.form(act.verb) if parameter.name in members]
    given |= spelled(taken, _flat(body, members.values()), act.verb, members)
    return parse(mount, act.verb, given) if given or taken else {}


def _flat(body: Mapping[str, Any], members: Any) -> dict[str, Any]:
    """The members of a body. A member with a dot is found in the object that is named before the dot."""
    found: dict[str, Any] = {}
    for member in members:
        within, _, name = member.rpartition(".")
        holder = body.get(within) if within else body
        if isinstance(holder, Mapping) and name in holder:
            found[member] = holder[name]
    return found
