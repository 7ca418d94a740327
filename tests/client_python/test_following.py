"""Whether a user has joined each channel, is invited or neither, from pushes, lists and fetches in any order.

How one channel is followed while the user is in it is in clients/vectors.
"""

from __future__ import annotations

from typing import Any

import pytest

from parley_client.following import Following
from parley_client.payloads import ListedChannel

SID = "CH1"
Push = dict[str, Any]


def added(index: int, seq: int) -> Push:
    message = {"sid": f"IM{index}", "index": index, "seq": seq}
    return {"event": "messageAdded", "channel_sid": SID, "seq": seq, "message": message}


def member(event: str, seq: int) -> Push:
    return {"event": event, "channel_sid": SID, "seq": seq, "member": {"sid": "MB1", "identity": "bob", "seq": seq}}


def told(seq: int, event: str) -> Push:
    return {"event": event, "channel_sid": SID, "seq": seq}


def listed(seq: int, status: str = "joined") -> ListedChannel:
    return {"channel": {"sid": SID, "seq": seq}, "user_channel": {"status": status}}


def names(pushes: list[Push]) -> list[tuple[str, int | None]]:
    return [(push["event"], push.get("seq")) for push in pushes]


@pytest.fixture
def following() -> Following:
    """A member of one channel, which has come to 10."""
    following = Following()
    following.session_begins()
    assert names(following.session([listed(10)], 0.0)) == [("channelJoined", None)]
    return following


def test_the_mark_begins_with_the_push_that_announces_the_channel() -> None:
    following = Following()
    assert names(following.push(told(5, "channelJoined"), 0.0)) == [("channelJoined", 5)]
    assert following.push(added(0, 6), 0.0) == [added(0, 6)]


def test_the_very_first_change_of_a_channel_is_delivered_once() -> None:
    following = Following()
    assert following.push(told(0, "channelAdded"), 0.0) == [told(0, "channelAdded")]
    assert following.push(told(0, "channelAdded"), 0.0) == []


def test_pushes_that_come_before_their_channel_wait_for_it() -> None:
    following = Following()
    assert following.push(added(0, 6), 0.0) == []
    assert following.push(member("memberJoined", 5), 0.0) == []
    delivered = following.push(told(5, "channelJoined"), 0.0)
    assert names(delivered) == [("channelJoined", 5), ("memberJoined", 5), ("messageAdded", 6)]


def test_a_channel_that_the_list_has_told_is_not_joined_again_by_its_push(following: Following) -> None:
    assert following.push(told(9, "channelJoined"), 0.0) == []


def test_pushes_that_were_held_back_are_delivered_before_the_channel_is_left(following: Following) -> None:
    following.push(added(1, 12), 0.0)
    delivered = following.push(told(13, "channelLeft"), 0.0)
    assert names(delivered) == [("messageAdded", 12), ("channelLeft", 13)]
    assert following.due is None


def test_leaving_is_told_once_and_removal_too(following: Following) -> None:
    leaving, removal = told(11, "channelLeft"), told(11, "channelRemoved")
    delivered = [push for one in (leaving, removal, leaving, removal) for push in following.push(one, 0.0)]
    assert names(delivered) == [("channelLeft", 11), ("channelRemoved", 11)]


def test_a_late_repeat_of_leaving_does_not_end_a_later_membership(following: Following) -> None:
    following.push(told(11, "channelLeft"), 0.0)
    following.push(told(15, "channelJoined"), 0.0)
    assert following.push(told(11, "channelLeft"), 0.0) == []
    assert following.push(added(0, 16), 0.0) == [added(0, 16)]


def test_a_late_repeat_of_joining_does_not_undo_leaving(following: Following) -> None:
    following.push(told(15, "channelLeft"), 0.0)
    assert following.push(told(9, "channelJoined"), 0.0) == []
    assert following.push(added(0, 16), 0.0) == []


def test_leaving_that_may_be_older_than_the_list_is_looked_into(following: Following) -> None:
    assert following.push(told(9, "channelLeft"), 0.0) == []
    assert following.doubtful(0.0) == [SID]
    assert names(following.absent(SID, is_gone=True)) == [("channelLeft", None), ("channelRemoved", None)]
    assert following.due is None


def test_a_doubt_that_could_not_be_settled_stays(following: Following) -> None:
    following.push(told(9, "channelLeft"), 0.0)
    following.doubtful(0.0)
    following.unknown(SID, 0.0)
    assert following.due == 1.0
    assert following.doubtful(1.0) == [SID]
    assert following.present(listed(10), 1.0) == []
    assert following.due is None


def test_an_invitation_is_no_membership() -> None:
    following = Following()
    assert names(following.session([listed(10, "invited")], 0.0)) == [("channelInvited", None)]
    assert following.push(told(12, "channelUpdated"), 0.0) == [told(12, "channelUpdated")]
    assert following.push(added(0, 13), 0.0) == []
    assert following.due is None


# Sessions.


def test_a_channel_that_is_not_listed_and_is_gone_has_been_left_and_removed(following: Following) -> None:
    assert following.session([], 50.0) == []
    assert following.questions(50.0) == {SID: 10}
    delivered = following.answer(SID, {"status": "gone"}, 50.0)
    assert names(delivered) == [("channelLeft", None), ("channelRemoved", None)]


def test_an_invitation_that_is_not_listed_is_looked_into() -> None:
    following = Following()
    following.session([listed(10, "invited")], 0.0)
    following.session([], 50.0)
    assert following.doubtful(50.0) == [SID]
    assert names(following.absent(SID, is_gone=False)) == [("channelLeft", None)]


def test_an_invitation_accepted_elsewhere_is_a_membership() -> None:
    following = Following()
    following.session([listed(10, "invited")], 0.0)
    assert names(following.session([listed(12)], 50.0)) == [("channelJoined", None)]
    assert following.push(added(0, 13), 50.0) == [added(0, 13)]


def test_a_list_that_contradicts_what_came_meanwhile_is_looked_into(following: Following) -> None:
    following.session_begins()
    following.push(told(11, "channelLeft"), 50.0)
    assert following.session([listed(12)], 50.0) == []
    assert following.doubtful(50.0) == [SID]


def test_a_refetch_is_told_once_the_channel_was_fetched(following: Following) -> None:
    following.session([listed(5000)], 50.0)
    following.questions(50.0)
    assert following.answer(SID, {"status": "refetch", "seq": 5000}, 50.0) == []
    assert following.doubtful(50.0) == [SID]
    assert names(following.present(listed(5001), 50.0)) == [("channelRefetched", None)]
    assert following.due is None
    assert following.push(added(0, 5001), 50.0) == [added(0, 5001)]
