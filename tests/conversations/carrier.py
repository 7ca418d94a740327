"""A carrier of the test's: it has what was handed over, answers as the test says, and reports in the test's words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from parley.ports.http.outgoing import NoAnswer, Response
from tests.conversations.phones import PROXY, Thread
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.webhooks.function import CARRIER_URL, WebhooksFunction


class ScriptedCarrier:
    """The webhooks function of a deployment, and the phones that it reaches.

    `refuses` has an error code by phone, or 0 for a phone at which the carrier gives no answer. `owner` is the answer of
    the service's webhook.
    """

    def __init__(self, function: WebhooksFunction, outgoing: FakeOutgoing):
        self.function = function
        self.refuses: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []
        self.owner = Response(200, {}, b"")
        outgoing.answer = self._answer

    def _answer(self, request: SentRequest) -> Response:
        if request.url != CARRIER_URL:
            return self.owner
        asked = json.loads(request.body)
        assert request.headers["I-Twilio-Idempotency-Token"] == asked["reference"]
        code = self.refuses.get(asked["to"])
        if code == 0:
            raise NoAnswer("timeout")
        self.requests.append(asked)
        if code:
            return Response(400, {}, json.dumps({"code": code}).encode())
        return Response(201, {}, json.dumps({"sid": f"SM{len(self.requests):032x}"}).encode())

    @property
    def sent(self) -> list[tuple[str, str, str | None]]:
        """Phone, number and text of what was handed over, ordered by phone."""
        return sorted((one["to"], one["from"], one["body"]) for one in self.requests)

    def hand_over(self) -> int:
        """Everything that is new; how many turns that took."""
        return self.function.phone_all()

    def reference(self, phone: str) -> str:
        """What the carrier knows the latest message to a phone by."""
        return str(next(one["reference"] for one in reversed(self.requests) if one["to"] == phone))

    def report(self, phone: str, status: str, **more: Any) -> None:
        entry = {"job": "phone_status", "reference": self.reference(phone), "status": status, **more}
        assert self.function.do_job(entry) == []

    def at_once(self, jobs: Sequence[dict[str, Any]]) -> None:
        """Have jobs carried out side by side, in batches as the queue hands them over, until all are done."""
        while jobs:
            for first in range(0, len(jobs), 10):
                assert self.function.do_jobs(jobs[first : first + 10]) == []
            jobs = [entry for entry in self.function.work.take() if entry["job"] == jobs[0]["job"]]

    def write(self, phone: str, body: str, to: Any = PROXY, **more: Any) -> None:
        """A message from a phone."""
        entry = {"job": "phone_inbound", "from": phone, "to": to, "sid": "SM1", "body": body, **more}
        assert self.function.do_job(entry) == []


def receipts_of(thread: Thread, message: str) -> dict[str, dict[str, Any]]:
    """A message's receipts by the phones that they are about."""
    addresses = {one["sid"]: (one["messaging_binding"] or {}).get("address") for one in thread.participants()}
    listed = thread.raw.get(f"{thread.path}/Messages/{message}/Receipts")["delivery_receipts"]
    return {addresses[receipt["participant_sid"]]: receipt for receipt in listed}


def summary(thread: Thread, message: str) -> dict[str, Any]:
    """What the message says of its receipts; only what is not `none`."""
    delivery = thread.raw.get(f"{thread.path}/Messages/{message}")["delivery"]
    return {name: value for name, value in (delivery or {}).items() if value != "none"}
