"""Words for values and records: what a parameter takes, and how Conversations calls what Chat calls a channel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from parley.errors import Error
from parley.faces import kinds as of_faces
from parley.faces.errors import answer
from parley.faces.spec import Mount, Parameter, pascal
from parley.records import kinds

# The values that the domain's rules accept, by the rule's name.
_RULES = {
    "check_identity": (
        "1 to 256 characters, not `system`, `private` or `unique`, not in the form of a user SID "
        "(50204, 50207, 50203, 50206)"
    ),
    "check_unique_name": "text up to 256 characters (50004), not in the form of a channel SID (50306); empty clears it",
    "check_body": "text up to 32,768 bytes (50504), may be empty",
    "check": "an ISO 8601 duration (50379 and 50375, or 50380 and 50376); `PT0S` removes it (unconfirmed)",
    "check_state": "`active`, `inactive` or `closed` (50378, 50374)",
    "check_sid": "a SID beginning with `HX` (50526)",
    "check_content_type": "a media type such as `image/png`, perhaps with parameters, up to 255 characters (50511)",
    "check_sha256": "64 hex digits",
    "clean_filename": "text up to 255 characters; folders before the name, control characters and marks of direction "
    "are left out",
    "check_variables": "a JSON object with texts (50527, 50529, 50540, 50541)",
    "str": "text",
}
_RULES_OF_CONVERSATIONS = {
    "check_unique_name": _RULES["check_unique_name"].replace("a channel SID (50306)", "a conversation SID (50390)"),
}
# The effect of an empty value in a form. A filter has no such effect.
CLEARS = "; empty clears it"
_CONVERSATIONS = {"channel": "conversation", "member": "participant"}
# What stands in a path, by its name there: which addresses it takes beside a SID, if Chat v2 asks.
_ADDRESSES = {
    "account_sid": "The account.",
    "service_sid": "The service.",
    "channel_sid": "The channel, by SID or unique name.",
    "user_sid": "The user, by SID or identity.",
    "messaging_service_sid": "The SID of the messaging service.",
    "message_sid": "The message.",
}
_BY = {"channel": " or unique name", "member": " or identity", "user": " or identity", "participant": " or identity"}
_BY |= {"address_configuration": " or address"}


def is_of_conversations(mount: Mount) -> bool:
    """Whether a mount speaks of conversations and participants."""
    return mount.face.perspective.name == "conversations"


def in_words_of(mount: Mount, text: str) -> str:
    """A text about channels and members in the words of the mount's API."""
    if not is_of_conversations(mount):
        return text
    return re.sub(r"\b([Cc]hannel|[Mm]ember)(s?)\b(?![`_])", _conversed, text)


def _conversed(match: re.Match[str]) -> str:
    word = _CONVERSATIONS[match[1].lower()] + match[2]
    return word.capitalize() if match[1][0].isupper() else word


def in_path(mount: Mount, name: str) -> str:
    """What a name in the path of a mount stands for."""
    if any(name == known for known, _ in mount.by_sid) and name != "sid":
        return f"The {name.removesuffix('_sid')}, by SID."
    if name != "sid":
        return in_words_of(mount, _ADDRESSES[name])
    by = "" if any(known == "sid" for known, _ in mount.by_sid) else _BY.get(mount.resource, "")
    return in_words_of(mount, f"The {mount.resource.replace('_', ' ').replace('api', 'API')}, by SID{by}.")


def path_of(mount: Mount, verb: str) -> str:
    """A path as documents write it: `/chat/v2/Services/{ServiceSid}/Channels/{Sid}`."""
    return re.sub(r"\{(\w+)\}", lambda match: "{" + path_name(mount, match[1]) + "}", mount.route(verb))


def path_name(mount: Mount, name: str) -> str:
    """The name of a part of a path as documents write it."""
    return pascal("conversation_sid" if name == "channel_sid" and is_of_conversations(mount) else name)


def names_in(mount: Mount, verb: str) -> list[str]:
    """The names in the path of a verb, from the left."""
    return re.findall(r"\{(\w+)\}", mount.route(verb))


def value(parameter: Parameter, column: str) -> str:
    """The values that a parameter takes, with the codes of its refusals if they are not the general 20001."""
    kind, ending = parameter.kind, ""
    while isinstance(kind, of_faces.OrElse | of_faces.AnyCase):
        ending += ", also in small letters" if isinstance(kind, of_faces.AnyCase) else ""
        kind = kind.kind
    return (_of_face(kind, column) or _of_record(kind, column, parameter.always)) + ending


def _of_face(kind: Any, column: str) -> str:
    """The values of a kind that only faces know."""
    match kind:
        case of_faces.Renamed():
            return f"{quoted(kind.words)}{_code(column, kind.error)}"
        case of_faces.RenamedList() | of_faces.OnlyThese():
            return f"may be repeated: {quoted(kind.words)}"
        case of_faces.Selected():
            return f"may be repeated: {quoted(kind.stored)}{_code(column, kind.error)}"
    return ""


def _of_record(kind: Any, column: str, always: bool) -> str:
    match kind:
        case kinds.Text():
            said = f"text up to {kind.longest:,} characters{_code(column, kind.too_long)}"
            said += "" if always else CLEARS
        case kinds.Checked():
            rules = _RULES | (_RULES_OF_CONVERSATIONS if column == "conversations" else {})
            said = rules[kind.rule.__name__]
        case kinds.Attributes():
            said = f"a JSON document (50304) up to {kind.longest:,} bytes (50303){CLEARS}"
        case kinds.Whole():
            said = f"a whole number from {kind.least} to {kind.most:,}{_code(column, kind.error)}"
            said += CLEARS if kind.clearable else ""
        case kinds.Flag():
            said = "`true` or `false`"
        case kinds.Moment():
            said = f"a date in ISO 8601{_code(column, kind.error)}"
        case kinds.Choice():
            said = f"{quoted(kind.words)}{_code(column, kind.error)}"
        case kinds.Sid():
            said = f"a SID beginning with `{kind.prefix}`"
        case kinds.Sids():
            malformed = _code(column, kind.malformed)
            said = f"up to {kind.most} SIDs beginning with `{kind.prefix}`{malformed}, each in a parameter"
        case kinds.Listed():
            said = f"may be repeated{': ' + quoted(kind.words) if kind.words else ''}{_code(column, kind.error)}"
        case kinds.Url():
            said = f"an absolute http or https URL{_code(column, kind.error)} up to {kind.longest:,} characters"
            said += f"{_code(column, kind.too_long)}{CLEARS}"
        case kinds.Objects():
            said = f"up to {kind.most}{_code(column, kind.too_many)}, each a JSON object{_code(column, kind.malformed)}"
        case _:
            raise TypeError(f"no words for {type(kind).__name__}")
    return said


def _code(column: str, error: Error | None) -> str:
    code = answer(column, error).code if error is not None else 20001
    return f" ({code})" if code != 20001 else ""


def message(text: str) -> str:
    """The text of an error, with the names of its details as code: a site takes bare braces for attributes."""
    return re.sub(r"\{\w+\}", r"`\g<0>`", text)


def quoted(words: Iterable[str]) -> str:
    """Words as code, with commas."""
    return ", ".join(f"`{word}`" for word in words)
