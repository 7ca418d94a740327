"""Form bodies, well-formed and malformed: a malformed one is a 400, never a 500."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.doors import FORM, Raw

UNREADABLE = "The request body could not be read: "
TOO_MANY = (400, 20001, UNREADABLE + "it has more than 1000 fields")


def test_a_form_has_1000_fields_at_most(raw: Raw, service_path: str):
    assert raw("POST", f"{service_path}/Channels", [("x", "1")] * 999 + [("FriendlyName", "y")]).status == 201
    assert raw("POST", f"{service_path}/Channels", [("x", "1")] * 2000).refusal() == TOO_MANY
    permissions = {"FriendlyName": "x", "Type": "channel", "Permission": ["sendMessage"] * 101}
    expected = (400, 20001, "Invalid value for parameter Permission: at most 100 values")
    assert raw("POST", f"{service_path}/Roles", permissions).refusal() == expected


@pytest.mark.parametrize("content_type", [FORM.upper(), f"{FORM}; charset=utf-8", f"{FORM};charset=UTF-8"])
def test_the_content_type_may_have_parameters_and_any_case(raw: Raw, service_path: str, content_type: str):
    answer = raw("POST", f"{service_path}/Channels", b"FriendlyName=x", headers={"Content-Type": content_type})
    assert (answer.status, answer.json["friendly_name"]) == (201, "x")


def test_an_empty_body_needs_no_content_type(raw: Raw, service_path: str):
    assert raw("POST", f"{service_path}/Channels").status == 201


def test_the_longest_message_fits_however_it_is_encoded(raw: Raw, channel_path: str):
    text = "ż" * 16384
    assert raw("POST", f"{channel_path}/Messages", b"Body=" + quote(text).encode()).json["body"] == text


ODD_BODIES = [
    (b"&&&", None),
    (b"=&==&=x", None),
    (b"FriendlyName", ""),
    (b"FriendlyName=a=b", "a=b"),
    (b"FriendlyName=a%3Db%26c", "a=b&c"),
    (b"FriendlyName=a+b", "a b"),
    (b"FriendlyName=a%2Bb", "a+b"),
    (b"FriendlyName=100%", "100%"),
    (b"FriendlyName=%zz", "%zz"),
    (b"FriendlyName=a;b", "a;b"),
    (b"FriendlyName=a&FriendlyName=b", "b"),
    (b"friendlyname=a", None),
    ("FriendlyName=ż".encode(), "ż"),
    (b"FriendlyName=%00", "\x00"),
    (b"FriendlyName[]=a", None),
]


@pytest.mark.parametrize(("body", "name"), ODD_BODIES, ids=lambda value: repr(value)[:24])
def test_odd_forms_are_read_as_browsers_and_libraries_mean_them(
    raw: Raw, service_path: str, body: bytes, name: str | None
):
    answer = raw("POST", f"{service_path}/Channels", body)
    assert (answer.status, answer.json["friendly_name"]) == (201, name or None)
    assert raw.get(answer.json["url"]) == answer.json


def test_odd_query_strings_are_no_error_of_ours(raw: Raw, service_path: str):
    for query in ("&&&", "=", "Type", "Type=public&Type=private&x", "a;b", "%zz=1", "PageSize=2&PageSize=3", "?"):
        assert raw("GET", f"{service_path}/Channels?{query}").status in (200, 400)
    assert raw.get(f"{service_path}/Channels?PageSize=2&PageSize=3")["meta"]["page_size"] == 3


def test_a_body_on_get_or_delete_is_ignored(raw: Raw, service_path: str):
    channel = raw.post(f"{service_path}/Channels")
    assert raw("GET", channel["url"], b"FriendlyName=x").json == channel
    assert raw("DELETE", channel["url"], b"\xff\xff").status == 204


def test_parameters_in_the_query_of_a_post_are_not_read(raw: Raw, service_path: str):
    assert raw("POST", f"{service_path}/Channels?FriendlyName=x").json["friendly_name"] is None
