"""What a newcomer gets wrong, and what he is told: wrong credentials, unknown things, missing parameters, bad tokens."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.jwt.access_token.grants import ChatGrant, VideoGrant
from twilio.rest import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.stack.running import Stack
from tests.end_to_end.clients import Socket, access_token, helper_library, refusal
from tests.support.waiting import until

NOWHERE = "0" * 32


@pytest.mark.parametrize(
    ("name", "secret"),
    [("", "wrong"), ("", "f" * 32), ("AC" + NOWHERE, ""), ("SK" + NOWHERE, "secret"), ("alice", "secret")],
)
def test_wrong_credentials_are_told_to_authenticate(stack: Stack, service: Any, name: str, secret: str) -> None:
    stranger = helper_library(stack.info, name, secret)
    with pytest.raises(TwilioRestException) as refused:
        stranger.chat.v2.services(service.sid).fetch()
    assert refusal(refused.value) == (401, 20003)


def test_a_credential_that_looks_wrong_is_refused_and_phones_are_shown_to_the_owner_only(
    stack: Stack, twilio: Client
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio.chat.v2.credentials.create(type="fcm", secret="{")
    assert refusal(refused.value) == (400, 20001)
    made = twilio.chat.v2.credentials.create(type="fcm", secret="a server key")
    assert made.delete() is True
    phones = f"{stack.info['rest_url']}/_push/phones"
    owner = (stack.info["account_sid"], stack.info["auth_token"])
    assert requests.get(phones, timeout=120).status_code == 401
    assert isinstance(requests.get(phones, auth=owner, timeout=120).json()["phones"], list)


def test_no_credentials_are_told_to_authenticate(stack: Stack) -> None:
    answer = requests.get(f"{stack.info['rest_url']}/chat/v2/Services", timeout=120)
    assert answer.status_code == 401
    assert answer.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


def test_unknown_sids_are_not_found(twilio: Client, service: Any, room: Any) -> None:
    chat = twilio.chat.v2.services(service.sid)
    absent = [
        twilio.chat.v2.services("IS" + NOWHERE),
        chat.roles("RL" + NOWHERE),
        chat.users("US" + NOWHERE),
        chat.users("nobody"),
        chat.channels("CH" + NOWHERE),
        chat.channels("nothing"),
        room.members("MB" + NOWHERE),
        room.members("nobody"),
        room.messages("IM" + NOWHERE),
        twilio.keys("SK" + NOWHERE),
    ]
    for context in absent:
        with pytest.raises(TwilioRestException) as refused:
            context.fetch()
        assert refusal(refused.value) == (404, 20404), context


def test_a_user_and_a_member_need_an_identity(stack: Stack, service: Any, room: Any) -> None:
    # The library itself would not let this out.
    for collection in ("Users", f"Channels/{room.sid}/Members"):
        answer = requests.post(
            f"{stack.info['rest_url']}/chat/v2/Services/{service.sid}/{collection}",
            {"Attributes": "{}"},
            auth=(stack.info["account_sid"], stack.info["auth_token"]),
            timeout=120,
        )
        assert (answer.status_code, answer.json()["code"]) == (400, 20001)
        assert answer.json()["message"] == "Missing required parameter Identity in the post body"


def _tokens(info: dict[str, Any], service_sid: str) -> dict[str, tuple[str, int, int]]:
    """Tokens that must not open a socket: the token, the status and the code in the log, by what is wrong."""

    def token(**changes: Any) -> str:
        return access_token(info, service_sid, changes.pop("identity", "mallory"), **changes)

    now = int(time.time())
    header, claims, seal = token().split(".")
    return {
        "there is none": ("", 401, 20101),
        "it is no JWT": ("not-a-token", 401, 20101),
        "it is signed with another algorithm": (f"{_HS512}.{claims}.{seal}", 401, 20102),
        "its key is unknown": (token(signing_key_sid="SK" + NOWHERE), 401, 20103),
        "its account is another": (token(account_sid="AC" + NOWHERE), 401, 20103),
        "it expired": (token(ttl=-60), 401, 20104),
        "it is not valid yet": (token(nbf=now + 600), 401, 20105),
        "it has no chat grant": (token(grants=[VideoGrant("room")]), 401, 20106),
        "it has no identity": (token(identity=None), 401, 20106),
        "its service is foreign": (token(grants=[ChatGrant(service_sid="IS" + NOWHERE)]), 403, 20106),
        "its signature is another secret's": (token(secret="x" * 32), 401, 20107),
        "its signature is made up": (f"{header}.{claims}.{'A' * len(seal)}", 401, 20107),
        "it lives for two days": (token(ttl=2 * 86_400), 401, 20157),
    }


# {"alg":"HS512","cty":"twilio-fpa;v=1","typ":"JWT"}
_HS512 = "eyJhbGciOiJIUzUxMiIsImN0eSI6InR3aWxpby1mcGE7dj0xIiwidHlwIjoiSldUIn0"


def test_a_socket_is_refused_before_it_opens_and_the_log_says_why(stack: Stack, service: Any) -> None:
    log = stack.home.logs / "gateway.log"
    for what, (token, status, code) in _tokens(stack.info, service.sid).items():
        seen = log.stat().st_size
        url = f"{stack.info['ws_url']}?token={quote(token)}"
        with pytest.raises(InvalidStatus) as refused, connect(url, proxy=None):
            pass
        assert refused.value.response.status_code == status, what
        line = until(lambda seen=seen: _refusals(log, seen), 5, what)
        assert line["code"] == code, what
        assert line["reason"]
        assert not token or token not in log.read_text()


def _refusals(log: Path, offset: int) -> dict[str, Any] | None:
    """The first line about a refused socket after an offset of the gateway's log."""
    with log.open() as lines:
        lines.seek(offset)
        for line in lines:
            if line.startswith("{") and line.endswith("}\n") and json.loads(line)["message"] == "socket refused":
                return json.loads(line)
    return None


def test_a_revoked_key_opens_no_sockets(stack: Stack, twilio: Client, service: Any) -> None:
    key = twilio.new_keys.create()
    assert twilio.keys(key.sid).delete()
    token = access_token(stack.info, service.sid, "alice", signing_key_sid=key.sid, secret=key.secret)
    with pytest.raises(InvalidStatus) as refused:
        Socket(stack.info, token)
    assert refused.value.response.status_code == 401
