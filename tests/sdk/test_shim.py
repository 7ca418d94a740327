"""clients/js/twilio-sdk.js by itself: between an SDK and a server that its own tests play, and its types."""

from __future__ import annotations

import json
import re
from pathlib import Path

from local.home import REPOSITORY
from tests.support.node_packages import find_node, install, run

HERE = Path(__file__).resolve().parent
SHIM = REPOSITORY / "clients" / "js" / "twilio-sdk.js"
TYPED = """
import { parley } from "parley-client/twilio-sdk";
const options: { Twilsock?: { uri?: string }; logLevel?: string } = { ...parley("wss://example.com"), logLevel: "debug" };
parley("wss://example.com", { WebSocket: class { constructor(url: string) {} } });
// @ts-expect-error: the address of the socket is needed
parley();
"""


def test_the_shim_keeps_its_rules_between_an_sdk_and_a_server() -> None:
    node, _ = find_node("the shim for Twilio's SDKs is")
    printed = run([node, "--test", "--test-reporter=tap", str(HERE / "shim.test.mjs")])
    assert int(re.findall(r"^# pass (\d+)$", printed, re.M)[-1]) > 0


def test_the_options_have_the_type_that_the_sdks_take(tmp_path: Path) -> None:
    node, _ = find_node("the types of the shim for Twilio's SDKs are")
    modules = install(HERE.parent / "client_js", "client-js", "the types of the shim for Twilio's SDKs are")
    (tmp_path / "uses.ts").write_text(TYPED)
    settings = {
        "compilerOptions": {
            "strict": True,
            "noEmit": True,
            "target": "es2022",
            "module": "nodenext",
            "types": [],
            "paths": {"parley-client/twilio-sdk": [str(SHIM.with_suffix(".d.ts"))]},
        },
        "files": [str(tmp_path / "uses.ts")],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings))
    run([node, str(modules / "typescript" / "bin" / "tsc"), "--project", str(tmp_path)])


def test_the_shim_is_short_and_imports_nothing() -> None:
    text = SHIM.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert not re.search(r"^(import|export .* from)\b", text, re.M)
