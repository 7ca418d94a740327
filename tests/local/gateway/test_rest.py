"""REST through the gateway over real HTTP: the event that a function gets, the answer it gives, the limits between."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest

from local.gateway.sockets import Limits
from tests.local.conftest import RunningGateway


def test_the_path_stays_encoded_and_parameters_are_decoded(gateway: RunningGateway):
    event = gateway.event("GET", "/chat/a%2Fb%20c?q=1&q=%C3%A9+x&empty=&bare")
    assert event["path"] == "/chat/a%2Fb%20c"
    assert event["requestContext"]["path"] == "/chat/a%2Fb%20c", "no stage, as behind a custom domain name"
    assert event["resource"] == "/{proxy+}"
    assert event["pathParameters"] == {"proxy": "chat/a/b c"}
    assert event["queryStringParameters"] == {"q": "é x", "empty": "", "bare": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "é x"], "empty": [""], "bare": [""]}


def test_the_root_has_a_resource_of_its_own_and_no_parameters(gateway: RunningGateway):
    event = gateway.event("GET", "/")
    assert (event["resource"], event["path"], event["pathParameters"]) == ("/", "/", None)
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["body"] is None


def test_headers_are_passed_on_with_what_api_gateway_adds(gateway: RunningGateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection:
        head = (
            "GET /x HTTP/1.1\r\nHost: example.test\r\nX-Many: 1\r\nX-Many: 2\r\nUser-Agent: me\r\nConnection: close\r\n"
        )
        connection.sendall(f"{head}\r\n".encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        event = json.loads(response.read())["event"]
    assert event["headers"]["X-Many"] == "2"
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["headers"]["Host"] == "example.test"
    assert event["headers"]["X-Forwarded-Proto"] == "http"
    assert event["headers"]["X-Forwarded-Port"] == str(gateway.port)
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert event["headers"]["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert "Connection" not in event["headers"]
    context = event["requestContext"]
    assert (context["stage"], context["httpMethod"], context["domainName"]) == ("test", "GET", "example.test")
    assert (context["identity"]["sourceIp"], context["identity"]["userAgent"]) == ("127.0.0.1", "me")


def test_a_form_arrives_as_text(gateway: RunningGateway):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    event = gateway.event("POST", "/x", body="Body=%C3%A9&Body=2", headers=headers)
    assert (event["body"], event["isBase64Encoded"]) == ("Body=%C3%A9&Body=2", False)


def test_only_a_binary_media_type_of_the_template_arrives_as_base64(gateway: RunningGateway):
    image = gateway.event("POST", "/x", body=b"\xff\x00", headers={"Content-Type": "image/png"})
    assert (image["body"], image["isBase64Encoded"]) == ("/wA=", True)
    other = gateway.event("POST", "/x", body=b"\xff\x00", headers={"Content-Type": "image/gif"})
    assert (other["body"], other["isBase64Encoded"]) == ("�\x00", False)


def test_binary_answers_are_decoded_only_for_a_binary_media_type(gateway: RunningGateway):
    assert gateway.request("GET", "/binary")[2] == bytes(range(256))
    assert gateway.request("GET", "/binary?type=image%2Fgif")[2].startswith(b"AAECAwQF")


def test_headers_that_api_gateway_keeps_for_itself_are_renamed(gateway: RunningGateway):
    status, headers, body = gateway.request("GET", "/headers")
    assert (status, body) == (401, b"no")
    assert headers["x-amzn-Remapped-WWW-Authenticate"] == "Basic"
    assert headers["x-amzn-Remapped-Content-Length"] == "99"
    assert headers["WWW-Authenticate"] is None
    assert headers["Content-Length"] == "2"
    assert headers["X-Own"] == "1"
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_an_exception_or_a_malformed_result_is_a_502(gateway: RunningGateway):
    for path in ("/raise", "/malformed"):
        status, _, body = gateway.request("GET", path)
        assert (status, json.loads(body)) == (502, {"message": "Internal server error"})


def test_a_slow_function_gets_the_answer_that_the_template_has_for_it():
    with contextlib.closing(RunningGateway(Limits(), rest_seconds=0.3)) as hurried:
        status, headers, body = hurried.request("GET", "/sleep")
    assert (status, headers["Retry-After"], json.loads(body)) == (503, "1", {"code": 20503})


def test_head_has_the_headers_of_get_and_no_body(gateway: RunningGateway):
    status, headers, body = gateway.request("HEAD", "/headers")
    assert (status, headers["Content-Length"], body) == (401, "2", b"")


def test_connections_are_kept_alive_and_pipelined_requests_answered_in_order(gateway: RunningGateway):
    paths = ("/first", "/_aws/health", "/last")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection:
        connection.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths).encode())
        connection.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert [answers.count(b"HTTP/1.1 200 OK"), answers.count(b"HTTP/1.1 ")] == [3, 3]
    places = [answers.index(mark) for mark in (b'"path": "/first"', b'{"status":"ok"}', b'"path": "/last"')]
    assert places == sorted(places)


@pytest.mark.inferred
def test_a_body_over_10_mb_is_refused_before_it_is_sent_in_no_form_of_the_api(gateway: RunningGateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10485761\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"\r\n\r\nHTTP content length exceeded 10485760 bytes.")
    assert b"access-control-" not in answer.lower()


def test_a_chunked_body_over_10_mb_is_refused(gateway: RunningGateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    chunks = (b"x" * 1024 * 1024 for _ in range(12))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may hang up while this is still sending
        connection.request("POST", "/x", chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_too_large_for_lambda_is_refused(gateway: RunningGateway):
    assert gateway.request("POST", "/x", "x" * (6 * 1024 * 1024))[0] == 413


def test_headers_over_10_kb_and_long_urls_are_refused(gateway: RunningGateway):
    assert gateway.request("GET", "/x", headers={"X-Long": "x" * 10_240})[0] == 431
    assert gateway.request("GET", "/" + "x" * 10_240)[0] == 414


def test_a_request_that_is_not_http_is_answered_with_400(gateway: RunningGateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_expects_100_continue_gets_it(gateway: RunningGateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"ab")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_offers_another_protocol_is_answered(gateway: RunningGateway):
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"}
    assert gateway.request("GET", "/x", headers=headers)[0] == 200


def test_the_console_is_served_from_its_folder_and_nothing_beside_it(gateway: RunningGateway):
    status, headers, body = gateway.request("GET", "/console/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"console" in body
    assert gateway.request("GET", "/console/app.js")[1]["Content-Type"].endswith("javascript; charset=utf-8")
    status, headers, _ = gateway.request("GET", "/console")
    assert (status, headers["Location"]) == (301, "/console/")
    assert gateway.request("GET", "/console/../template.yaml")[0] == 404
    assert gateway.request("GET", "/console/nothing.html")[0] == 404


def test_health_is_answered_without_a_function(gateway: RunningGateway):
    assert gateway.request("GET", "/_aws/health")[0::2] == (200, b'{"status":"ok"}')
