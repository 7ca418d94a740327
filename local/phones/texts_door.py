"""The door to the stand-in of AWS End User Messaging.

    /_texts/sms-voice             sms-voice: `POST /`, with the operation in `X-Amz-Target`
    /_texts/social-messaging/…    social-messaging: `/v1/whatsapp/…`

Requests need a signature of AWS's kind, which no page in a browser can send here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from local.http.server import Request, Response
from local.phones import aws_models, sms_settings, whatsapp
from local.phones.aws_models import Answer, AwsError, Parameters
from local.phones.sms import Sms
from local.phones.sms_settings import SmsSettings
from local.phones.whatsapp import WhatsApp
from local.process.plan import SMS_VOICE_PATH, SOCIAL_MESSAGING_PATH

logger = logging.getLogger("local.phones")

_SMS_JSON, _JSON = "application/x-amz-json-1.0", "application/json"
_UNSIGNED = AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
_FORBIDDEN = 403

Operation = Callable[[Parameters], Answer]


class TextsDoor:
    """Answers requests to paths below `TEXTS_PATH`."""

    def __init__(self, sms: Sms, settings: SmsSettings, social: WhatsApp) -> None:
        self._sms: dict[str, Operation] = {
            "SendTextMessage": sms.send_text_message,
            "SendMediaMessage": sms.send_media_message,
        }
        for name, act in sms_settings.OPERATIONS.items():
            self._sms[name] = act.__get__(settings)
        self._social: dict[str, Operation] = {name: act.__get__(social) for name, act in whatsapp.OPERATIONS.items()}

    async def respond(self, request: Request) -> Response:
        return await asyncio.to_thread(self.answer, request)

    def answer(self, request: Request) -> Response:
        """Answer a request; it may wait for S3."""
        is_sms = request.path.rstrip("/") == SMS_VOICE_PATH
        if not request.header("authorization").startswith("AWS4-HMAC-SHA256 "):
            status, body = aws_models.sms_error(_UNSIGNED)
            return Response(_FORBIDDEN, body, [("Content-Type", _SMS_JSON)])
        try:
            return self._of_sms(request) if is_sms else self._of_whatsapp(request)
        except AwsError as error:
            refused = error
        except Exception:
            logger.exception("a request to AWS End User Messaging failed")
            refused = AwsError("InternalServerException" if is_sms else "InternalServiceException", "Internal error")
        status, body = aws_models.sms_error(refused) if is_sms else aws_models.whatsapp_error(refused)
        kind = _SMS_JSON if is_sms else _JSON
        return Response(status, body, [("Content-Type", kind), ("x-amzn-ErrorType", refused.name)])

    def _of_sms(self, request: Request) -> Response:
        operation = aws_models.sms_operation(request.header("x-amz-target"))
        given = aws_models.sms_parameters(operation, request.body)
        answer = _known(self._sms, operation.name)(given)
        return Response(200, aws_models.written(answer), [("Content-Type", _SMS_JSON)])

    def _of_whatsapp(self, request: Request) -> Response:
        path = request.path.removeprefix(SOCIAL_MESSAGING_PATH)
        operation = aws_models.whatsapp_operation(request.method, path)
        given = aws_models.whatsapp_parameters(operation, request.query, request.body)
        answer = _known(self._social, operation.name)(given)
        return Response(200, aws_models.written(answer), [("Content-Type", _JSON)])


def _known(operations: dict[str, Operation], name: str) -> Operation:
    if name not in operations:
        raise AwsError("UnknownOperationException", f"The stand-in does not know {name}")
    return operations[name]
