"""The composition root: settings in, everything wired together out. The only place that builds real ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from parley.clock import Clock
from parley.ids import Ids
from parley.keyring import Keyring
from parley.operations.context import Caller, Context
from parley.settings import Settings
from parley.store import keys
from parley.store.configuration import Configuration
from parley.store.items import Record
from parley.store.patience import CLIENT_CONFIG
from parley.store.table import Table

if TYPE_CHECKING:
    from parley.ports.http.outgoing import Outgoing
    from parley.ports.sockets.gateway import SocketGateway
    from parley.sockets.door import SocketDoor
    from parley.sockets.fan_out import FanOut
    from parley.sockets.protocols import Protocols
    from parley.webhooks.asking import PreEvents
    from parley.work.worker import Worker


class Runtime:
    """One function's ports and what is built on them, each made when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        count: Callable[[str, float], None] = lambda name, value: None,
    ):
        """`count(name, value)` takes metrics; the webhooks function has some."""
        self.settings = settings
        self.count = count
        self.clock = clock or Clock()
        self.ids = ids or Ids(self.clock)

    @cached_property
    def _session(self) -> Any:
        # botocore alone: importing boto3 costs every cold start another 15 ms and offers nothing that is used here.
        import botocore.session

        return botocore.session.get_session()

    def _client(self, service: str, **patience: Any) -> Any:
        from botocore.config import Config

        retries = {"mode": "standard", "total_max_attempts": 4}
        limits = {"retries": retries, "connect_timeout": 2, "read_timeout": 10} | patience
        config = Config(max_pool_connections=64, parameter_validation=False, tcp_keepalive=True, **limits)
        return self._session.create_client(service, region_name=self.settings.region, config=config)

    @cached_property
    def _sqs(self) -> Any:
        return self._client("sqs")

    @cached_property
    def table(self) -> Table:
        """The table port."""
        return Table(self.settings.table, lambda: self._client("dynamodb", **CLIENT_CONFIG), self.clock)

    @cached_property
    def configuration(self) -> Configuration:
        """Reads that may be some seconds old."""
        return Configuration(self.table, self.clock)

    @cached_property
    def keyring(self) -> Keyring:
        """The deployment's secrets."""

        def fetch(secret_id: str) -> str:
            return self._client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]

        return Keyring(self.settings.auth_token_secret, self.settings.key_ring_secret, fetch, self.clock)

    def context(self, caller: Caller) -> Context:
        """What an operation for this caller works with."""
        settings = self.settings
        return Context(
            self.table,
            self.configuration,
            self.ids,
            self.clock,
            settings.account_sid,
            self.keyring,
            caller,
            settings.actions_per_second,
            self._ask,
        )

    @cached_property
    def sockets(self) -> SocketGateway:
        """The socket gateway port."""
        from parley.ports.sockets.gateway import SocketGateway

        url = self.settings.connections_url
        if self.settings.sockets_endpoint_url:
            url = self.settings.sockets_endpoint_url.rstrip("/") + urlsplit(url).path
        credentials = self._session.get_credentials()
        return SocketGateway(url, self.settings.region, lambda: credentials.get_frozen_credentials())

    @cached_property
    def fan_out(self) -> FanOut:
        """Changes to pushes."""
        from parley.sockets.fan_out import FanOut

        return FanOut(self.context(Caller("SDK")), self.sockets, self.protocols)

    @cached_property
    def protocols(self) -> Protocols:
        """What is spoken on sockets."""
        from parley.sockets.protocols import Protocols

        return Protocols(self.settings.rest_url, self.settings.account_sid)

    @cached_property
    def socket_door(self) -> SocketDoor:
        """Sockets that open, and frames to replies."""
        from parley.sockets.door import SocketDoor

        return SocketDoor(self.protocols, lambda: self.sockets, self.settings.requests_per_second)

    def tick(self, until_ms: int) -> None:
        """Do what is due, and stop at a time by this runtime's clock; the next tick goes on."""
        from parley.operations import due
        from parley.sockets.connections import DUE
        from parley.sockets.expiry import Expiry

        context = self.context(Caller("SDK"))
        expiry = Expiry(self.sockets, self.protocols)
        # One row per kind of due work.
        due.work_off(context, {DUE: expiry.end}, until_ms)
        expiry.warn(context, until_ms)

    @cached_property
    def worker(self) -> Worker:
        """Changes to planned deliveries and sweeps, and both carried out."""
        from parley.ports.queue import Queue
        from parley.work.worker import Worker

        settings = self.settings
        client = self._sqs
        return Worker(
            # What a deletion leaves to be swept is not the owner's doing any more, so it is not counted as his actions.
            replace(self.context(Caller()), actions_per_second=0),
            self.outgoing,
            delivery_queue=Queue(settings.delivery_queue_url, lambda: client),
            dead_letters=Queue(settings.dead_letter_queue_url, lambda: client),
            sweep_queue=Queue(settings.sweep_queue_url, lambda: client),
            delay=self.put_off_delivery,
            count=self.count,
            longest_age_seconds=settings.delivery_age_seconds,
            studio_url=settings.studio_url,
        )

    @cached_property
    def outgoing(self) -> Outgoing:
        """The outgoing HTTP port."""
        from parley.ports.http.outgoing import Outgoing

        return Outgoing(self.settings.webhook_allow_loopback)

    def put_off_delivery(self, receipt_handle: str, seconds: int) -> None:
        """Let a delivery that was received be received again after some seconds."""
        self._sqs.change_message_visibility(
            QueueUrl=self.settings.delivery_queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )

    def forget_delivery(self, receipt_handle: str) -> None:
        """Take a delivery off its queue before the rest of its batch is done."""
        self._sqs.delete_message(QueueUrl=self.settings.delivery_queue_url, ReceiptHandle=receipt_handle)

    def _ask(
        self, context: Context, kind: str, verb: str, record: Record, given: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask the owner before a client's action; what that needs is imported by the first service that wants it."""
        service = self.configuration.fetch(keys.service(context.account_sid, record["service_sid"])) or {}
        if not service.get("pre_webhook_url") and not any(name.startswith("webhooks.on_") for name in service):
            return None
        return self.pre_events.ask(context, kind, verb, record, given)

    @cached_property
    def pre_events(self) -> PreEvents:
        """Questions to service owners."""
        from parley.webhooks.asking import PreEvents

        return PreEvents(self.outgoing, self.keyring)
