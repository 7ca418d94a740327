"""The files under /console and their headers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local.console.files import CONSOLE_FILES, ConsoleFiles
from local.home import REPOSITORY
from local.http.server import Request, Response


def get(name: str, host: str = "127.0.0.1:8080") -> Response:
    request = Request("GET", f"/console{name}", "", [("Host", host)], b"", ("127.0.0.1", 1), 8080)
    answer = ConsoleFiles().respond(request)
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/base.css", "text/css; charset=utf-8"),
        ("/console.js", "text/javascript; charset=utf-8"),
        ("/parley.js", "text/javascript; charset=utf-8"),
        ("/parley/follower.js", "text/javascript; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml; charset=utf-8"),
        ("/config.json", "application/json; charset=utf-8"),
    ],
)
def test_each_file_has_its_type_and_is_asked_for_again_each_time(name: str, kind: str) -> None:
    answer = get(name)
    assert answer.status == 200
    assert dict(answer.headers)["Content-Type"] == kind
    assert dict(answer.headers)["Cache-Control"] == "no-cache"


def test_the_pages_load_every_style_sheet_and_each_is_short() -> None:
    pages = get("/").body.decode() + get("/sdk.html").body.decode()
    linked = set(re.findall(r'<link rel="stylesheet" href="(.+?)">', pages))
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in CONSOLE_FILES.glob("*.css")}
    assert sorted(linked) == sorted(lengths)
    assert max(lengths.values()) <= 400


CLIENT = REPOSITORY / "clients" / "js"
MODULES = [
    path.relative_to(CLIENT).as_posix()
    for path in (CLIENT / "parley.js", CLIENT / "twilio-sdk.js", *sorted((CLIENT / "parley").iterdir()))
]


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_of_the_javascript_client_are_served_beside_the_console(module: str) -> None:
    answer = get(f"/{module}")
    assert answer.body == (CLIENT / module).read_bytes()
    # Pages from elsewhere may import them.
    assert dict(answer.headers)["Access-Control-Allow-Origin"] == "*"
    assert not (CONSOLE_FILES / module).exists()


def test_the_page_may_load_from_its_own_origin_and_open_sockets_to_it_only() -> None:
    policy = dict(get("/").headers)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "Access-Control-Allow-Origin" not in dict(get("/").headers)
    assert "connect-src 'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("host", ["evil.example; script-src *", "a b", ""])
def test_a_host_header_cannot_widen_the_policy(host: str) -> None:
    policy = dict(get("/", host).headers)["Content-Security-Policy"]
    assert "connect-src 'self'; base-uri" in policy
    assert "evil" not in policy


def test_the_configuration_holds_addresses_relative_to_the_page_and_no_secret() -> None:
    assert json.loads(get("/config.json").body) == {
        "rest_url": "/",
        "ws_url": "/ws",
        "webhook_inbox": "webhooks/",
        "usage": "usage",
    }


@pytest.mark.parametrize(
    "name",
    [
        "/../files.py",
        "/../../../template.yaml",
        "/nothing.html",
        "/.",
        "/%2e%2e/files.py",
        "/package.json",
        "/parley.d.ts",
        "/parley",
        "/parley/",
        "/parley/nothing.js",
        "/parley/../package.json",
        "/parley/..",
        "/parley/../../vectors/README.md",
        "/parley//etc/passwd",
        "/parley/%2e%2e/package.json",
    ],
)
def test_nothing_beside_the_console_is_served(name: str) -> None:
    assert get(name).status == 404


def files() -> list[Path]:
    return [path for path in CONSOLE_FILES.iterdir() if path.suffix in (".html", ".css", ".js", ".svg")]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_no_file_loads_anything_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"""(src|href)=["'](https?:)?//""", text)
    assert path.suffix != ".css" or not re.search(r"@import|url\(", text)
    assert all(source.startswith("./") for source in re.findall(r"""^import .*from ['"](.+)['"]""", text, re.M))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_nothing_is_put_into_the_page_as_markup(path: Path) -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
    )
