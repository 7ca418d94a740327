"""The APIs: their addresses, bodies, pings, and what a guided deployment asks about them."""

from __future__ import annotations

import json
import uuid

from local.template.template import Template
from tests.architecture.declared import FUNCTIONS, RESOURCES, ROOT, TEMPLATE, environment, of_type


def test_a_guided_deployment_does_not_ask_whether_the_api_may_do_without_authentication():
    """The SAM CLI asks, and Enter means no, unless the API says something about authentication."""
    assert RESOURCES["RestApi"]["Properties"]["Auth"] == {"ApiKeyRequired": False}


def test_a_domain_name_of_your_own_is_in_every_url_that_is_shown_and_pushes_go_past_it():
    named = Template(
        ROOT / "template.yaml",
        stack_uuid=str(uuid.UUID(int=0)),
        parameters={"RestDomain": "chat.example.com", "SocketDomain": "sockets.example.com"},
    )
    shown = {name: named.resolve(TEMPLATE["Outputs"][name]["Value"]) for name in ("RestUrl", "SocketUrl")}
    assert shown == {"RestUrl": "https://chat.example.com", "SocketUrl": "wss://sockets.example.com"}
    for function in FUNCTIONS:
        settings = environment(function)
        assert named.resolve(settings.get("PARLEY_REST_URL", shown["RestUrl"])) == shown["RestUrl"]
        assert "execute-api" in named.resolve(settings.get("PARLEY_CONNECTIONS_URL", "execute-api"))


def test_the_function_gets_every_body_as_the_bytes_that_were_sent():
    assert RESOURCES["RestApi"]["Properties"]["BinaryMediaTypes"] == ["*/*"]


def test_a_ping_is_answered_without_a_function():
    routes = of_type("AWS::ApiGatewayV2::Route")
    assert [spec["RouteKey"] for spec in routes.values()] == ["ping"]
    assert RESOURCES["PingIntegration"]["Properties"]["IntegrationType"] == "MOCK"
    assert RESOURCES["PingRouteResponse"]["Properties"]["RouteId"] == {"Ref": "PingRoute"}
    (reply,) = RESOURCES["PingIntegrationResponse"]["Properties"]["ResponseTemplates"].values()
    assert json.loads(reply) == {"action": "pong"}
