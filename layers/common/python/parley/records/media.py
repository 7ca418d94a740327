"""Media: uploaded files (https://www.twilio.com/docs/chat/rest/media).

First a client or back end uploads the file. Then it sends a message that names the file's SID. The parameters of an
upload stand in the query string, because the body of the request is the file.
"""

from __future__ import annotations

from parley.domain.media import CATEGORIES, check_content_type, check_sha256, clean_filename
from parley.records.kinds import Checked, Choice, Flag, Moment, Sid, Stored, Text, Whole
from parley.records.spec import FREELY, Field, RecordType
from parley.store import keys

_UPLOAD = (
    Field("method", Choice(("PUT",)), "The method of the request."),
    Field("url", Text(), "The URL to which the file goes."),
    Field("headers", Stored(), "The headers that the request must have."),
    Field("expires_at", Moment(), "When the link expires."),
)

MEDIA = RecordType(
    name="media",
    prefix="ME",
    parent="service",
    key=lambda path: keys.media(path["sid"]),
    fields=(
        Field("author", Text(256), "The identity of the user who uploaded the file, or `sender` for a back end."),
        Field("category", Choice(CATEGORIES), "What the file is for.", default="media", on_create=FREELY),
        Field("content_type", Checked(check_content_type), "The type of the file's content.", on_create=FREELY),
        Field("date_upload_updated", Moment(), "When the last byte of the file had arrived."),
        Field("filename", Checked(clean_filename), "The name of the file.", on_create=FREELY),
        Field(
            "is_multipart_upstream",
            Flag(),
            "Whether the file was uploaded in a form with several parts.",
            default=False,
        ),
        Field("message_sid", Sid("IM"), "The message that carries the file; null while none does."),
        Field("sha256", Checked(check_sha256), "The SHA-256 checksum of the file.", on_create=FREELY),
        # What a file may have at most is a setting of the operator's, so operations compare it. S3 takes 5 GB in one
        # request (https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html).
        Field("size", Whole(1, most=5 * 2**30), "The size of the file in bytes.", on_create=FREELY),
    ),
    computed=(Field("upload", Stored(_UPLOAD), "The request with which the client uploads the file."),),
)
