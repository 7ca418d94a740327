"""Files on a running stack, as plain HTTP clients store and fetch them: through the one port, and as they were sent.

`PARLEY_LARGE_FILE_MB` is the size of the large file: 12 unless it says otherwise, more than API Gateway takes in one
request; 150 in continuous integration.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from twilio.rest import Client

from local.stack.running import Stack
from tests.support.waiting import until

EVERY_BYTE = bytes(range(256))
LARGE_MB = int(os.environ.get("PARLEY_LARGE_FILE_MB", "12"))
# What the gateway may need for a file of any size, in both directions.
MOST_MEMORY_MB = 40


@pytest.fixture
def files(stack: Stack, service: Any) -> str:
    """The URL of a new service's files."""
    return f"{stack.info['rest_url']}/media/v1/Services/{service.sid}"


@pytest.fixture
def account(stack: Stack) -> tuple[str, str]:
    return str(stack.info["account_sid"]), str(stack.info["auth_token"])


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "image/png", "text/plain; charset=utf-16"]
)
def test_a_file_in_a_request_comes_back_byte_for_byte(files: str, account: tuple[str, str], content_type: str):
    """curl says that it sends a form, whatever it sends."""
    made = requests.post(f"{files}/Media", EVERY_BYTE, auth=account, headers={"Content-Type": content_type}, timeout=30)
    assert made.status_code == 201, made.text
    # This client keeps the credentials when it is redirected, because the link leads to the same host.
    fetched = requests.get(made.json()["links"]["content"], auth=account, timeout=30)
    assert fetched.content == EVERY_BYTE


def peak_mb(stack: Stack) -> float:
    """The most memory that the gateway, with the functions in it, has ever used; 0 where the system does not tell."""
    status = Path(f"/proc/{stack.pids['gateway']}/status")
    return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1000 if status.exists() else 0


def test_a_large_file_is_stored_by_its_link_and_fetched_in_parts(stack: Stack, files: str, account: tuple[str, str]):
    large = EVERY_BYTE * (LARGE_MB * 1_000_000 // 256)
    before = peak_mb(stack)
    form = {
        "Filename": "film.mp4",
        "ContentType": "video/mp4",
        "Size": len(large),
        "Sha256": hashlib.sha256(large).hexdigest(),
    }
    ticket = requests.post(f"{files}/Uploads", form, auth=account, timeout=30).json()
    upload = ticket["upload"]
    assert requests.put(upload["url"], large, headers=upload["headers"], timeout=30).status_code == 200
    record = requests.get(ticket["url"], auth=account, timeout=30).json()
    assert (record["size"], record["content_type"]) == (len(large), "video/mp4")
    link = record["links"]["content_direct_temporary"]
    part = requests.get(link, headers={"Range": f"bytes={len(large) - 3}-"}, timeout=30)
    assert (part.status_code, part.content) == (206, large[-3:])
    assert requests.get(link, timeout=30).content == large
    assert peak_mb(stack) - before < MOST_MEMORY_MB


def test_when_a_message_is_deleted_its_files_are_deleted_from_the_bucket(
    files: str, account: tuple[str, str], service: Any, room: Any
):
    made = requests.post(f"{files}/Media", EVERY_BYTE, auth=account, timeout=30).json()
    message = room.messages.create(media_sid=made["sid"])
    link = requests.get(made["url"], auth=account, timeout=30).json()["links"]["content_direct_temporary"]
    in_bucket = requests.get(link, allow_redirects=False, timeout=30).headers["Location"]
    assert requests.get(in_bucket, timeout=30).content == EVERY_BYTE
    assert message.delete()
    assert requests.get(link, timeout=30).status_code == 404
    until(lambda: requests.get(in_bucket, timeout=30).status_code == 404)


def test_a_form_still_reaches_the_service_as_it_was_sent(twilio: Client, room: Any):
    sent = room.messages.create(body="été & 100 % \U0001f600", attributes='{"a": "ü"}')
    assert (sent.body, sent.attributes) == ("été & 100 % \U0001f600", '{"a": "ü"}')
