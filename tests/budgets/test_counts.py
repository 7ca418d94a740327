"""What is counted for one message: everything that AWS bills, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from bench.counts import REST_API, SOCKET, Case, Counting
from bench.scene import Scene
from bench.usage import FRAMES_IN, FRAMES_OUT, INVOCATIONS, LOGGED, METERS, QUEUED, READS, REQUESTS, REST, SENT, WRITES
from local.emulators.engine import Endpoints
from local.template.template import Template
from parley.sockets.protocols import TWILSOCK

SLOW = Case(SOCKET, fast=False)
FAST = Case(SOCKET)


@pytest.fixture(scope="module")
def counted(aws: Endpoints, template: Template, dynamodb: Any) -> Any:
    """What a message of each case uses, by meter, without the sizes of texts."""
    (table,) = template.tables()
    arn = dynamodb.describe_table(TableName=table.name)["Table"]["LatestStreamArn"]
    scenes = {fast: Counting(Scene(aws, template, table.name, arn, fast=fast)) for fast in (True, False)}

    def count(case: Case) -> dict[str, float]:
        used = scenes[case.fast].count(case)
        assert used.of(LOGGED) > 0 and used.of(SENT) > 0
        return {meter: used.of(meter) for meter in METERS if meter not in (LOGGED, SENT) and used.of(meter)}

    return count


def test_a_message_by_socket(counted: Any):
    found = {FRAMES_IN: 1, FRAMES_OUT: 3, INVOCATIONS: 3, REQUESTS: 5, WRITES: 2, READS: 5}
    assert counted(SLOW) == found


def test_the_fast_path_saves_a_push_and_costs_a_marker(counted: Any):
    found = {FRAMES_IN: 1, FRAMES_OUT: 2, INVOCATIONS: 3, REQUESTS: 6, WRITES: 3, READS: 5}
    assert counted(FAST) == found


def test_a_message_by_rest(counted: Any):
    assert counted(Case(REST_API, fast=False)) == {
        FRAMES_OUT: 2,
        REST: 1,
        INVOCATIONS: 3,
        REQUESTS: 4,
        WRITES: 2,
        READS: 3,
    }


def test_each_recipient_is_one_more_push_and_one_more_read(counted: Any):
    one, ten = counted(SLOW), counted(Case(SOCKET, 10, fast=False))
    # Eleven members have more than 4 KB, which is one more read unit.
    assert {meter: ten[meter] - one[meter] for meter in one if ten[meter] != one[meter]} == {FRAMES_OUT: 9, READS: 10}


def test_members_that_are_put_into_a_room_are_as_large_as_those_who_join(counted: Any):
    hundred, thousand = (counted(Case(SOCKET, number, fast=False))[READS] for number in (100, 1000))
    # A unit for each presence, and one for about 8 members, as in docs/scale.md.
    assert 900 * (1 + 1 / 9) < thousand - hundred < 900 * (1 + 1 / 7)


def test_an_sdk_gets_two_pushes(counted: Any):
    assert counted(Case(SOCKET, protocol=TWILSOCK, fast=False))[FRAMES_OUT] == 5


def test_messages_in_one_batch_share_the_calls_of_the_streams_readers(counted: Any):
    assert counted(Case(SOCKET, fast=False, together=10))[INVOCATIONS] == pytest.approx(1.2)


def test_a_webhook_is_queued_received_and_deleted(counted: Any):
    with_webhooks = counted(Case(SOCKET, fast=False, hooked=True))
    assert (with_webhooks[QUEUED], with_webhooks[INVOCATIONS]) == (3, 4)
