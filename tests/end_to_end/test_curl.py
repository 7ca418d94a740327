"""Files with curl, in the words of Twilio's documentation (https://www.twilio.com/docs/chat/rest/media).

Only the base URL differs: `https://mcs.us1.twilio.com` becomes `<rest_url>/media`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    return path


@pytest.fixture
def key(stack: Stack) -> str:
    return f"{stack.info['api_key_sid']}:{stack.info['api_key_secret']}"


@pytest.fixture
def media(stack: Stack, service: Any) -> str:
    return f"{stack.info['rest_url']}/media/v1/Services/{service.sid}/Media"


def curl(*arguments: str) -> bytes:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed, so the commands of Twilio's documentation are NOT tested")
    return subprocess.run([program, "--silent", "--show-error", *arguments], capture_output=True, check=True).stdout


@pytest.mark.parametrize("more", [("-H", "Content-Type: image/png"), ()], ids=["with a type", "without a type"])
def test_the_documented_commands_upload_and_fetch_a_file(
    media: str, key: str, picture: Path, more: tuple[str, ...]
) -> None:
    made = json.loads(curl("-u", key, "--data-binary", f"@{picture}", media, *more))
    assert (made["content_type"], made["size"], made["author"]) == ("image/png", len(PNG), "sender")
    fetched = json.loads(curl("-X", "GET", f"{media}/{made['sid']}", "-u", key))
    assert {**fetched, "links": made["links"]} == made


def test_both_links_lead_to_the_bytes_even_if_credentials_are_sent_along(media: str, key: str, picture: Path) -> None:
    made = json.loads(curl("-u", key, "--data-binary", f"@{picture}", media, "-H", "Content-Type: image/png"))
    temporary, content = made["links"]["content_direct_temporary"], made["links"]["content"]
    for link in (("-L", temporary), ("-L", "-u", key, temporary), ("-L", "-u", key, content)):
        assert curl(*link) == PNG
    assert json.loads(curl("-L", content))["code"] == 20003
