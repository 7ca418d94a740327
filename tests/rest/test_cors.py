"""Browsers may read answers from any page: the API has no cookies, only credentials that a page must know."""

from __future__ import annotations

from tests.support.doors import Raw

ORIGIN = {"Origin": "https://app.example.com"}


def test_a_preflight_is_answered_without_credentials(raw: Raw, service_path: str):
    asked = {
        **ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = raw("OPTIONS", f"{service_path}/Channels", headers=asked, credentials=None)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed and "content-type" in allowed


def test_every_answer_may_be_read_by_a_page(raw: Raw, service_path: str):
    answers = [
        raw("GET", service_path, headers=ORIGIN),
        raw("GET", f"{service_path}/Channels/nowhere", headers=ORIGIN),
        raw("GET", service_path, headers=ORIGIN, credentials=None),
        raw("PUT", service_path, headers=ORIGIN),
        raw("GET", "/nowhere", headers=ORIGIN),
        raw("POST", f"{service_path}/Users", {"Identity": "system"}, headers=ORIGIN),
    ]
    assert [answer.status for answer in answers] == [200, 404, 401, 405, 404, 400]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])


def test_credentials_of_a_browser_are_never_allowed(raw: Raw, service_path: str):
    answer = raw("GET", service_path, headers=ORIGIN)
    assert "access-control-allow-credentials" not in answer.headers
