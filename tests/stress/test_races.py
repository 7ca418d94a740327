"""Two requests at once for one name, identity or place: exactly one wins, and what is counted is right."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.stress.back_end import BackEnd, all_at_once

ROUNDS, RIVALS = 12, 4


def race(back_end: BackEnd, *requests: tuple[str, str, dict[str, Any]]) -> list[tuple[int, Any]]:
    """The answers to requests that are sent at the same moment."""
    return all_at_once([lambda request=request: back_end.request(*request) for request in requests])


def outcomes(answers: list[tuple[int, Any]]) -> Counter[tuple[int, int]]:
    """How often there was which status and code (0 for none)."""
    return Counter((status, (body or {}).get("code", 0)) for status, body in answers)


@pytest.fixture
def channels(back_end: BackEnd, service_path: str) -> str:
    return f"{service_path}/Channels"


def test_one_of_several_new_channels_gets_a_unique_name(back_end: BackEnd, channels: str) -> None:
    for number in range(ROUNDS):
        name = f"name {number}"
        answers = race(back_end, *[("POST", channels, {"UniqueName": name})] * RIVALS)
        assert outcomes(answers) == {(201, 0): 1, (409, 50307): RIVALS - 1}
        (winner,) = [body["sid"] for status, body in answers if status == 201]
        assert back_end.get(f"{channels}/name%20{number}")["sid"] == winner
    # The requests that lost have stored nothing.
    assert len(back_end.listed(channels, "channels")) == ROUNDS


def test_one_of_several_channels_takes_a_name_by_renaming(back_end: BackEnd, channels: str) -> None:
    rivals = [back_end.post(channels, {"UniqueName": f"own {number}"})["sid"] for number in range(RIVALS)]
    for number in range(ROUNDS):
        answers = race(back_end, *[("POST", f"{channels}/{sid}", {"UniqueName": f"name {number}"}) for sid in rivals])
        assert outcomes(answers) == {(200, 0): 1, (409, 50307): RIVALS - 1}
        (winner,) = [body["sid"] for status, body in answers if status == 200]
        assert back_end.get(f"{channels}/name%20{number}")["sid"] == winner
    named = [channel["unique_name"] for channel in back_end.listed(channels, "channels")]
    for name in named:
        assert back_end.get(f"{channels}/{name.replace(' ', '%20')}")["unique_name"] == name
    assert len(set(named)) == RIVALS


def test_a_name_that_is_freed_and_taken_at_once_belongs_to_one_channel_or_none(
    back_end: BackEnd, channels: str
) -> None:
    for _ in range(ROUNDS):
        holder = back_end.post(channels, {"UniqueName": "wanted"})["sid"]
        other = back_end.post(channels, {})["sid"]
        race(
            back_end,
            ("DELETE", f"{channels}/{holder}", {}),
            ("POST", f"{channels}/{holder}", {"UniqueName": "renamed"}),
            ("POST", f"{channels}/{other}", {"UniqueName": "wanted"}),
        )
        living = {channel["unique_name"]: channel["sid"] for channel in back_end.listed(channels, "channels")}
        for name in ("wanted", "renamed"):
            status, found = back_end.request("GET", f"{channels}/{name}")
            assert (status, found.get("sid")) == ((200, living[name]) if name in living else (404, None))
        for sid in living.values():
            back_end.request("DELETE", f"{channels}/{sid}")


def test_one_of_several_requests_makes_a_user(back_end: BackEnd, service_path: str) -> None:
    for number in range(ROUNDS):
        form = {"Identity": f"user {number}"}
        answers = race(back_end, *[("POST", f"{service_path}/Users", form)] * RIVALS)
        assert outcomes(answers) == {(201, 0): 1, (409, 50201): RIVALS - 1}
    assert len(back_end.listed(f"{service_path}/Users", "users")) == ROUNDS


def test_one_of_several_joins_makes_a_member_that_is_counted_once(
    back_end: BackEnd, service_path: str, channels: str
) -> None:
    channel = f"{channels}/{back_end.post(channels)['sid']}"
    for number in range(ROUNDS):
        form = {"Identity": f"member {number}"}
        if number % 2:
            back_end.post(f"{service_path}/Users", form)
        answers = race(back_end, *[("POST", f"{channel}/Members", form)] * RIVALS)
        assert outcomes(answers) == {(201, 0): 1, (409, 50404): RIVALS - 1}
        assert back_end.get(f"{service_path}/Users/member%20{number}")["joined_channels_count"] == 1
    assert back_end.get(channel)["members_count"] == ROUNDS
    assert len(back_end.listed(f"{channel}/Members", "members")) == ROUNDS


def test_a_new_user_who_joins_many_channels_at_once_is_made_once(
    back_end: BackEnd, service_path: str, channels: str
) -> None:
    many = [f"{channels}/{back_end.post(channels)['sid']}" for _ in range(8)]
    answers = race(back_end, *[("POST", f"{channel}/Members", {"Identity": "newcomer"}) for channel in many])
    assert outcomes(answers) == {(201, 0): len(many)}
    assert back_end.get(f"{service_path}/Users/newcomer")["joined_channels_count"] == len(many)


def test_ten_of_twenty_get_into_a_channel_for_ten(back_end: BackEnd, service_path: str, channels: str) -> None:
    back_end.post(service_path, {"Limits.ChannelMembers": "10"})
    channel = f"{channels}/{back_end.post(channels)['sid']}"
    answers = race(back_end, *[("POST", f"{channel}/Members", {"Identity": f"member {n}"}) for n in range(20)])
    assert outcomes(answers) == {(201, 0): 10, (403, 50403): 10}
    assert back_end.get(channel)["members_count"] == 10
    members = [member["identity"] for member in back_end.listed(f"{channel}/Members", "members")]
    assert sorted(members) == sorted(body["identity"] for status, body in answers if status == 201)


def test_a_user_gets_into_as_many_channels_as_allowed(back_end: BackEnd, service_path: str, channels: str) -> None:
    back_end.post(service_path, {"Limits.UserChannels": "5"})
    back_end.post(f"{service_path}/Users", {"Identity": "busy"})
    many = [f"{channels}/{back_end.post(channels)['sid']}" for _ in range(12)]
    answers = race(back_end, *[("POST", f"{channel}/Members", {"Identity": "busy"}) for channel in many])
    assert outcomes(answers) == {(201, 0): 5, (403, 50208): 7}
    assert back_end.get(f"{service_path}/Users/busy")["joined_channels_count"] == 5
    assert sum(back_end.get(channel)["members_count"] for channel in many) == 5


def test_joining_and_leaving_at_once_leaves_the_counters_right(
    back_end: BackEnd, service_path: str, channels: str
) -> None:
    channel = f"{channels}/{back_end.post(channels)['sid']}"
    form = {"Identity": "restless"}
    for _ in range(ROUNDS):
        race(
            back_end,
            *[("POST", f"{channel}/Members", form)] * 2,
            *[("DELETE", f"{channel}/Members/restless", {})] * 2,
        )
        is_in = back_end.request("GET", f"{channel}/Members/restless")[0] == 200
        assert back_end.get(channel)["members_count"] == int(is_in)
        assert back_end.get(f"{service_path}/Users/restless")["joined_channels_count"] == int(is_in)


def test_a_message_that_several_delete_is_deleted_and_uncounted_once(back_end: BackEnd, channels: str) -> None:
    channel = f"{channels}/{back_end.post(channels)['sid']}"
    for _ in range(ROUNDS):
        message = back_end.post(f"{channel}/Messages", {"Body": "x"})["sid"]
        answers = race(back_end, *[("DELETE", f"{channel}/Messages/{message}", {})] * RIVALS)
        assert outcomes(answers) == {(204, 0): 1, (404, 20404): RIVALS - 1}
        assert back_end.get(channel)["messages_count"] == 0


def test_a_repeated_request_with_one_token_makes_one_message(back_end: BackEnd, channels: str) -> None:
    channel = f"{channels}/{back_end.post(channels)['sid']}"
    for number in range(ROUNDS):
        token = {"I-Twilio-Idempotency-Token": f"token {number}"}
        request = ("POST", f"{channel}/Messages", {"Body": "once"}, token)
        answers = all_at_once([lambda request=request: back_end.request(*request)] * RIVALS)
        assert outcomes(answers) == {(201, 0): RIVALS}
        assert len({body["sid"] for _, body in answers}) == 1
        assert back_end.get(channel)["messages_count"] == number + 1


def test_messages_into_a_channel_that_is_being_deleted_are_stored_or_refused(back_end: BackEnd, channels: str) -> None:
    for _ in range(ROUNDS):
        channel = f"{channels}/{back_end.post(channels)['sid']}"
        posts = [("POST", f"{channel}/Messages", {"Body": "x"})] * RIVALS
        answers = race(back_end, ("DELETE", channel, {}), *posts)
        assert answers[0][0] == 204
        assert set(outcomes(answers[1:])) <= {(201, 0), (404, 20404)}
        assert back_end.request("GET", channel)[0] == 404
        assert back_end.request("POST", f"{channel}/Messages", {"Body": "x"})[0] == 404
