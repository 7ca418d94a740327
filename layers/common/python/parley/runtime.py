"""The composition root: settings in, everything wired together out. The only place that builds real ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from botocore.exceptions import NoCredentialsError

from parley.clock import Clock
from parley.domain.addresses import Numbers
from parley.domain.media import MediaRules
from parley.ids import Ids
from parley.keyring import Keyring
from parley.log import logger
from parley.metrics import Counter, Counts, counting
from parley.operations.context import Caller, Context
from parley.ports.aws import AwsClient
from parley.settings import Settings
from parley.store import keys
from parley.store.configuration import Configuration
from parley.store.items import Record
from parley.store.patience import CLIENT_CONFIG
from parley.store.table import Table
from parley.tracing import id_of, working_for

if TYPE_CHECKING:
    from parley.background.carrying import Carrying
    from parley.background.notifying import Notifications
    from parley.background.worker import Worker
    from parley.ports.http.outgoing import Outgoing
    from parley.ports.objects import Objects
    from parley.ports.phones import Carrier
    from parley.ports.push import PushGateway
    from parley.ports.queue import Queue
    from parley.ports.sigv4 import Credentials
    from parley.ports.sockets.gateway import SocketGateway
    from parley.ports.texting import Texting
    from parley.sockets.door import SocketDoor
    from parley.sockets.fan_out import FanOut
    from parley.sockets.fast_push import FastPush
    from parley.sockets.notifying import Notifier
    from parley.sockets.protocols import Protocols
    from parley.webhooks.asking import PreEvents


# The table port repeats requests itself, so that all attempts together fit a function's time.
_PATIENCE: dict[str, Mapping[str, Any]] = {"dynamodb": CLIENT_CONFIG}

Part = Literal[
    "table",
    "secret",
    "sockets",
    "fast_push",
    "fan_out",
    "socket_door",
    "worker",
    "push_queue",
    "notifications",
    "carriers",
    "sns",
    "tokens",
]


class Runtime:
    """One function's ports and what is built on them.

    Each part is made when it is first needed, or by `started`. Tests hand in fakes for the ports; everything above the
    ports is wired here and nowhere else.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        client: Callable[[str], Any] | None = None,
        secret: Callable[[str], str] | None = None,
        sockets: SocketGateway | None = None,
        outgoing: Outgoing | None = None,
        queue: Callable[[str], Queue] | None = None,
        objects: Callable[[], Objects] | None = None,
        push: Callable[[], PushGateway] | None = None,
        texting: Callable[[], Texting] | None = None,
        count: Counter | None = None,
    ):
        """Wire `settings` and the given ports together; a port that is not given is the real one.

        Args:
            client: Makes the AWS client of a service: `client("dynamodb")`.
            secret: The text of a secret, by its id.
            queue: The queue with a URL.
            objects: Makes the object store port.
            push: Makes the push port.
            texting: Makes the texting port.
            count: Takes metrics instead of `counts`, which the function writes at the end of each invocation.
        """
        self.settings = settings
        logger.setLevel(settings.log_level)
        self.clock = clock or Clock()
        self.ids = ids or Ids(self.clock)
        self.counts = Counts(settings.metrics_namespace, settings.function)
        self._count = count or self.counts.add
        self._client = client or self._aws_client
        self._given_secret = secret
        self._given_sockets = sockets
        self._given_outgoing = outgoing
        self._given_queue = queue
        self._given_objects = objects
        self._given_push = push
        self._given_texting = texting

    def started(self, *parts: Part) -> Self:
        """Make these parts now, with the AWS clients and imports that they need, and return this runtime.

        A function does this while its container starts: Lambda lends that a whole CPU, and SnapStart keeps the result
        in its snapshot. No request is sent, so a snapshot holds no connection and no secret.
        """
        for part in parts:
            getattr(self, part)
        return self

    @cached_property
    def _session(self) -> Any:
        # botocore alone: importing boto3 costs every cold start another 15 ms and offers nothing that is used here.
        import botocore.session

        return botocore.session.get_session()

    def _aws_client(self, service: str, limits: Mapping[str, Any] | None = None) -> AwsClient:
        settings = self.settings
        endpoint = settings.endpoint_urls.get(service, "")
        limits = limits or _PATIENCE.get(service, {})
        return AwsClient(service, settings.region, self._credentials, endpoint=endpoint, clock=self.clock, **limits)

    @cached_property
    def _credentials(self) -> Callable[[], Credentials]:
        """The function's credentials, asked for with each request to AWS.

        Lambda hands them to a container once, in its environment. Only if they are elsewhere, botocore finds and
        refreshes them: for SnapStart, and on machines of developers.
        """
        if (fixed := self.settings.credentials) is not None:
            return lambda: fixed
        found: Any = self._session.get_credentials()
        if found is None:
            raise NoCredentialsError()
        return lambda: found.get_frozen_credentials()

    @cached_property
    def table(self) -> Table:
        """The table port."""
        client = self._client("dynamodb")
        return Table(self.settings.table, lambda: client, self.clock)

    @cached_property
    def configuration(self) -> Configuration:
        """Reads that may be some seconds old."""
        return Configuration(self.table, self.clock)

    @cached_property
    def keyring(self) -> Keyring:
        """The deployment's secrets."""

        return Keyring(
            self.settings.auth_token_secret,
            self.settings.key_ring_secret,
            lambda secret_id: self.secret(secret_id),
            self.clock,
        )

    @cached_property
    def tokens(self) -> Any:
        """The library that reads access tokens."""
        import jwt

        return jwt

    @cached_property
    def secret(self) -> Callable[[str], str]:
        """The text of a secret by its id."""
        if self._given_secret is not None:
            return self._given_secret
        client = self._client("secretsmanager")
        return lambda secret_id: str(client.get_secret_value(SecretId=secret_id)["SecretString"])

    @contextmanager
    def invocation(self, event: dict[str, Any], context: Any) -> Iterator[None]:
        """One call of the function: work for its request, and write at the end what was counted."""
        with working_for(id_of(event, context)), counting(self._count):
            try:
                yield
            finally:
                self.counts.write()

    def context(self, caller: Caller) -> Context:
        """The context of an operation for this caller."""
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
            numbers=self._numbers,
            make_objects=lambda: self.objects,
            make_push=(lambda: self.push) if self._given_push or settings.push_applications else None,
            media=self._media,
            announce=self.fast_push.begin if self.settings.fast_push else None,
            has_phones=self.settings.phones,
        )

    @cached_property
    def _media(self) -> MediaRules:
        settings = self.settings
        is_scanned = settings.media_scan == "guardduty"
        return MediaRules(settings.media_limit_mb, settings.media_unattached_seconds, is_scanned)

    @cached_property
    def _numbers(self) -> Numbers:
        settings = self.settings
        return Numbers(frozenset(settings.phone_numbers), frozenset(settings.whatsapp_senders), settings.group_messages)

    @cached_property
    def sockets(self) -> SocketGateway:
        """The socket gateway port."""
        if self._given_sockets is not None:
            return self._given_sockets
        from parley.ports.sockets.gateway import SocketGateway

        url = self.settings.connections_url
        if self.settings.sockets_endpoint_url:
            url = self.settings.sockets_endpoint_url.rstrip("/") + urlsplit(url).path
        return SocketGateway(url, self.settings.region, self._credentials)

    @cached_property
    def objects(self) -> Objects:
        """The object store port."""
        if self._given_objects is not None:
            return self._given_objects()
        from parley.ports.objects import Objects

        settings = self.settings
        return Objects(
            settings.media_bucket,
            settings.region,
            self._credentials,
            endpoint=settings.objects_endpoint_url.rstrip("/"),
            links=settings.media_links_url,
            clock=self.clock,
        )

    @cached_property
    def push(self) -> PushGateway:
        """The push port. Unless `sns` is made before, its client is made with the first request."""
        if self._given_push is not None:
            return self._given_push()
        from parley.ports.push import PushGateway

        return PushGateway(lambda: self.sns, self.settings.push_applications)

    @cached_property
    def sns(self) -> Any:
        """The client behind the push port."""
        from botocore.config import Config

        from parley.ports.push import CLIENT_CONFIG

        # arn:aws:sns:<Region>:<account>:app
        applications = self.settings.push_applications
        region = applications.split(":")[3] if applications else self.settings.region
        config = Config(max_pool_connections=64, parameter_validation=False, tcp_keepalive=True, **CLIENT_CONFIG)
        return self._session.create_client("sns", region_name=region, config=config)

    @cached_property
    def fan_out(self) -> FanOut:
        """Turns changes into pushes."""
        from parley.sockets.fan_out import FanOut

        context = self.context(Caller("SDK"))
        return FanOut(context, self.sockets, self.protocols, self._notifier(context))

    def _notifier(self, context: Context) -> Notifier:
        """What plans notifications."""
        from parley.sockets.notifying import Notifier

        queue = (lambda: self.push_queue) if self.settings.push_queue_url else None
        return Notifier(context, queue, when_connected=self.settings.push_when_connected)

    @cached_property
    def push_queue(self) -> Queue:
        """The queue of notifications, as fan-out fills it."""
        # Sockets wait while notifications are queued, so a request that gets no answer is given up soon.
        from parley.ports.queue import Queue

        if self._given_queue:
            return self._given_queue(self.settings.push_queue_url)
        client = self._aws_client("sqs", {"attempts": 2, "connect_seconds": 1, "read_seconds": 3})
        return Queue(self.settings.push_queue_url, client)

    @cached_property
    def fast_push(self) -> FastPush:
        """Pushes new messages of small rooms before the reply."""
        from parley.sockets.fast_push import FastPush

        return FastPush(lambda: self.sockets, self.protocols)

    @cached_property
    def protocols(self) -> Protocols:
        """The protocols that sockets may speak."""
        from parley.sockets.protocols import Protocols

        return Protocols(self.settings.rest_url, self.settings.account_sid)

    @cached_property
    def socket_door(self) -> SocketDoor:
        """Opens sockets and answers their frames."""
        from parley.sockets.door import SocketDoor

        return SocketDoor(self.protocols, lambda: self.sockets, self.settings.requests_per_second)

    def tick(self, until_ms: int) -> None:
        """Do what is due, until `until_ms` by this runtime's clock; the next tick goes on from there."""
        from parley.sockets.ticking import tick

        tick(self.context(Caller("SDK")), self.sockets, self.protocols, until_ms)

    @cached_property
    def worker(self) -> Worker:
        """Plans jobs from changes, and carries out queued jobs."""
        from parley.background.worker import Worker, job_table
        from parley.webhooks.deliveries import Deliveries

        settings, queue = self.settings, self._given_queue or self._sqs_queues()
        # A sweep is Parley's own work, so it does not count against the service's actions per second.
        context = replace(self.context(Caller()), actions_per_second=0)
        deliveries = Deliveries(
            context,
            self.outgoing,
            queue(settings.dead_letter_queue_url),
            longest_age_seconds=settings.delivery_age_seconds,
            studio_url=settings.studio_url,
        )
        queues = queue(settings.delivery_queue_url), queue(settings.work_queue_url)
        texts = queue(settings.text_queue_url) if settings.text_queue_url else None
        return Worker(job_table(context, deliveries, *queues, self.carrier, texts))

    @cached_property
    def notifications(self) -> Notifications:
        """Carries out queued notifications."""
        from parley.background.notifying import Notifications

        queue = self._given_queue or self._sqs_queues()
        return Notifications(self.context(Caller()), queue(self.settings.push_queue_url))

    @cached_property
    def carriers(self) -> Carrying:
        """Carries out queued texts, and takes what AWS reports about texts and what phones write."""
        from parley.background.carrier_events import CarrierEvents
        from parley.background.carrying import Carrying
        from parley.background.texting import text_jobs

        settings, queue = self.settings, self._given_queue or self._sqs_queues()
        # What phones and carriers do does not count against a service's actions per second.
        context = replace(self.context(Caller()), actions_per_second=0)
        texts = text_jobs(context, queue(settings.text_queue_url), self.texting, settings.media_bucket)
        return Carrying(texts, CarrierEvents(context, queue(settings.delivery_queue_url), lambda: self.texting))

    @cached_property
    def texting(self) -> Texting:
        """The texting port. Its clients are made with the first text, or the first message on WhatsApp."""
        if self._given_texting is not None:
            return self._given_texting()
        from parley.ports.texting import AwsTexting

        settings = self.settings
        return AwsTexting(
            self._texting_client,
            configuration_set=settings.texts_configuration_set,
            protection=settings.texts_protection,
            max_price=settings.texts_max_price,
        )

    def _texting_client(self, service: str) -> Any:
        """A client that sends each request once: a text that is sent again arrives again."""
        from parley.ports.texting import CLIENT_CONFIG, CONNECT_SECONDS, READ_SECONDS, SMS_SERVICE

        if service == SMS_SERVICE:
            limits = {"attempts": 1, "connect_seconds": CONNECT_SECONDS, "read_seconds": READ_SECONDS}
            return self._aws_client(service, limits)
        from botocore.config import Config

        config = Config(max_pool_connections=16, parameter_validation=False, **CLIENT_CONFIG)
        endpoint = self.settings.endpoint_urls.get(service)
        return self._session.create_client(service, self.settings.region, endpoint_url=endpoint, config=config)

    @cached_property
    def carrier(self) -> Carrier:
        """The carrier port."""
        from parley.ports.phones import HttpCarrier, NoCarrier

        url = self.settings.carrier_url
        return HttpCarrier(url, self.outgoing, self.keyring.auth_token) if url else NoCarrier()

    def _sqs_queues(self) -> Callable[[str], Queue]:
        from parley.ports.queue import Queue

        client = self._client("sqs")
        return lambda url: Queue(url, client)

    @cached_property
    def outgoing(self) -> Outgoing:
        """The outgoing HTTP port."""
        if self._given_outgoing is not None:
            return self._given_outgoing
        from parley.ports.http.outgoing import Outgoing

        return Outgoing(self.settings.webhook_allow_loopback)

    def _ask(
        self, context: Context, kind: str, verb: str, record: Record, given: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask a service's pre-event webhooks, if there are any. The code that asks is imported only then."""
        from parley.operations.accounts import known_configuration

        service = self.configuration.fetch(keys.service(context.account_sid, record["service_sid"])) or {}
        account = known_configuration(context) or {}
        urls = "pre_webhook_url", "conversations.pre_webhook_url"
        is_asked = account.get("pre_webhook_url") or any(service.get(url) for url in urls)
        if not is_asked and not any(name.startswith("webhooks.on_") for name in service):
            return None
        return self.pre_events.ask(context, kind, verb, record, given)

    @cached_property
    def pre_events(self) -> PreEvents:
        """Asks pre-event webhooks."""
        from parley.webhooks.asking import PreEvents

        return PreEvents(self.outgoing, self.keyring)
