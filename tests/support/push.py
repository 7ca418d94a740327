"""SNS's mobile push without SNS, in this process: the stand-in of local runs, or moto, behind a client of botocore."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from botocore.awsrequest import AWSResponse

from local.phones.push import PushServices
from parley.ports.push import PushGateway

REGION, ACCOUNT = "us-east-1", "123456789012"
APPLICATIONS = f"arn:aws:sns:{REGION}:{ACCOUNT}:app"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
SERVICE_ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "project_id": "chat",
        "private_key": PRIVATE_KEY,
        "client_email": "parley@chat.iam.gserviceaccount.com",
    }
)

Handler = Callable[..., Any]


class Phones:
    """The phones of one world, and the port that reaches them. The client is made when it is first needed.

    `meddle` may answer a request in SNS's place: it gets the action's name, and returns a response or None.
    """

    def __init__(self) -> None:
        self.services = PushServices(REGION, ACCOUNT)
        self.asked: list[str] = []
        self.meddle: Callable[[str], AWSResponse | None] = lambda action: None

    @cached_property
    def port(self) -> PushGateway:
        return PushGateway(lambda: self.client, APPLICATIONS)

    @cached_property
    def client(self) -> Any:
        return client(self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        action = _action(request.body)
        self.asked.append(action)
        if (meddled := self.meddle(action)) is not None:
            return meddled
        status, text = self.services.answer(_bytes(request.body))
        return response(status, text)


def client(handler: Handler) -> Any:
    """A client of SNS whose requests are answered by `handler`."""
    made = _session().create_client(
        "sns", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test", config=_config()
    )
    made.meta.events.register("before-send.sns", handler)
    return made


def moto_client() -> Any:
    """A client of SNS that moto answers, in this process."""
    from moto.core.botocore_stubber import BotocoreStubber

    stubber = BotocoreStubber()
    stubber.enabled = True
    return client(lambda request, **_: stubber("before-send.sns", request))


def refused(status: int, code: str, text: str = "no") -> AWSResponse:
    """SNS's answer with an error."""
    return response(
        status, f"<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
    )


def response(status: int, text: str) -> AWSResponse:
    class Raw:
        def stream(self, *_: Any, **__: Any) -> Any:
            yield text.encode()

    return AWSResponse("https://sns.us-east-1.amazonaws.com/", status, {"content-type": "text/xml"}, Raw())


def _action(body: Any) -> str:
    return _bytes(body).split(b"Action=", 1)[1].split(b"&", 1)[0].decode()


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


def _config() -> Any:
    from botocore.config import Config

    return Config(retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False)
