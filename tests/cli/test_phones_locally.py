"""`parley phones` and `parley content` on a local run, whose stand-in for AWS checks every request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.rest import Refused
from local.stack.running import Stack
from tests.cli.conftest import Run, rest_of, use
from tests.support.commands import begun

NUMBER, PHONE, WHATSAPP = "+12025550178", "+491721234567", "whatsapp:+12025550143"


@pytest.fixture
def here(breakable: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    use(breakable, monkeypatch)
    return breakable


def join(stack: Stack, proxy: str) -> str:
    """A new conversation with somebody who is reached from a number; returns the number of the pair."""
    rest = rest_of(stack)
    made = rest.post("/conversations/v1/Conversations", FriendlyName="phones")["sid"]
    binding = {"MessagingBinding.Address": PHONE, "MessagingBinding.ProxyAddress": proxy}
    path = f"/conversations/v1/Conversations/{made}"
    participant = rest.post(f"{path}/Participants", **binding)
    rest.delete(path)
    return str(participant["messaging_binding"]["proxy_address"])


def test_everything_is_well_from_the_start(parley: Run, here: Stack):
    ran = parley("phones", "doctor")
    assert ran.status == 0, ran.out
    assert {one["address"] for one in parley("phones", "list", "--json").json if one["enabled"]} == {
        "+12025550143",
        NUMBER,
        WHATSAPP,
    }


def test_a_disabled_number_is_foreign_until_it_is_enabled_again(parley: Run, here: Stack):
    assert join(here, NUMBER) == NUMBER
    assert parley("phones", "disable", NUMBER).status == 0
    with pytest.raises(Refused):
        join(here, NUMBER)
    assert parley("phones", "enable", NUMBER).status == 0
    assert join(here, NUMBER) == NUMBER
    assert parley("phones", "doctor").status == 0


def test_two_who_enable_a_number_at_once_both_succeed_and_leave_one_sender(parley: Run, here: Stack):
    parley("phones", "disable", NUMBER)
    running = [begun(here.home, "phones", "enable", NUMBER, "--json") for _ in range(3)]
    told = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    (service_sid,) = {json.loads(out)["messaging_service_sid"] for out, _ in told}
    path = f"/messaging/v1/Services/{service_sid}/PhoneNumbers"
    found = [one["phone_number"] for one in rest_of(here).listed(path, "phone_numbers")]
    assert found.count(NUMBER) == 1
    assert parley("phones", "doctor").status == 0


def test_a_whatsapp_sender_is_disabled_and_enabled_again(parley: Run, here: Stack):
    assert parley("phones", "disable", WHATSAPP).status == 0
    assert parley("phones", "enable", WHATSAPP).status == 0
    assert parley("phones", "doctor").status == 0


def test_a_message_gets_the_text_of_a_template_that_the_command_stored(parley: Run, here: Stack, tmp_path: Path):
    file = tmp_path / "welcome.json"
    types = {"twilio/text": {"body": "Hello {{1}}"}}
    file.write_text(json.dumps({"friendly_name": "welcome", "language": "en", "types": types}))
    sid = parley("content", "put", str(file)).out.strip()
    made = rest_of(here).post("/conversations/v1/Conversations", FriendlyName="templates")["sid"]
    path = f"/conversations/v1/Conversations/{made}/Messages"
    message = rest_of(here).post(path, ContentSid=sid, ContentVariables='{"1": "Ada"}')
    assert message["body"] == "Hello Ada"
    assert parley("content", "delete", sid).status == 0
