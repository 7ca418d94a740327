"""Gives users access tokens, with which a browser or an app connects to Parley: GET /token?identity=alice

`PORT` is the port, 8090 if it is not set. `PAGES` names a folder; its files are served too.
"""

import json
import os
import sys
from pathlib import Path

from flask import Flask, abort, request
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant
from twilio.rest import Client

SETTINGS = Path(os.environ.get("PARLEY_SETTINGS", ".parley/local.json"))
if not SETTINGS.exists():
    sys.exit(f"There is no {SETTINGS}: start Parley with `make run`, and this in the same folder.")
settings = json.loads(SETTINGS.read_text())
key = settings["api_key_sid"], settings["api_key_secret"]

twilio = Client(*key, settings["account_sid"])
twilio.conversations.base_url = settings["rest_url"] + "/conversations"
# Each account has a default service. The settings may name another.
service_sid = settings.get("service_sid") or twilio.conversations.v1.configuration().fetch().default_chat_service_sid

pages = os.environ.get("PAGES")
app = Flask(__name__, static_url_path="/", static_folder=Path(pages).resolve() if pages else None)


def signed_in_user():
    """The user who asks. In your application, take it from the session of your login, never from the request."""
    return request.args.get("identity") or abort(400, "The parameter `identity` is missing.")


@app.get("/token")
def token():
    identity = signed_in_user()
    grants = [ChatGrant(service_sid=service_sid)]
    made = AccessToken(settings["account_sid"], *key, identity=identity, ttl=3600, grants=grants)
    url = settings["ws_url"]
    # For Twilio's SDKs. On AWS the address is the same.
    answer = {"identity": identity, "token": made.to_jwt(), "url": url, "sdk_url": settings.get("sdk_url", url)}
    return answer, {"Cache-Control": "no-store"}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8090")))
