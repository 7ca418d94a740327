"""`python -m cli.site STACK [REGION]`: uploads the console's files to the bucket of a deployed stack."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cli import trouble
from local.home import REPOSITORY

_PAGE = REPOSITORY / "local" / "console" / "page"
_CLIENT = REPOSITORY / "clients" / "js"
_TYPES = {".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
# Twilio's SDKs come from npm, and only the local runtime fetches them. So their page stays there.
_ONLY_LOCAL = "sdk"


class File(NamedTuple):
    """A file of the site."""

    name: str
    body: bytes
    content_type: str


def files(rest_url: str, socket_url: str) -> Iterator[File]:
    """The page, the JavaScript client beside it, and the addresses of the APIs; `index.html` comes last.

    So who opens the page meanwhile gets the old one with the old files, or the new one with all of the new files.
    """
    page = sorted(path for path in _PAGE.iterdir() if not path.name.startswith(_ONLY_LOCAL))
    client = [_CLIENT / "parley.js", *sorted((_CLIENT / "parley").glob("*.js"))]
    for root, paths in ((_CLIENT, client), (_PAGE, sorted(page, key=lambda path: path.name == "index.html"))):
        for path in paths:
            if path.name == "index.html":
                addresses = {"rest_url": rest_url, "ws_url": socket_url}
                yield File("config.json", json.dumps(addresses).encode(), _content_type(".json"))
            yield File(path.relative_to(root).as_posix(), path.read_bytes(), _content_type(path.suffix))


def _content_type(suffix: str) -> str:
    return f"{_TYPES.get(suffix) or mimetypes.types_map[suffix]}; charset=utf-8"


def upload(s3: Any, outputs: Mapping[str, str]) -> int:
    """Put the files into the bucket that the stack's outputs name, remove all others, and return how many were put.

    Raises:
        LookupError: the stack has no console.
    """
    if "ConsoleBucket" not in outputs:
        raise LookupError("this stack has no console: deploy it with the parameter Console=true")
    bucket, put = outputs["ConsoleBucket"], set()
    for file in files(outputs["RestUrl"], outputs["SocketUrl"]):
        # The page and its modules must be of one version, so a browser asks each time whether it has the newest.
        s3.put_object(
            Bucket=bucket, Key=file.name, Body=file.body, ContentType=file.content_type, CacheControl="no-cache"
        )
        put.add(file.name)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if entry["Key"] not in put:
                s3.delete_object(Bucket=bucket, Key=entry["Key"])
    return len(put)


def main(stack: str, region: str | None = None) -> int:
    """Upload; returns the exit status."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(region_name=region or None)
    try:
        (described,) = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
        count = upload(session.client("s3"), outputs)
    except (LookupError, BotoCoreError, ClientError) as error:
        print(f"{stack}: {_said(error)}", file=sys.stderr)
        return 1
    print(f"{count} files are at {outputs['ConsoleUrl']}; ./parley --stack {stack} console prints a link that signs in")
    return 0


def _said(error: Exception) -> str:
    """The line for an error. What `./parley` takes as options, make takes as variables."""
    from botocore import exceptions as aws

    if isinstance(error, aws.NoRegionError):
        return "the AWS Region is not known: name it with REGION=<Region>, or set AWS_DEFAULT_REGION"
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError):
        return "there are no AWS credentials: set AWS_PROFILE, or run `aws configure`"
    return trouble.said(error) or str(error)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
