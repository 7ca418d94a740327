"""Reads each message before Parley stores it: refuses some, changes others, and lets the rest pass.

`PORT` is the port, 8091 if it is not set. `HOOK_URL` is the address under which Parley reaches this server.
"""

import json
import os
import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, abort, request
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from werkzeug.serving import make_server

SETTINGS = Path(os.environ.get("PARLEY_SETTINGS", ".parley/local.json"))
PORT = int(os.environ.get("PORT", "8091"))
HOOK_URL = os.environ.get("HOOK_URL", f"http://127.0.0.1:{PORT}/before-sending")
EVENTS = ["onMessageSend", "onMessageUpdate"]
FORBIDDEN = re.compile(r"\b(casino|lottery)\b", re.IGNORECASE)
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")

if not SETTINGS.exists():
    sys.exit(f"There is no {SETTINGS}: start Parley with `make run`, and this in the same folder.")
settings = json.loads(SETTINGS.read_text())
signatures = RequestValidator(settings["auth_token"])
app = Flask(__name__)


@app.post("/before-sending")
def before_sending():
    """Answer an event: 403 refuses the message, JSON changes it, and an empty 200 lets it pass."""
    # The signature covers the address that Parley was given. Behind a proxy, this server sees another one.
    if not signatures.validate(HOOK_URL, request.form, request.headers.get("X-Twilio-Signature", "")):
        abort(403, "The signature is wrong.")
    body = request.form.get("Body", "")
    if FORBIDDEN.search(body):
        abort(403, "No advertisements.")
    hidden = ADDRESS.sub("(an address)", body)
    return "" if hidden == body else {"body": hidden}


@contextmanager
def asked():
    """While this lasts, the service asks this server before it stores a message."""
    twilio = Client(settings["account_sid"], settings["auth_token"])
    twilio.chat.base_url = settings["rest_url"] + "/chat"
    twilio.conversations.base_url = settings["rest_url"] + "/conversations"
    # Each account has a default service. The settings may name another.
    sid = settings.get("service_sid") or twilio.conversations.v1.configuration().fetch().default_chat_service_sid
    service = twilio.chat.v2.services(sid)
    before = service.fetch()
    filters = [*(before.webhook_filters or []), *EVENTS]
    service.update(pre_webhook_url=HOOK_URL, webhook_method="POST", webhook_filters=filters)
    try:
        yield
    finally:
        service.update(pre_webhook_url=before.pre_webhook_url or "", webhook_filters=before.webhook_filters or [])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = make_server("127.0.0.1", PORT, app, threaded=True)
    with asked():
        print(f"Messages are read at {HOOK_URL}; Ctrl-C ends it", flush=True)
        server.serve_forever()
