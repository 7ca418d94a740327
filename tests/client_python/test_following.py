"""How one channel is followed, rule by rule (docs/sockets.md, "Missing nothing")."""

from __future__ import annotations

from typing import Any

import pytest

from parley_client.follower import Follower
from parley_client.following import Following
from parley_client.payloads import ListedChannel

SID = "CH1"
Push = dict[str, Any]


def added(index: int, seq: int) -> Push:
    message = {"sid": f"IM{index}", "index": index, "seq": seq}
    return {"event": "messageAdded", "channel_sid": SID, "seq": seq, "message": message}


def updated(index: int, seq: int) -> Push:
    return {**added(index, seq), "event": "messageUpdated"}


def removed(index: int, seq: int) -> Push:
    return {**added(index, seq), "event": "messageRemoved"}


def member(event: str, seq: int, sid: str = "MB1") -> Push:
    return {"event": event, "channel_sid": SID, "seq": seq, "member": {"sid": sid, "identity": "bob", "seq": seq}}


def told(seq: int, event: str) -> Push:
    return {"event": event, "channel_sid": SID, "seq": seq}


def changes(seq: int, *events: Push, more: bool = False) -> dict[str, Any]:
    return {"status": "changes", "seq": seq, "more": more, "events": list(events)}


def listed(seq: int, status: str = "joined") -> ListedChannel:
    return {"channel": {"sid": SID, "seq": seq}, "user_channel": {"status": status}}


def names(pushes: list[Push]) -> list[tuple[str, int | None]]:
    return [(push["event"], push.get("seq")) for push in pushes]


@pytest.fixture
def follower() -> Follower:
    """A follower that has seen everything up to 10, at time 0."""
    follower = Follower()
    follower.begin(10, 0.0)
    return follower


# Pushes.


def test_the_next_push_is_delivered_and_moves_the_mark(follower: Follower) -> None:
    assert follower.push(added(0, 11), 0.0) == [added(0, 11)]
    assert (follower.mark, follower.due) == (11, None)


def test_a_push_further_on_is_held_until_the_hole_fills(follower: Follower) -> None:
    assert follower.push(added(1, 12), 0.0) == []
    assert follower.push(added(0, 11), 0.1) == [added(0, 11), added(1, 12)]
    assert (follower.mark, follower.due) == (12, None)


def test_a_repeated_push_is_not_delivered(follower: Follower) -> None:
    follower.push(added(0, 11), 0.0)
    assert follower.push(added(0, 11), 0.0) == []


def test_a_change_that_is_not_to_be_seen_moves_the_mark(follower: Follower) -> None:
    assert follower.push(told(11, "channelAdvanced"), 0.0) == []
    assert follower.push(added(0, 12), 0.0) == [added(0, 12)]


def test_an_event_of_a_later_version_of_the_protocol_moves_the_mark(follower: Follower) -> None:
    follower.push(told(11, "messageReacted"), 0.0)
    assert follower.mark == 11


def test_an_older_version_of_a_known_record_is_not_delivered(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.question(1.0)
    follower.answer(changes(13, updated(1, 13)), 1.0)
    assert follower.push(updated(1, 11), 1.0) == []


def test_a_late_push_about_another_record_is_delivered(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.question(1.0)
    assert names(follower.answer(changes(12), 1.0)) == [("messageAdded", 12)]
    assert follower.push(added(0, 11), 1.0) == [added(0, 11)]


def test_versions_of_the_last_records_only_are_remembered() -> None:
    follower = Follower(memory=2)
    follower.begin(10, 0.0)
    for seq in (11, 12, 13):
        follower.push(added(seq, seq), 0.0)
    assert follower.push(added(12, 12), 0.0) == []
    assert follower.push(added(11, 11), 0.0) == [added(11, 11)]


def test_a_push_from_before_the_beginning_makes_the_client_ask_what_came_after(follower: Follower) -> None:
    assert follower.push(added(0, 5), 1.0) == []
    assert follower.question(1.0) == 4
    assert names(follower.answer(changes(10, removed(0, 9)), 1.0)) == [("messageRemoved", 9)]
    assert (follower.mark, follower.due) == (10, None)


def test_a_push_from_before_the_beginning_that_the_answer_lacks_is_delivered(follower: Follower) -> None:
    follower.push(added(0, 5), 1.0)
    follower.question(1.0)
    assert follower.answer(changes(4), 1.0) == [added(0, 5)]


# Holes.


def test_a_hole_is_asked_about_after_a_quarter_of_a_second(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    assert follower.due == 0.25
    assert follower.question(0.24) is None
    assert follower.question(0.25) == 10
    assert follower.question(0.25) is None


def test_another_hole_has_its_own_quarter_of_a_second(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.push(added(3, 14), 0.2)
    follower.push(added(0, 11), 0.2)
    assert follower.due == 0.45


def test_an_answer_fills_the_hole_and_lets_go_what_was_held(follower: Follower) -> None:
    follower.push(added(2, 13), 0.0)
    follower.question(0.25)
    delivered = follower.answer(changes(12, added(0, 11), added(1, 12)), 0.3)
    assert names(delivered) == [("messageAdded", 11), ("messageAdded", 12), ("messageAdded", 13)]
    assert (follower.mark, follower.due) == (13, None)


def test_what_an_answer_repeats_is_delivered_once(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.question(0.25)
    assert len(follower.answer(changes(12, added(0, 11), added(1, 12)), 0.3)) == 2
    assert follower.push(added(0, 11), 0.4) == []


def test_a_longer_answer_is_complete_before_it_is_delivered(follower: Follower) -> None:
    follower.listed(15, 0.0)
    assert follower.question(0.0) == 10
    assert follower.answer(changes(12, added(1, 12), more=True), 0.0) == []
    assert follower.question(0.0) == 12
    # Message 0 was written first, but edited in 15.
    delivered = follower.answer(changes(15, added(2, 14), added(0, 15)), 0.0)
    assert [push["message"]["index"] for push in delivered] == [0, 1, 2]


def test_an_answer_whose_room_went_to_other_channels_is_asked_for_again_at_once(follower: Follower) -> None:
    follower.listed(15, 0.0)
    for _ in range(5):
        assert follower.question(0.0) == 10
        assert follower.answer(changes(10, more=True), 0.0) == []
    assert follower.question(0.0) == 10
    assert names(follower.answer(changes(15, added(0, 15)), 0.0)) == [("messageAdded", 15)]
    assert (follower.mark, follower.due) == (15, None)


def test_answers_that_never_get_any_further_are_not_asked_for_at_once_for_ever(follower: Follower) -> None:
    follower.listed(15, 0.0)
    questions = 0
    while follower.due == 0.0:
        follower.question(0.0)
        follower.answer(changes(10, more=True), 0.0)
        questions += 1
    assert questions == 100
    assert follower.due == 1.0


def test_a_hole_that_remains_is_asked_about_twice_more_and_passed_over(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    asked_at = []
    delivered: list[Push] = []
    while follower.due is not None:
        asked_at.append(now := follower.due)
        assert follower.question(now) == 10
        delivered += follower.answer(changes(10), now)
    assert asked_at == [0.25, 1.25, 2.25]
    assert (delivered, follower.mark) == ([added(1, 12)], 12)


def test_a_number_is_passed_over_at_a_time_since_what_follows_may_be_lost_too(follower: Follower) -> None:
    follower.push(added(2, 13), 0.0)
    for now in (0.25, 1.25, 2.25):
        assert follower.question(now) == 10
        follower.answer(changes(10), now)
    assert follower.question(2.25) == 11
    delivered = follower.answer(changes(12, added(1, 12)), 2.25)
    assert names(delivered) == [("messageAdded", 12), ("messageAdded", 13)]


def test_a_wide_hole_is_passed_over_with_few_questions(follower: Follower) -> None:
    follower.push(added(1, 1_000_000), 0.0)
    questions = 0
    while follower.due is not None:
        now = follower.due
        seen = follower.question(now)
        assert seen is not None
        follower.answer(changes(seen), now)
        questions += 1
    assert follower.mark == 1_000_000
    assert questions < 20


def test_a_question_that_failed_is_asked_again_after_a_second(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.question(0.25)
    follower.unanswered(0.5)
    assert follower.due == 1.5
    assert follower.question(1.5) == 10


def test_a_hole_that_a_late_push_filled_is_not_asked_about_again(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.question(0.25)
    follower.answer(changes(10), 0.25)
    follower.push(added(0, 11), 0.5)
    assert (follower.mark, follower.due) == (12, None)


def test_what_cannot_be_held_is_asked_for_again(follower: Follower) -> None:
    for seq in range(12, 1200):
        follower.push(added(seq, seq), 0.0)
    follower.push(added(11, 11), 0.1)
    mark = follower.mark
    assert mark is not None and 11 < mark < 1199
    assert follower.question(0.35) == mark


# What answers mean.


def test_a_message_written_and_edited_meanwhile_is_one_new_message(follower: Follower) -> None:
    follower.push(updated(0, 12), 0.0)
    follower.question(0.25)
    assert follower.answer(changes(12, added(0, 12)), 0.3) == [added(0, 12)]


def test_a_message_that_was_announced_before_the_answer_came_is_an_update(follower: Follower) -> None:
    follower.push(updated(0, 12), 0.0)
    follower.question(0.25)
    follower.push(added(0, 11), 0.3)
    assert follower.answer(changes(12, added(0, 12)), 0.3) == []
    follower.push(added(1, 14), 0.4)
    follower.question(0.65)
    delivered = follower.answer(changes(14, added(0, 13), added(1, 14)), 0.7)
    assert names(delivered) == [("messageUpdated", 13), ("messageAdded", 14)]


def test_somebody_who_left_and_came_back_unnoticed_is_updated(follower: Follower) -> None:
    follower.push(member("memberJoined", 11), 0.0)
    follower.listed(13, 1.0)
    follower.question(1.0)
    assert names(follower.answer(changes(13, member("memberJoined", 13)), 1.0)) == [("memberUpdated", 13)]


def test_somebody_who_came_back_and_changed_unnoticed_has_joined(follower: Follower) -> None:
    follower.push(member("memberLeft", 11), 0.0)
    follower.listed(13, 1.0)
    follower.question(1.0)
    assert names(follower.answer(changes(13, member("memberUpdated", 13)), 1.0)) == [("memberJoined", 13)]


def test_somebody_who_came_back_and_left_again_unnoticed_has_left_once(follower: Follower) -> None:
    follower.push(member("memberLeft", 11), 0.0)
    follower.listed(13, 1.0)
    follower.question(1.0)
    assert follower.answer(changes(13, member("memberLeft", 13)), 1.0) == []


def test_a_channel_that_is_too_far_behind_starts_anew(follower: Follower) -> None:
    follower.push(added(1, 12), 0.0)
    follower.push(added(9, 5001), 0.0)
    follower.question(0.25)
    assert follower.refetch(5000, 0.3) == [added(9, 5001)]
    assert follower.mark == 5001


# Standing.


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


def test_what_was_held_is_delivered_before_the_channel_is_left(following: Following) -> None:
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


def test_messages_are_not_delivered_after_leaving(following: Following) -> None:
    following.push(told(11, "channelLeft"), 0.0)
    assert following.push(added(0, 12), 0.0) == []


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


def test_a_channel_that_has_gone_on_meanwhile_is_caught_up_at_once(following: Following) -> None:
    assert following.session([listed(12)], 50.0) == []
    assert following.questions(50.0) == {SID: 10}


def test_a_channel_that_has_not_is_not_asked_about(following: Following) -> None:
    following.session([listed(10)], 50.0)
    assert following.questions(50.0) == {}


def test_a_channel_that_is_not_listed_is_asked_about(following: Following) -> None:
    assert following.session([], 50.0) == []
    assert following.questions(50.0) == {SID: 10}
    delivered = following.answer(SID, {"status": "gone"}, 50.0)
    assert names(delivered) == [("channelLeft", None), ("channelRemoved", None)]


def test_a_channel_that_is_not_listed_but_goes_on_stays(following: Following) -> None:
    following.session([], 50.0)
    following.questions(50.0)
    assert following.answer(SID, changes(11, added(0, 11)), 50.0) == [added(0, 11)]
    assert following.push(added(1, 12), 50.0) == [added(1, 12)]


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


def test_a_refetch_of_a_channel_that_one_was_removed_from_is_leaving(following: Following) -> None:
    following.session([], 50.0)
    following.questions(50.0)
    following.answer(SID, {"status": "refetch", "seq": 5000}, 50.0)
    following.doubtful(50.0)
    assert names(following.absent(SID, is_gone=False)) == [("channelLeft", None)]


def test_at_most_a_hundred_channels_are_asked_about_at_once() -> None:
    following = Following()
    entries: list[ListedChannel] = [
        {"channel": {"sid": f"CH{number}", "seq": 1}, "user_channel": {"status": "joined"}} for number in range(150)
    ]
    following.session(entries, 0.0)
    following.session([], 50.0)
    first, second = following.questions(50.0), following.questions(50.0)
    assert (len(first), len(second)) == (100, 50)
    assert not set(first) & set(second)
