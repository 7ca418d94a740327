"""The checks of `parley doctor`, one after the other: each needs only what the checks before it have shown to work.

    place -> REST -> clock, versions -> a service of its own -> socket -> push, webhook -> the service is deleted

Each check says what it found and, if something is wrong, what to do. At the end, `doctor` deletes what the checks have
made, even if one of them has failed.
"""

from __future__ import annotations

import json
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from cli.access import access_token
from cli.place import ApiKey, LogQuery, Place
from cli.receiver import WEBHOOK_SECONDS, Receiver, sample
from cli.rest import Answer, Refused, Unreachable, reason_of
from cli.trouble import Trouble, said
from parley.tokens import LEEWAY_SECONDS
from parley.version import VERSION

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
_IDENTITY = "parley doctor"
_TOKEN_SECONDS = 900
# A socket opens at once or not at all, but a function that starts cold takes its time.
_SOCKET_SECONDS = 10
_LOOK_SECONDS = 0.1
_LOG_LOOK_SECONDS = 2.0


class Result(NamedTuple):
    """What a check found: `ok`, `warning`, `failed` or `skipped`, and what to do about it."""

    name: str
    outcome: str
    detail: str
    advice: str = ""


class _Bad(Exception):
    """A check fails, with what it found and what to do."""

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.detail, self.advice = detail, advice


# What to do, by what does not work; the second is for a deployed stack.
_ADVICE = {
    "process": ("Stop `make run` and start it again.", ""),
    "REST": ("Start `make run` again.", "Check the network, and the stack's state."),
    "token": (
        "local.json does not fit what runs there: start `make run` again.",
        "If the auth token was just replaced, wait ten seconds. Otherwise look at the secret AuthToken.",
    ),
    "socket": ("Start `make run` again.", "Check the network, and the output SocketUrl."),
    "push": (
        "The pump does not do its work. Read `parley logs`, then start `make run` again.",
        "Read the log: `parley logs --function fan_out`.",
    ),
    "webhook": (
        "The pump does not do its work. Read `parley logs`, then start `make run` again.",
        "CloudWatch may be late: wait longer with --patience 2m. Or read `parley logs --function webhooks`.",
    ),
}
_HANDSHAKE = "The service refuses the access token: check the clock, and read `parley logs --function ws_connect`."
_SIGNATURE = "The server checks signatures with another auth token, or with a URL other than this one."
_OLD_SIGNATURE = "If the auth token was just replaced with --now, wait five minutes. Otherwise start `make run` again."


class Doctor:
    """Examines one place."""

    def __init__(self, place: Place, patience: float, webhook_url: str | None = None) -> None:
        self._place = place
        self._patience = patience
        self._webhook_url = webhook_url
        self._service = ""
        self._key: ApiKey | None = None
        self._socket: Any = None
        self._receiver: Receiver | None = None
        self._open = ExitStack()

    def examine(self) -> Iterator[Result]:
        """The results, as they come."""
        try:
            yield from self._examined()
        finally:
            left = self._clean_up()
        yield from left

    def _examined(self) -> Iterator[Result]:
        yield from self._parts()
        try:
            answer, asked_at, took_ms = self._rest()
        except _Bad as bad:
            yield Result("REST", FAILED, bad.detail, bad.advice)
            for name in ("clock", "versions", "socket", "push", "webhook"):
                yield Result(name, SKIPPED, "needs REST")
            return
        yield Result("REST", OK, f"{self._place.rest_url} answers in {took_ms} ms")
        yield self._clock(answer, asked_at)
        yield _versions(answer)
        try:
            channel = self._prepare()
        except Trouble as error:
            yield Result("REST", FAILED, f"a service cannot be made: {error}", "Read the log: `parley logs`.")
            return
        socket = self._check("socket", self._connect)
        yield socket
        posted_at = time.monotonic()
        try:
            message = self._place.rest.ask("POST", f"{channel}/Messages", {"Body": "parley doctor"}, webhooks=True).body
        except Trouble as error:
            yield Result("REST", FAILED, f"no message can be posted: {error}", "Read the log: `parley logs`.")
            return
        if socket.outcome == OK:
            yield self._check("push", lambda: self._push(f"{channel}/Messages/{message['sid']}", posted_at))
        else:
            yield Result("push", SKIPPED, "needs a socket")
        if self._receiver or self._place.logs_warnings:
            yield self._check("webhook", lambda: self._webhook(message["sid"], posted_at))
        else:
            yield Result("webhook", SKIPPED, "with LogLevel=ERROR, the attempt to send it is not logged")
        if self._webhook_url:
            yield self._check("your server", lambda: self._ask_server(message))
        yield from self._given_up()

    def _advice(self, about: str) -> str:
        return _ADVICE[about][0 if self._place.is_local else 1]

    def _check(self, name: str, examine: Callable[[], str]) -> Result:
        try:
            return Result(name, OK, examine())
        except _Bad as bad:
            return Result(name, FAILED, bad.detail, bad.advice)
        except Exception as error:
            return Result(name, FAILED, self._line(error), "Read the log: `parley logs`.")

    def _line(self, error: Exception) -> str:
        """What an error that a person can mend says. Any other is raised again."""
        line = str(error) if isinstance(error, Trouble) else said(error, self._place.is_local)
        if line is None:
            raise error
        return line

    # What there is.

    def _parts(self) -> Iterator[Result]:
        try:
            parts = self._place.status()["parts"]
        except Exception as error:
            yield Result("stack", WARNING, f"its parts cannot be read: {self._line(error)}")
            return
        bad = [part for part in parts if not part["well"]]
        for part in bad:
            if self._place.is_local:
                yield Result("process", FAILED, f"{part['name']}: {part['state']}", self._advice("process"))
            elif part["name"] == "stack":
                advice = "The stack's events say why: `aws cloudformation describe-stack-events`."
                yield Result("stack", WARNING, f"its state is {part['state']}", advice)
            else:
                yield Result("alarm", WARNING, f"{part['name']} is on", "docs/operating.md says what to do.")
        if not bad:
            kind = "processes" if self._place.is_local else "stack"
            yield Result(kind, OK, f"{len(parts)} are well" if self._place.is_local else str(parts[0]["state"]))

    def _given_up(self) -> Iterator[Result]:
        try:
            queues = self._place.queues()
        except Exception as error:
            yield Result("queues", WARNING, f"they cannot be read: {self._line(error)}")
            return
        for queue in queues:
            if queue.given_up and queue.waiting:
                advice = "docs/operating.md says what to do."
                if queue.name.startswith("webhook deliveries"):
                    advice = "`parley webhooks list` shows them."
                yield Result("queues", WARNING, f"{queue.name}: {queue.waiting}", advice)

    def _rest(self) -> tuple[Answer, float, int]:
        started = time.monotonic()
        try:
            answer = self._place.rest.ask("GET", "/chat/v2/Services?PageSize=1")
        except Unreachable as error:
            raise _Bad(str(error), self._advice("REST")) from None
        except Refused as refused:
            if refused.status == 401:
                raise _Bad("the auth token is refused (401)", self._advice("token")) from None
            raise _Bad(str(refused), "Read the log: `parley logs --function rest_api`.") from None
        took = time.monotonic() - started
        return answer, time.time() - took / 2, round(took * 1000)

    def _clock(self, answer: Answer, asked_at: float) -> Result:
        if answer.date is None:
            return Result("clock", SKIPPED, "the REST API does not tell its time")
        # The header leaves out parts of a second.
        ahead = asked_at - (answer.date + 0.5)
        if abs(ahead) <= LEEWAY_SECONDS:
            return Result("clock", OK, f"differs by {abs(ahead):.0f} s from the service's")
        detail = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the service's"
        return Result("clock", FAILED, detail, "Set it: access tokens that are made here may be refused.")

    # A service of its own.

    def _prepare(self) -> str:
        rest = self._place.rest
        if self._place.is_local:
            self._receiver = Receiver()
            self._open.callback(self._receiver.close)
        name = f"{_IDENTITY} {secrets.token_hex(4)}"
        self._service = str(rest.post("/chat/v2/Services", FriendlyName=name)["sid"])
        path = f"/chat/v2/Services/{self._service}"
        # Nobody listens on this machine for a stack in AWS. Its own REST API does, and refuses the webhook.
        url = self._receiver.url if self._receiver else f"{self._place.rest_url}/parley-doctor"
        rest.post(path, PostWebhookUrl=url, WebhookMethod="POST", WebhookFilters="onMessageSent")
        channel = rest.post(f"{path}/Channels", FriendlyName=name, Type="private")["sid"]
        rest.post(f"{path}/Channels/{channel}/Members", Identity=_IDENTITY)
        return f"{path}/Channels/{channel}"

    def _clean_up(self) -> list[Result]:
        left = []
        self._open.close()
        if self._service:
            try:
                self._place.rest.delete(f"/chat/v2/Services/{self._service}")
            except Trouble as error:
                left.append(Result("cleaning up", FAILED, str(error), f"Delete the service {self._service}."))
        if self._key is not None and self._key.ends_at is not None:
            # It ends by itself, so it does not matter if this fails.
            with suppress(Trouble):
                self._place.rest.delete_key(self._key.sid)
        return left

    # Round trips.

    def _connect(self) -> str:
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect

        self._key = self._place.api_key(self._place.rest, "doctor", _TOKEN_SECONDS)
        expires_at = int(time.time()) + _TOKEN_SECONDS
        token = access_token(self._place.account_sid, self._key, _IDENTITY, self._service, expires_at)
        url, local = self._place.socket_url, self._place.is_local
        started = time.monotonic()
        try:
            seconds = max(self._patience, _SOCKET_SECONDS)
            opening = connect(f"{url}?token={token}", open_timeout=seconds, proxy=None if local else True)
            self._socket = self._open.enter_context(opening)
            self._socket.send(json.dumps({"id": "doctor", "action": "fetchSession"}))
            reply = self._heard(lambda frame: frame.get("id") == "doctor", started + seconds)
        except InvalidStatus as error:
            status = error.response.status_code
            advice = _HANDSHAKE if status == 401 else "Read the log: `parley logs --function ws_connect`."
            raise _Bad(f"{url} refuses the connection with {status}", advice) from None
        except (OSError, WebSocketException) as error:
            raise _Bad(f"no socket can be opened at {url}: {reason_of(error)}", self._advice("socket")) from None
        if reply is None or reply.get("status") != 200:
            raise _Bad("the socket is open, but does not answer", "Read the log: `parley logs --function ws_message`.")
        return f"{url} opens and answers in {_ms_since(started)} ms"

    def _push(self, message: str, posted_at: float) -> str:
        """A new message may be pushed by the function that writes it; a change of it comes from the stream."""
        told = f"a message over REST reaches the socket in {self._pushed('messageAdded', message, posted_at)} ms"
        edited_at = time.monotonic()
        try:
            self._place.rest.post(message, Body="parley doctor, edited")
        except Trouble as error:
            raise _Bad(f"the message cannot be edited: {error}", "Read the log: `parley logs`.") from None
        return f"{told}, and a change of it in {self._pushed('messageUpdated', message, edited_at)} ms"

    def _pushed(self, event: str, message: str, since: float) -> int:
        """How long it took until the socket heard of an event of a message, in milliseconds."""
        from websockets.exceptions import WebSocketException

        sid = message.rpartition("/")[2]
        what = "a message over REST" if event == "messageAdded" else "a change of a message over REST"

        def is_it(frame: dict[str, Any]) -> bool:
            return frame.get("event") == event and frame["message"]["sid"] == sid

        try:
            if self._heard(is_it, time.monotonic() + self._patience) is not None:
                return _ms_since(since)
            detail = f"{what} did not reach the socket in {self._patience:g} s"
        except WebSocketException as error:
            detail = f"the socket was closed before the push came: {reason_of(error)}"
        raise _Bad(detail, self._advice("push"))

    def _heard(self, wanted: Callable[[dict[str, Any]], bool], deadline: float) -> dict[str, Any] | None:
        """The first frame that is wanted; None if none comes in time."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                received = json.loads(self._socket.recv(timeout=left))
            except TimeoutError:
                return None
            for frame in received if isinstance(received, list) else [received]:
                if wanted(frame):
                    return dict(frame)
        return None

    def _webhook(self, message_sid: str, posted_at: float) -> str:
        return self._webhook_here(message_sid, posted_at) if self._receiver else self._webhook_in_log(message_sid)

    def _webhook_here(self, message_sid: str, posted_at: float) -> str:
        assert self._receiver is not None
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            for received in self._receiver.received():
                if received.form.get("MessageSid") != message_sid:
                    continue
                if not received.is_signed_with(self._place.auth_tokens().valid):
                    raise _Bad("a webhook came, but its signature does not fit the auth token", _OLD_SIGNATURE)
                took_ms = round((received.at - posted_at) * 1000)
                return f"a message's webhook comes, signed, in {took_ms} ms"
            time.sleep(_LOOK_SECONDS)
        raise _Bad(f"a message's webhook did not come in {self._patience:g} s", self._advice("webhook"))

    def _webhook_in_log(self, message_sid: str) -> str:
        """The attempt, as the function has logged it: nobody on this machine can be called from AWS."""
        deadline = time.monotonic() + self._patience
        query = LogQuery(("webhooks",), (message_sid, "outcome"), int((time.time() - 300) * 1000))
        try:
            while True:
                for line in self._place.log(query, follow=False):
                    try:
                        attempt = json.loads(line.text)
                    except ValueError:
                        continue
                    if attempt.get("status"):
                        return f"a message's webhook was sent, and answered with {attempt['status']}"
                    reason = attempt.get("reason") or "no reason is logged"
                    detail = f"a message's webhook could not be sent: {reason}"
                    raise _Bad(detail, "Check whether the function can reach the internet.")
                if time.monotonic() >= deadline:
                    break
                time.sleep(_LOG_LOOK_SECONDS)
        except Exception as error:
            if isinstance(error, _Bad):
                raise
            told = self._line(error)
            raise _Bad(f"the log of webhooks cannot be read: {told}", "Allow logs:FilterLogEvents.") from None
        detail = f"no attempt to send a message's webhook was logged in {self._patience:g} s"
        raise _Bad(detail, self._advice("webhook"))

    def _ask_server(self, message: dict[str, Any]) -> str:
        assert self._webhook_url is not None
        started = time.monotonic()
        token = self._place.auth_tokens().signing(int(time.time() * 1000))
        try:
            status = sample(self._webhook_url, token, message, min(self._patience, WEBHOOK_SECONDS))
        except ValueError as error:
            raise _Bad(f"{self._webhook_url} is no URL: {error}", "Write it as https://host/path.") from None
        except OSError as error:
            detail = f"{self._webhook_url} gives no answer: {reason_of(error)}"
            raise _Bad(
                detail, "Start the server, or open its port. Until then, Parley would try again for hours."
            ) from None
        if 200 <= status < 300:
            return f"{self._webhook_url} answers {status} in {_ms_since(started)} ms"
        raise _Bad(f"{self._webhook_url} answers {status}", _SIGNATURE if status in (401, 403) else "Read its log.")


def _versions(answer: Answer) -> Result:
    here = f"this command {VERSION}, Python {platform.python_version()}"
    if not answer.version:
        return Result(
            "versions", WARNING, f"the service does not report its version; {here}", "It is older: deploy it anew."
        )
    told = f"the service {answer.version}, {here}"
    if answer.version != VERSION:
        return Result("versions", WARNING, told, "Use the command of the service's version.")
    return Result("versions", OK, told)


def _ms_since(moment: float) -> int:
    return round((time.monotonic() - moment) * 1000)
