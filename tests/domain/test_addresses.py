"""Addresses outside of chat: which channel a text belongs to, and which participants they make."""

from __future__ import annotations

import pytest

from parley.domain.addresses import Numbers, can_be_in_groups, channel_of
from parley.domain.participants import addresses_of_group, binding
from parley.errors import BINDING_NOT_SUPPORTED, Refusal
from parley.stored import MessagingBinding

NUMBERS = Numbers(frozenset({"+12025550143"}), frozenset({"whatsapp:+12025550143"}), has_groups=True)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("+491721234567", "sms"),
        ("+123456789012345", "sms"),
        ("+1234567890123456", None),
        ("+0491721234567", None),
        ("491721234567", None),
        ("+49 172 1234567", None),
        ("+491721234567\n", None),
        ("whatsapp:+491721234567", "whatsapp"),
        ("WhatsApp:+491721234567", None),
        ("whatsapp:whatsapp:+491721234567", None),
        ("rcs:+491721234567", "rcs"),
        ("alice@example.com", "email"),
        ("a" * 250 + "@example.com", None),
        ("alice@example", None),
        ("", None),
    ],
)
def test_an_address_belongs_to_the_channel_that_its_form_says(text: str, channel: str | None):
    assert channel_of(text) == channel


@pytest.mark.parametrize(
    ("number", "may"),
    [
        ("+14155550100", True),
        ("+16045550100", True),
        ("+491721234567", False),
        ("+18005550100", False),
        ("+18885550100", False),
        ("+18085550100", True),
        ("+12345", False),
    ],
)
def test_numbers_of_the_united_states_and_canada_can_be_in_groups_if_calls_to_them_cost(number: str, may: bool):
    assert can_be_in_groups(number) is may


@pytest.mark.parametrize("part", ["name", "level"])
def test_only_mail_would_have_a_name_and_a_level(part: str):
    given = {"messaging_binding.address": "+491721234567", "messaging_binding.proxy_address": "+12025550143"}
    with pytest.raises(Refusal) as refused:
        binding({**given, f"messaging_binding.{part}": "x"}, NUMBERS)
    assert refused.value.error is BINDING_NOT_SUPPORTED


def test_a_group_is_found_once_it_has_a_phone_and_a_number():
    phone: MessagingBinding = {"type": "sms", "address": "+14155550100"}
    number: MessagingBinding = {"type": "sms", "projected_address": "+12025550143"}
    assert addresses_of_group([phone]) == addresses_of_group([number]) == frozenset()
    assert addresses_of_group([number, phone]) == {"+14155550100", "+12025550143"}
