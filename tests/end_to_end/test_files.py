"""Files on a running stack, as plain HTTP clients store and fetch them: through the one port, and as they were sent."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests
from twilio.rest import Client

from local.stack.running import Stack

EVERY_BYTE = bytes(range(256))
# More than API Gateway takes in one request.
LARGE = EVERY_BYTE * (11 << 12)


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


def test_a_large_file_is_stored_by_its_link_and_fetched_in_parts(files: str, account: tuple[str, str]):
    form = {
        "Filename": "film.mp4",
        "ContentType": "video/mp4",
        "Size": len(LARGE),
        "Sha256": hashlib.sha256(LARGE).hexdigest(),
    }
    ticket = requests.post(f"{files}/Uploads", form, auth=account, timeout=30).json()
    upload = ticket["upload"]
    assert requests.put(upload["url"], LARGE, headers=upload["headers"], timeout=30).status_code == 200
    record = requests.get(ticket["url"], auth=account, timeout=30).json()
    assert (record["size"], record["content_type"]) == (len(LARGE), "video/mp4")
    link = record["links"]["content_direct_temporary"]
    part = requests.get(link, headers={"Range": f"bytes={len(LARGE) - 3}-"}, timeout=30)
    assert (part.status_code, part.content) == (206, LARGE[-3:])
    assert requests.get(link, timeout=30).content == LARGE


def test_a_form_still_reaches_the_service_as_it_was_sent(twilio: Client, room: Any):
    sent = room.messages.create(body="été & 100 % \U0001f600", attributes='{"a": "ü"}')
    assert (sent.body, sent.attributes) == ("été & 100 % \U0001f600", '{"a": "ü"}')
