"""The console as static files: what `make console` puts into the bucket of a deployed stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.site import files, upload
from local.home import REPOSITORY

OUTPUTS = {
    "ConsoleBucket": "files",
    "ConsoleUrl": "https://abc.cloudfront.example",
    "RestUrl": "https://rest.example/prod",
    "SocketUrl": "wss://sockets.example/prod",
}


class Bucket:
    """The part of S3 that the upload uses."""

    def __init__(self, *names: str) -> None:
        self.objects: dict[str, dict[str, Any]] = {name: {} for name in names}

    def put_object(self, **given: Any) -> None:
        assert given.pop("Bucket") == OUTPUTS["ConsoleBucket"]
        name = given.pop("Key")
        self.objects.pop(name, None)
        self.objects[name] = given

    def delete_object(self, **given: Any) -> None:
        del self.objects[given["Key"]]

    def get_paginator(self, operation: str) -> Bucket:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": name} for name in list(self.objects)]}, {}]


def test_every_file_that_the_page_loads_is_in_the_bucket():
    bucket = Bucket()
    upload(bucket, OUTPUTS)
    loaded = set()
    for name, given in bucket.objects.items():
        text, folder = given["Body"].decode(), Path(name).parent
        if name.endswith(".html"):
            loaded |= {(folder / found).as_posix() for found in re.findall(r'(?:src|href)="([\w./-]+)"', text)}
        if name.endswith(".js"):
            modules = re.findall(r"""(?:from|import)\s*\(?['"](\.[\w./-]+)['"]""", text)
            loaded |= {(REPOSITORY / folder / found).resolve().relative_to(REPOSITORY).as_posix() for found in modules}
    assert len(loaded) > 40 and loaded <= bucket.objects.keys()


def test_the_page_is_told_where_the_apis_are_and_gets_nothing_secret():
    (config,) = (file for file in files(OUTPUTS["RestUrl"], OUTPUTS["SocketUrl"]) if file.name == "config.json")
    assert json.loads(config.body) == {"rest_url": OUTPUTS["RestUrl"], "ws_url": OUTPUTS["SocketUrl"]}


def test_the_page_that_names_the_files_comes_after_them():
    bucket = Bucket("index.html")
    upload(bucket, OUTPUTS)
    assert list(bucket.objects)[-1] == "index.html"


def test_files_of_an_earlier_version_go():
    bucket = Bucket("old.js", "parley/old.js")
    upload(bucket, OUTPUTS)
    assert not {"old.js", "parley/old.js"} & bucket.objects.keys()


def test_a_browser_asks_each_time_whether_it_has_the_newest_file_and_learns_its_type():
    bucket = Bucket()
    upload(bucket, OUTPUTS)
    assert {given["CacheControl"] for given in bucket.objects.values()} == {"no-cache"}
    assert bucket.objects["console.js"]["ContentType"] == "text/javascript; charset=utf-8"
    assert bucket.objects["index.html"]["ContentType"] == "text/html; charset=utf-8"


def test_a_stack_without_a_console_says_how_to_get_one():
    with pytest.raises(LookupError, match="Console=true"):
        upload(Bucket(), {name: text for name, text in OUTPUTS.items() if not name.startswith("Console")})


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "the AWS Region is not known: name it with REGION=<Region>"),
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, "there are no AWS credentials: set AWS_PROFILE"),
    ],
    ids=["Region", "credentials"],
)
def test_what_aws_needs_to_know_is_asked_for_in_one_line(variables: dict[str, str], told: str):
    unknown = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in unknown}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    asked = subprocess.run(
        [sys.executable, "-m", "cli.site", "parley"],
        cwd=REPOSITORY,
        env={**environment, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", **variables},
        capture_output=True,
        encoding="utf-8",
    )
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith(f"parley: {told}")
    assert asked.stderr.count("\n") == 1
