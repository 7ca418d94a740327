"""If two refusals share a code, their texts differ."""

from __future__ import annotations

import json

from parley.errors import REPLY_TOO_LARGE, TOKEN_FOREIGN_SERVICE, TOKEN_OF_ANOTHER
from parley.faces.errors import answer as told
from tests.sockets.deployment import House


def test_a_token_for_a_service_that_is_not_of_the_account(house: House) -> None:
    token = house.deployment.token(house.key, "IS" + "0" * 32, "alice")
    _, answer = house.deployment.open(token)
    assert json.loads(answer["body"])["error"]["message"] == told("chat", TOKEN_FOREIGN_SERVICE).text


def test_a_token_of_somebody_else_in_place_of_ones_own(house: House) -> None:
    token = house.deployment.token(house.key, house.sid, "bob")
    reply = house.device("alice").ask("refreshToken", token=token)
    assert reply["error"]["message"] == told("chat", TOKEN_OF_ANOTHER).text


def test_a_reply_that_no_socket_carries(house: House) -> None:
    identities = [f"user {number}" for number in range(40)]
    for identity in identities:
        house.rest.post(f"{house.path}/Users", Identity=identity, Attributes=json.dumps({"about": "x" * 4000}))
    reply = house.device("alice").ask("followUsers", identities=identities)
    assert reply["error"]["message"] == told("chat", REPLY_TOO_LARGE).text
