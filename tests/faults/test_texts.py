"""How often a text reaches a phone if the function that sends it dies, or loses an answer, at any place."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from parley.operations import receipts
from parley.store import keys
from tests.faults.injector import Fault
from tests.faults.scene import Scene
from tests.faults.texting import carry, texts_of
from tests.support.killing import Killed
from tests.support.texting import FakeTexting

SMS, WHATSAPP = 0, 1
CHANNELS = pytest.mark.parametrize("number", [SMS, WHATSAPP], ids=["sms", "whatsapp"])


def requests_of(scene: Scene, number: int) -> int:
    """How many requests of the table one text makes."""
    scene.again()
    text = texts_of(scene)[number]
    scene.injector.count()
    assert carry(scene.world, text, FakeTexting()) == 200
    return scene.injector.requests


@CHANNELS
@pytest.mark.parametrize("fault", Fault)
def test_a_text_is_sent_once_whichever_request_of_its_job_to_the_table_fails(
    scene: Scene, fault: Fault, number: int
) -> None:
    sent: dict[int, int] = {}
    of_notes: dict[int, bool] = {}
    for at in range(1, requests_of(scene, number) + 1):
        scene.again()
        text, aws = texts_of(scene)[number], FakeTexting()
        scene.injector.arm(fault, at)
        with suppress(Killed, ConnectionError):
            carry(scene.world, text, aws)
        scene.injector.disarm()
        of_notes[at] = bool(aws.sent) and "provider_id" not in stored(scene, text)
        assert carry(scene.world.another_container(), text, aws) == 200
        sent[at] = len(aws.sent)
        assert "provider_id" in stored(scene, text)
        assert scene.contradictions() == []
    # On WhatsApp, the way from Meta's id to the receipt is stored first: after a death there, the text is sent again.
    assert sent == {at: 2 if of_notes[at] else 1 for at in sent}
    assert list(sent.values()).count(2) <= (number == WHATSAPP)


def stored(scene: Scene, text: dict[str, object]) -> dict[str, object]:
    key = keys.receipt(str(text["channel_sid"]), int(str(text["index"])), str(text["sid"]))
    found = scene.world.table.fetch(key)
    assert found
    return {**found}


def taken_and_not_noted(scene: Scene, number: int) -> tuple[dict[str, Any], FakeTexting]:
    """A text, and AWS, which has taken it. The function died before it could note that."""
    text, aws = texts_of(scene)[number], FakeTexting(is_lost=True)
    aws.meddle = lambda _: Killed()
    with suppress(Killed):
        carry(scene.world, text, aws)
    aws.meddle = lambda _: None
    return text, aws


@CHANNELS
def test_a_text_is_sent_again_if_the_function_dies_after_aws_took_it_and_no_event_came(
    scene: Scene, number: int
) -> None:
    scene.again()
    text, aws = taken_and_not_noted(scene, number)
    assert (carry(scene.world, text, aws), len(aws.sent)) == (200, 2)
    assert (carry(scene.world, text, aws), len(aws.sent)) == (200, 2)


@CHANNELS
def test_a_text_is_not_sent_again_if_an_event_came_after_the_function_died(scene: Scene, number: int) -> None:
    scene.again()
    text, aws = taken_and_not_noted(scene, number)
    path = {name: str(text[name]) for name in ("service_sid", "channel_sid", "index", "sid")}
    receipts.report(scene.world.context(), receipts.Report(path, "sent"))
    assert (carry(scene.world, text, aws), len(aws.sent)) == (200, 1)
