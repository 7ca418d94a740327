"""Hands API Gateway's events to the REST application."""

from typing import Any

from parley import starting
from parley.rest.app import create_app, lambda_handler
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment()).started("table", "secret", "sockets", "fast_push")
application = lambda_handler(create_app(runtime.context, console_url=runtime.settings.console_url))
starting.done()


def handler(event: dict[str, Any], context: Any) -> Any:
    """The answer to a request, as API Gateway takes it."""
    with runtime.invocation(event, context):
        return application(event, context)
