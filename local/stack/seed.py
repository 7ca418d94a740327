"""The first API key of a stack, made through the REST API as a back end would make it."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from local.home import Home

_SECONDS = 30


class SeedFailed(Exception):
    """The REST API did not make an API key."""


def api_key(home: Home, rest_url: str, account_sid: str, auth_token: str) -> tuple[str, str]:
    """The SID and secret of this home's API key: the remembered one while it is still good, else a new one."""
    kept = home.recall("api_key")
    if kept is not None:
        status, _ = _request(rest_url, "GET", "/chat/v2/Services?PageSize=1", kept["sid"], kept["secret"])
        if status != 401:
            return kept["sid"], kept["secret"]
    path = f"/2010-04-01/Accounts/{account_sid}/Keys.json"
    status, answer = _request(rest_url, "POST", path, account_sid, auth_token, "FriendlyName=local")
    if status not in (200, 201) or "sid" not in answer:
        raise SeedFailed(f"the REST API refused to create an API key, with {status}: {json.dumps(answer)[:300]}")
    home.remember("api_key", {"sid": answer["sid"], "secret": answer["secret"]})
    return answer["sid"], answer["secret"]


def _request(
    rest_url: str, method: str, path: str, user: str, password: str, form: str = ""
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(rest_url).netloc, timeout=_SECONDS)
    headers = {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    if form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, path, form, headers)
        response = connection.getresponse()
        body = response.read()
    except OSError as error:
        raise SeedFailed(f"the REST API could not be reached: {error}") from error
    finally:
        connection.close()
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {"body": body.decode(errors="replace")}
    return response.status, answer if isinstance(answer, dict) else {"body": answer}
