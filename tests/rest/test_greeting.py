"""The two paths without an API: where everything is, and whether the service works."""

from __future__ import annotations

from typing import Any

import pytest

from local.template.template import Template
from parley.rest.app import create_app, lambda_handler
from tests.ports.meddling import MeddlingClient, refusing
from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World

CONSOLE = "http://127.0.0.1:8080/console"


@pytest.fixture
def raw(world: World) -> Raw:
    """A REST API that knows of a console."""
    handler = lambda_handler(create_app(world.context, console_url=CONSOLE))
    return Raw(LambdaDoor(world, handler), checked=False)


def test_the_root_shows_where_everything_is_without_credentials(raw: Raw):
    answer = raw("GET", "/", credentials=None)
    base = LambdaDoor.base_url
    assert answer.status == 200
    assert f"{base}/chat/v2" in answer.json["apis"]
    assert f"{base}/conversations/v1" in answer.json["apis"]
    assert answer.json["links"] == {
        "console": CONSOLE,
        "health": f"{base}/health",
        "documentation": "https://www.twilio.com/docs/chat/rest",
    }


def test_a_browser_gets_the_root_as_a_page_with_links(raw: Raw):
    answer = raw("GET", "/", headers={"Accept": "text/html,application/xhtml+xml"}, credentials=None)
    assert answer.headers["content-type"].startswith("text/html")
    for url in (CONSOLE, f"{LambdaDoor.base_url}/health"):
        assert f'<a href="{url}">' in answer.text


def test_a_host_name_in_the_page_is_no_markup(world: World):
    handler = lambda_handler(create_app(world.context, console_url='https://x/"><script>'))
    answer = Raw(LambdaDoor(world, handler), checked=False)("GET", "/", headers={"Accept": "text/html"})
    assert "<script>" not in answer.text


def test_a_service_without_a_console_links_to_none(world: World):
    answer = Raw(LambdaDoor(world), checked=False)("GET", "/", credentials=None)
    assert "console" not in answer.json["links"]


def test_a_working_service_is_healthy(raw: Raw):
    answer = raw("GET", "/health", credentials=None)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_a_service_whose_table_does_not_answer_is_not_healthy(dynamodb: Any, template: Template):
    client = MeddlingClient(dynamodb)
    client.script("batch_get_item", refusing("ResourceNotFoundException"))
    raw = Raw(LambdaDoor(World(client, template.tables()[0].name)), checked=False)
    answer = raw("GET", "/health", credentials=None)
    assert (answer.status, answer.json["status"]) == (503, "unavailable")


def test_health_costs_one_read_in_ten_seconds(dynamodb: Any, template: Template):
    client = MeddlingClient(dynamodb)
    world = World(client, template.tables()[0].name)
    raw = Raw(LambdaDoor(world), checked=False)
    for _ in range(5):
        assert raw("GET", "/health", credentials=None).status == 200
    client.script("batch_get_item", refusing("ResourceNotFoundException"))
    assert raw("GET", "/health", credentials=None).status == 200
    world.clock.advance(11)
    assert raw("GET", "/health", credentials=None).status == 503


def test_other_verbs_are_refused_there(raw: Raw):
    for path in ("/", "/health"):
        answer = raw("POST", path, {"a": "b"})
        assert (answer.status, answer.json["code"]) == (405, 20004)
        assert answer.headers["allow"] == "GET, HEAD"
