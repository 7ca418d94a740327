"""Media: uploaded files (https://www.twilio.com/docs/chat/rest/media).

A file is uploaded first, and a message that names its SID then carries it. The parameters of an upload stand in the
query string, because the body of the request is the file.
"""

from __future__ import annotations

from parley.domain.media import CATEGORIES, check_content_type, check_sha256, clean_filename
from parley.records.kinds import Checked, Choice, Flag, Moment, Sid, Text, Whole
from parley.records.spec import FREELY, Field, RecordType
from parley.store import keys

MEDIA = RecordType(
    name="media",
    prefix="ME",
    parent="service",
    key=lambda path: keys.media(path["sid"]),
    fields=(
        Field("author", Text(256)),
        Field("category", Choice(CATEGORIES), default="media", on_create=FREELY),
        Field("content_type", Checked(check_content_type), on_create=FREELY),
        Field("date_upload_updated", Moment()),
        Field("filename", Checked(clean_filename), on_create=FREELY),
        Field("is_multipart_upstream", Flag(), default=False),
        Field("message_sid", Sid("IM")),
        Field("sha256", Checked(check_sha256), on_create=FREELY),
        # What a file may have at most is a setting of the operator's, so operations compare it. S3 takes 5 GB in one
        # request (https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html).
        Field("size", Whole(1, most=5 * 2**30), on_create=FREELY),
    ),
    computed="upload",
)
