"""The Media Content Service (https://www.twilio.com/docs/chat/rest/media): files are uploaded and fetched.

`parley/rest/media.py` has what no row can say: the file in the body of an upload, the two links to a file's bytes, and
the set of several files that the JavaScript SDKs ask for. The row of uploads is Parley's own.
"""

from __future__ import annotations

from parley.faces.spec import Face, Mount, View
from parley.operations.context import Perspective
from parley.records import MEDIA
from parley.store.items import Record

FACE = Face("media_v1", "/media/v1", perspective=Perspective("media", "chat"))


def temporary_link(media: Record) -> str | None:
    """The end of the link that needs no credentials; None until the file is ready."""
    query = media.get("temporary")
    return f"/Temporary?{query}" if query else None


# Twilio's reference has `file_name`, while its SDKs read `filename`.
_NAMES = (
    "sid account_sid service_sid channel_sid message_sid date_created date_upload_updated date_updated size "
    "content_type filename file_name=filename author category is_multipart_upstream url"
)
FILES = Mount(
    FACE,
    MEDIA,
    "/Services/{service_sid}/Media/{sid}",
    View(_NAMES, links={"content": "/Content", "content_direct_temporary": temporary_link}),
    create="category filename",
    verbs=("create", "fetch"),
)

MOUNTS = (
    FILES,
    Mount(
        FACE,
        MEDIA,
        "/Services/{service_sid}/Uploads/{sid}",
        View("sid url upload"),
        create="filename content_type! size! sha256! category",
        verbs=("create",),
        name="media_upload",
        home=FILES.path,
        about="Makes a link to which a client PUTs one large file (`docs/media.md`). This is Parley's own: at Twilio, "
        "every file is the body of the request that makes it.",
    ),
)
