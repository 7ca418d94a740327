"""Texts between phones and agents through AWS, while AWS throttles, repeats and shuffles, and the function dies.

A small run, unless `PARLEY_TEXTS` says how many texts there are.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest

from local.phones.handsets import WHATSAPP_PREFIX
from local.template.template import Template
from tests.stress.carriers import NUMBER, OTHER_NUMBER, SENDER, Carriers
from tests.support.doors import LambdaDoor, Raw
from tests.support.stream import Stream
from tests.support.world import World

TEXTS = int(os.environ.get("PARLEY_TEXTS", "200"))
PHONES, AGENTS, DEATHS = 40, 10, 5
API = "/conversations/v1/Conversations"
# Phones whose texts come to a bad end, and one to which AWS throttles.
UNREACHABLE, STOPPED, THROTTLED = "+491720000003", "+491720000010", "+491720000099"
ENDS = {UNREACHABLE: ("undelivered", 30003), STOPPED: ("failed", 21610)}


@dataclass
class Talk:
    """A conversation of one agent with one phone or two; `said` are all texts that were written in it."""

    path: str
    agent: str
    phones: list[tuple[str, str]]
    said: list[str] = field(default_factory=list)


def talks(raw: Raw) -> list[Talk]:
    """Twenty phones in conversations of their own, ten in five pairs, ten on WhatsApp; ten agents."""
    texting = [UNREACHABLE, STOPPED, THROTTLED, *(f"+4917211{number:05d}" for number in range(1000, 1027))]
    chatting = [f"{WHATSAPP_PREFIX}+4917222{number:05d}" for number in range(1000, 1010)]
    rooms = [[(phone, NUMBER)] for phone in texting[:20]]
    rooms += [
        [(one, OTHER_NUMBER), (other, OTHER_NUMBER)] for one, other in zip(texting[20::2], texting[21::2], strict=True)
    ]
    rooms += [[(phone, SENDER)] for phone in chatting]
    assert sum(map(len, rooms)) == PHONES
    made = []
    for number, phones in enumerate(rooms):
        talk = Talk(f"{API}/{raw.post(API)['sid']}", f"agent {number % AGENTS}", phones)
        raw.post(f"{talk.path}/Participants", Identity=talk.agent)
        for phone, proxy in phones:
            binding = {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": proxy}
            raw.post(f"{talk.path}/Participants", binding)
        made.append(talk)
    return made


def expected_end(phone: str) -> tuple[str, int]:
    return ENDS.get(phone, ("read" if phone.startswith(WHATSAPP_PREFIX) else "delivered", 0))


def everything(raw: Raw, url: str, name: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    page = raw.get(url, PageSize=100)
    while True:
        found += page[name]
        following = page["meta"]["next_page_url"]
        if not following:
            return found
        page = raw.get("/" + following.split("/", 3)[3])


@pytest.mark.parametrize("seed", [1])
def test_each_text_is_once_in_its_conversation_and_each_handset_has_its_texts_in_order(
    world: World, stream: Stream, template: Template, seed: int, record_property: pytest.RecordProperty
) -> None:
    chance = random.Random(seed)
    carriers = Carriers(world, stream, template, chance)
    raw = Raw(LambdaDoor(world))
    rooms = talks(raw)
    # On WhatsApp, the person writes first.
    for talk in rooms:
        for phone, proxy in talk.phones:
            if phone.startswith(WHATSAPP_PREFIX):
                talk.said.append(f"hello from {phone}")
                carriers.stage.write(phone, proxy, talk.said[-1])
    carriers.settle()
    count = sum(len(talk.said) for talk in rooms)
    dooms = ["sending", "texts", "events", "sending", "texts"]
    assert len(dooms) == DEATHS
    due = [round(TEXTS * (number + 1) / (DEATHS + 1)) for number in range(DEATHS)]
    while count < TEXTS:
        talk = chance.choice(rooms)
        talk.said.append(f"text {count}" + chance.choice(["", " 😀", " and more" * 40]))
        if chance.random() < 0.6:
            raw.post(f"{talk.path}/Messages", Author=talk.agent, Body=talk.said[-1])
        else:
            phone, proxy = chance.choice(talk.phones)
            carriers.stage.write(phone, proxy, talk.said[-1])
        count += 1
        if due and count >= due[0]:
            due.pop(0)
            carriers.doom(dooms.pop(0))
        if count % 10 == 0:
            carriers.turn()
            world.clock.advance(chance.choice([0.1, 1, 20]))
    carriers.settle()

    assert (carriers.deaths, carriers.is_doomed) == (DEATHS, False)
    receipts = sent_twice = 0
    for talk in rooms:
        messages = everything(raw, f"{talk.path}/Messages", "messages")
        assert Counter(message["body"] for message in messages) == Counter(talk.said)
        for phone, _ in talk.phones:
            to_phone = [message["body"] for message in messages if message["author"] != phone]
            got = [one["body"] for one in carriers.stage.handset(phone)["messages"] if one["direction"] == "in"]
            arrived = [(body, len(list(copies))) for body, copies in groupby(got)]
            assert [body for body, _ in arrived] == ([] if phone == STOPPED else to_phone)
            for body, copies in arrived:
                assert copies <= 1 + carriers.aws.unsure[phone, body]
                sent_twice += copies - 1
        for message in messages:
            found = everything(raw, f"{talk.path}/Messages/{message['sid']}/Receipts", "delivery_receipts")
            ends = sorted((one["status"], one["error_code"]) for one in found)
            others = [phone for phone, _ in talk.phones if phone != message["author"]]
            assert ends == sorted(map(expected_end, others)), message
            receipts += len(found)
    record_property("receipts", receipts)
    unsure = carriers.aws.unsure.total()
    print(f"{count} texts, {receipts} receipts, {carriers.deaths} deaths; {unsure} unsure, {sent_twice} sent twice")
