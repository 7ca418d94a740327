"""clients/js/twilio-sdk.js by itself: between an SDK and a server that its own tests play, and its types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.home import REPOSITORY
from tests.support.node_packages import check_types, find_node, install, run_suite

HERE = Path(__file__).resolve().parent
SHIM = REPOSITORY / "clients" / "js" / "twilio-sdk.js"
TYPED = """
import { parley } from "@parley/client/twilio-sdk";
const options: { Twilsock?: { uri?: string }; logLevel?: string } = { ...parley("wss://example.com"), logLevel: "debug" };
parley("wss://example.com", { WebSocket: class { constructor(url: string) {} } });
parley("wss://example.com", { XMLHttpRequest });
parley("wss://example.com", { XMLHttpRequest: null });
// @ts-expect-error: the address of the socket is needed
parley();
"""


@pytest.mark.parametrize("suite", ["shim.test.mjs", "shim_files.test.mjs"])
def test_the_shim_keeps_its_rules_between_an_sdk_and_a_server(suite: str) -> None:
    node, _ = find_node("the shim for Twilio's SDKs is")
    run_suite(node, HERE / suite)


def test_the_options_have_the_type_that_the_sdks_take(tmp_path: Path) -> None:
    node, _ = find_node("the types of the shim for Twilio's SDKs are")
    modules = install(HERE.parent / "client_js", "client-js", "the types of the shim for Twilio's SDKs are")
    uses = tmp_path / "uses.ts"
    uses.write_text(TYPED)
    check_types(node, modules, tmp_path, "@parley/client/twilio-sdk", SHIM.with_suffix(".d.ts"), uses)


def test_the_shim_is_short_and_imports_nothing() -> None:
    text = SHIM.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 600
    assert not re.search(r"^(import|export .* from)\b", text, re.M)
