"""Hands API Gateway's events to the REST application."""

from parley.rest.app import create_app, lambda_handler
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment()).started("table", "secret")
handler = lambda_handler(create_app(runtime.context, console_url=runtime.settings.console_url))
