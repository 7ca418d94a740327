"""The media face's own part of the REST door: files in bodies, access tokens, redirects, and sets of files.

Requests come with account credentials, with an API key, or with an access token in the header `X-Twilio-Token`. The
link that ends in `/Temporary` needs none of them.

A redirect is a 307, which keeps the method. It leads to the object store, which refuses a request that carries
credentials beside those in the link. HTTP libraries leave credentials out when the host changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parley.domain.media import check_content_type, clean_filename, essence, sniffed
from parley.errors import INVALID_BODY, MEDIA_SIZE_REFUSED, TOO_LARGE
from parley.faces.forms import parse
from parley.faces.media import FACE, FILES
from parley.faces.spec import Mount
from parley.faces.views import present
from parley.operations import media
from parley.operations.context import Caller, Context
from parley.operations.media import Method, Upload
from parley.operations.table import Operation
from parley.records.spec import Path
from parley.rest import credentials
from parley.rest.forms import FORM
from parley.rest.routes import (
    MakeContext,
    Operations,
    Route,
    answer_one,
    base_url,
    path_of,
    query_of,
    route,
    route_to,
    showing,
)

# Lambda takes 6 MB, and API Gateway encodes the body in base64, which makes it longer by a third
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
LONGEST_FILE_BYTES = 4_500_000
# Boundaries and headers around the file in a form.
_AROUND_FILE_BYTES = 64 * 1024
_MULTIPART = "multipart/form-data"
# `{"media_sid":"ME…"}` a hundred times is 6 KB.
_LONGEST_SET_BYTES = 64 * 1024
_MOST_IN_SET = 100
_ITEM = f"{FACE.prefix}{FILES.path}"
_SET = f"{FACE.prefix}/Services/{{service_sid}}/MediaSet"


def routes(make_context: MakeContext, mounts: Iterable[Mount], operations: Operations) -> list[Route]:
    """Every route of the media face."""
    rows = [(mount, verb) for mount in mounts for verb in mount.verbs]
    if not rows:
        return []
    found = [
        route(mount, verb, operations[mount.resource, verb], make_context, _answer_of(mount, verb), prepared)
        for mount, verb in rows
    ]

    def context(request: Request) -> Context:
        return make_context(Caller(source="API"))

    own = (("POST", _SET, answer_set), ("GET", f"{_ITEM}/Content", to_content), ("GET", f"{_ITEM}/Temporary", to_bytes))
    for method, path, answering in own:
        name = f"{FACE.prefix}:media.{path.rpartition('/')[2].lower()}"
        found.append(route_to(FILES, path, method, name, context, answering))
    return found


def _answer_of(mount: Mount, verb: str) -> Callable[..., Response]:
    return answer_file if (mount, verb) == (FILES, "create") else answer_one


def prepared(mount: Mount, request: Request, context: Context) -> tuple[Context, Path]:
    """The context for the caller whose credentials or token a request carries, and its path.

    Raises:
        Refusal: 20003 without either; what is wrong with a token; 20404 if a token is for another service.
    """
    token = request.headers.get("x-twilio-token")
    if token is None:
        credentials.authenticate(context, request.headers.get("authorization", ""), mount.record)
        return context, path_of(request)
    # Imported here, because most back ends never send a token, and reading one needs PyJWT.
    from parley.operations import bearers

    access = bearers.verified(context, token)
    path = path_of(request)
    return bearers.acting(context, access, path["service_sid"]), path


def answer_file(
    mount: Mount, verb: str, operation: Operation, request: Request, body: bytes, context: Context, path: Path
) -> Response:
    """Store the file in a request's body."""
    parameters = parse(mount, verb, query_of(request))
    record = operation(context, path, parameters, read_file(body, request.headers.get("content-type", "")))
    return showing(mount, verb, record, request, context)


def read_file(body: bytes, content_type: str) -> Upload:
    """The file in a body: the one file of a multipart form, else the body itself.

    If a program sets no type, most HTTP clients send that of a form. Then the beginning of the file decides.

    Raises:
        Refusal: 20001 for an empty file, or a form without exactly one; 50511 for a type that is none; 50512 for more
            than fits into a request.
    """
    is_multipart = essence(content_type) == _MULTIPART
    if len(body) > LONGEST_FILE_BYTES + (_AROUND_FILE_BYTES if is_multipart else 0):
        raise _too_large()
    filename = None
    if is_multipart:
        from parley.rest.multipart import only_file

        body, content_type, filename = only_file(body, content_type)
    if len(body) > LONGEST_FILE_BYTES:
        raise _too_large()
    if not body:
        raise INVALID_BODY(reason="the file is empty")
    is_believed = essence(content_type) not in ("", FORM)
    content_type = check_content_type(content_type) if is_believed else sniffed(body)
    return Upload(body, content_type, clean_filename(filename or ""), is_multipart)


def _too_large() -> Exception:
    reason = f"at most {LONGEST_FILE_BYTES} bytes in one request; for larger files POST to Uploads, which gives a link"
    return MEDIA_SIZE_REFUSED(reason=reason)


def to_content(request: Request, body: bytes, context: Context) -> Response:
    """Lead a caller with credentials to a file's bytes."""
    context, path = prepared(FILES, request, context)
    return _led_to(media.content(context, path, _method(request)))


def to_bytes(request: Request, body: bytes, context: Context) -> Response:
    """Lead whoever has a signed link to a file's bytes."""
    query = query_of(request)
    expires, signature = (query.get(name, [""])[-1] for name in ("expires", "signature"))
    return _led_to(media.temporary(context, path_of(request), expires, signature, _method(request)))


def _method(request: Request) -> Method:
    return cast(Method, request.method)


def _led_to(url: str) -> Response:
    # The link is for this caller alone, and the next one may not be let through.
    return Response(status_code=307, headers={"Location": url, "Cache-Control": "no-store"})


def answer_set(request: Request, body: bytes, context: Context) -> Response:
    """Show several files, each with a status of its own."""
    context, path = prepared(FILES, request, context)
    sids = _listed(body)
    base = base_url(request)
    shown = [
        # Twilio's SDKs read the SID of a file that is not there, too.
        {"code": 404, "media_record": {"sid": sid}}
        if record is None
        else {"code": 200, "media_record": present(FILES, record, base, context.account_sid)}
        for sid, record in zip(sids, media.fetch_many(context, path, sids), strict=True)
    ]
    return JSONResponse(shown)


def _listed(body: bytes) -> list[str]:
    """The SIDs in `{"command": "get", "list": [{"media_sid": "ME…"}]}`.

    Raises:
        Refusal: 20001 for anything else; 20413.
    """
    if len(body) > _LONGEST_SET_BYTES:
        raise TOO_LARGE(limit=_LONGEST_SET_BYTES)
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise INVALID_BODY(reason="it is not JSON") from None
    if not isinstance(asked, dict) or asked.get("command") != "get" or not isinstance(asked.get("list"), list):
        raise INVALID_BODY(reason="an object with the command get and a list is needed")
    entries = asked["list"]
    if len(entries) > _MOST_IN_SET:
        raise INVALID_BODY(reason=f"the list has more than {_MOST_IN_SET} files")
    sids = [entry["media_sid"] for entry in entries if isinstance(entry, dict) and "media_sid" in entry]
    # JSON can spell half of a surrogate pair, which is not printable, and cannot be sent back.
    if len(sids) < len(entries) or not all(isinstance(sid, str) and sid.isprintable() for sid in sids):
        raise INVALID_BODY(reason="each entry of the list needs a media_sid")
    return sids
