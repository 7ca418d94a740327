"""The socket gateway port: what every caller may rely on (real and fake), and how the real one keeps it."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.ports.sockets.gateway import Outcome, SocketGateway
from parley.ports.sockets.keepalive import IDLE_SECONDS, Wire, WirePool
from parley.ports.sockets.pace import Budget
from tests.ports.connections_server import ConnectionsServer
from tests.ports.fakes import FakeGateway
from tests.rest.support import at_once

CERTIFICATES = Path(__file__).parent / "certificates"
ALICE, BOB = "L0SM9cOFvHcCIhw=", "Nz4Ab-_+/x0CE1g="
KEYS = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token="to/k=en")


def gateway_for(server: ConnectionsServer, **options: Any) -> SocketGateway:
    """A gateway that posts to this server and closes with it."""
    gateway = SocketGateway(server.url, "eu-central-1", options.pop("credentials", lambda: KEYS), **options)
    server.at_exit.append(gateway.close)
    return gateway


@pytest.fixture
def server() -> Iterator[ConnectionsServer]:
    with ConnectionsServer() as running:
        yield running


@pytest.fixture
def gateway(server: ConnectionsServer) -> SocketGateway:
    return gateway_for(server)


# The contract, for the real port and the fake.


@dataclass
class Stage:
    """A gateway and the hands that open, close and throttle sockets behind it."""

    gateway: SocketGateway | FakeGateway
    server: ConnectionsServer | FakeGateway

    def throttle(self, connection_id: str) -> None:
        if isinstance(self.server, FakeGateway):
            self.server.throttle(connection_id)
        else:
            self.server.always_answer(connection_id, "throttled")

    def received(self, connection_id: str) -> list[bytes]:
        source = self.server.received
        return source[connection_id] if isinstance(source, dict) else source(connection_id)


@pytest.fixture(params=["real", "fake"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        fake = FakeGateway()
        yield Stage(fake, fake)
        return
    with ConnectionsServer() as running:
        yield Stage(gateway_for(running), running)


def test_a_push_reaches_every_open_connection(stage: Stage) -> None:
    stage.server.open(ALICE, BOB)
    data = '{"body":"zażółć"}'.encode()
    assert stage.gateway.post([(ALICE, data), (BOB, data)]) == {ALICE: "sent", BOB: "sent"}
    assert stage.received(ALICE) == stage.received(BOB) == [data]


def test_a_closed_connection_is_gone_and_holds_nobody_up(stage: Stage) -> None:
    stage.server.open(BOB)
    assert stage.gateway.post([(ALICE, b"1"), (BOB, b"1")]) == {ALICE: "gone", BOB: "sent"}


def test_pushes_to_one_connection_arrive_in_the_order_given(stage: Stage) -> None:
    stage.server.open(ALICE, BOB)
    numbers = [str(number).encode() for number in range(50)]
    stage.gateway.post([(to, number) for number in numbers for to in (ALICE, BOB)])
    assert stage.received(ALICE) == stage.received(BOB) == numbers


def test_a_throttled_connection_is_dropped_and_holds_nobody_up(stage: Stage) -> None:
    stage.server.open(BOB)
    stage.throttle(ALICE)
    assert stage.gateway.post([(ALICE, b"1"), (BOB, b"1")]) == {ALICE: "dropped", BOB: "sent"}
    assert stage.received(ALICE) == []


def test_the_caller_hears_once_that_every_push_has_been_sent(stage: Stage) -> None:
    stage.server.open(ALICE, BOB)
    sent: list[int] = []
    stage.gateway.post(
        [(to, b"%d" % number) for number in range(3) for to in (ALICE, BOB)], when_sent=lambda: sent.append(1)
    )
    assert sent == [1]


def test_no_pushes_are_no_outcomes(stage: Stage) -> None:
    assert stage.gateway.post([]) == {}


def test_disconnecting_closes_an_open_connection_once(stage: Stage) -> None:
    stage.server.open(ALICE)
    assert stage.gateway.disconnect(ALICE) == {ALICE: "sent"}
    assert stage.gateway.disconnect(ALICE) == {ALICE: "gone"}
    assert stage.gateway.post([(ALICE, b"1")]) == {ALICE: "gone"}


# Answers.


@pytest.mark.parametrize(
    "answer",
    ["ok", "close", "close unannounced", "chunked", "until the end", "HTTP/1.0", "interim", "in pieces"],
)
def test_every_way_to_say_200_is_understood(server: ConnectionsServer, gateway: SocketGateway, answer: str) -> None:
    numbers = [str(number).encode() for number in range(3)]
    server.answer(ALICE, answer, answer, answer)
    assert gateway.post([(ALICE, number) for number in numbers]) == {ALICE: "sent"}
    assert server.received(ALICE) == numbers


@pytest.mark.parametrize("trouble", ["error", "reset", "nonsense", "half a head"])
def test_a_passing_trouble_is_retried_on_a_fresh_connection(
    server: ConnectionsServer, gateway: SocketGateway, trouble: str
) -> None:
    server.answer(ALICE, "ok", trouble, trouble)
    assert gateway.post([(ALICE, b"1"), (ALICE, b"2")]) == {ALICE: "sent"}
    assert server.received(ALICE) == [b"1", b"2"]
    retries = [request.connection for request in server.requests if request.body == b"2"]
    assert len(set(retries)) == 3


def test_a_lasting_trouble_drops_the_push_and_the_others_go_out(
    server: ConnectionsServer, gateway: SocketGateway
) -> None:
    server.open(BOB)
    server.always_answer(ALICE, "error")
    assert gateway.post([(ALICE, b"1"), (BOB, b"1")], deadline_seconds=2) == {ALICE: "dropped", BOB: "sent"}


def test_a_throttled_push_is_tried_again_before_it_is_dropped(
    server: ConnectionsServer, gateway: SocketGateway
) -> None:
    server.answer(ALICE, "throttled", "throttled")
    assert gateway.post([(ALICE, b"1")]) == {ALICE: "sent"}


@pytest.mark.parametrize("trouble", ["throttled", "error", "reset"])
def test_a_caller_that_is_not_patient_hears_of_a_trouble_at_once(
    server: ConnectionsServer, gateway: SocketGateway, trouble: str
) -> None:
    server.open(BOB)
    server.always_answer(ALICE, trouble)
    assert gateway.post([(ALICE, b"1"), (BOB, b"1")], is_patient=False) == {ALICE: "dropped", BOB: "sent"}
    assert [request.body for request in server.requests].count(b"1") == 2


def test_after_a_push_was_given_up_the_rest_for_its_client_is_dropped_untried(
    server: ConnectionsServer, gateway: SocketGateway
) -> None:
    """A slow reader with fifty pushes must not hold the stream fifty times as long; it has a gap to fill anyway."""
    server.always_answer(ALICE, "throttled")
    assert gateway.post([(ALICE, b"%d" % number) for number in range(50)]) == {ALICE: "dropped"}
    assert {request.body for request in server.requests} == {b"0"}


def test_the_caller_hears_that_every_push_has_been_sent_before_the_last_answer_comes(
    server: ConnectionsServer, gateway: SocketGateway
) -> None:
    server.open(BOB)
    server.always_answer(ALICE, "silence")
    sent: list[int] = []
    pushes = [(BOB, b"1"), (BOB, b"2"), (ALICE, b"1")]
    gateway.post(pushes, deadline_seconds=1, when_sent=lambda: sent.append(len(server.received(BOB))))
    assert len(sent) == 1 and sent[0] >= 1


def test_a_push_that_waits_for_the_one_before_it_has_not_been_sent(
    server: ConnectionsServer, gateway: SocketGateway
) -> None:
    server.always_answer(ALICE, "silence")
    sent: list[int] = []
    gateway.post([(ALICE, b"1"), (ALICE, b"2")], deadline_seconds=1, when_sent=lambda: sent.append(1))
    assert sent == []


def test_a_push_that_is_never_sent_to_a_closed_connection_keeps_nobody_waiting(
    server: ConnectionsServer, gateway: SocketGateway
) -> None:
    server.always_answer(ALICE, "silence")
    server.answer(BOB, "gone")
    sent: list[int] = []
    pushes = [(BOB, b"1"), (BOB, b"2"), (ALICE, b"1")]
    gateway.post(pushes, deadline_seconds=2, when_sent=lambda: sent.append(1))
    assert sent == [1]


def test_a_connection_that_is_gone_gets_no_more_attempts(server: ConnectionsServer, gateway: SocketGateway) -> None:
    server.answer(ALICE, "ok", "gone")
    assert gateway.post([(ALICE, b"%d" % number) for number in range(9)]) == {ALICE: "gone"}
    assert server.attempts(ALICE) == 2


@pytest.mark.parametrize("refusal", ["forbidden", "too large"])
def test_a_refused_push_is_not_repeated_and_logged_once(
    server: ConnectionsServer, gateway: SocketGateway, caplog: pytest.LogCaptureFixture, refusal: str
) -> None:
    server.always_answer(ALICE, refusal)
    server.always_answer(BOB, refusal)
    outcomes = gateway.post([(ALICE, b"secret text"), (BOB, b"secret text")])
    assert outcomes == {ALICE: "dropped", BOB: "dropped"}
    assert len(server.requests) == 2
    assert [record.message for record in caplog.records].count("pushes are refused") == 1
    assert "secret text" not in caplog.text


def test_a_push_after_a_refused_one_still_goes_out(server: ConnectionsServer, gateway: SocketGateway) -> None:
    server.answer(ALICE, "too large")
    assert gateway.post([(ALICE, b"long"), (ALICE, b"short")]) == {ALICE: "dropped"}
    assert server.received(ALICE) == [b"short"]


def test_a_large_push_arrives_whole(server: ConnectionsServer, gateway: SocketGateway) -> None:
    server.open(ALICE)
    data = bytes(range(256)) * 512
    assert gateway.post([(ALICE, data)]) == {ALICE: "sent"}
    assert server.received(ALICE) == [data]


# Time.


@pytest.mark.parametrize("answer", ["silence", "throttled", "error"])
def test_waiting_takes_no_turns_of_the_loop(server: ConnectionsServer, answer: str) -> None:
    """The loop reads the clock once a turn; a loop that spins would read it thousands of times."""
    readings: list[float] = []

    def monotonic() -> float:
        readings.append(time.monotonic())
        return readings[-1]

    server.always_answer(ALICE, answer)
    server.open(BOB)
    gateway = gateway_for(server, monotonic=monotonic, posts_per_second=20, burst=1)
    gateway.post([(BOB, b"1"), (ALICE, b"1"), (BOB, b"2"), (BOB, b"3")], deadline_seconds=0.4)
    assert len(readings) < 60


def test_waiting_for_a_fresh_connection_beside_resting_ones_takes_no_turns_of_the_loop(
    server: ConnectionsServer,
) -> None:
    readings: list[float] = []

    def monotonic() -> float:
        readings.append(time.monotonic())
        return readings[-1]

    class StallingPool(WirePool):
        """All but the first two wires wait for a TLS handshake that never comes."""

        opened = 0

        def open(self, beyond_limit: bool = False) -> Wire | None:
            self.opened += 1
            if self.opened <= 2:
                return super().open(beyond_limit)
            return Wire(socket.AF_INET, deaf.getsockname(), ssl.create_default_context(), "localhost")

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        gateway = gateway_for(server, monotonic=monotonic)
        gateway._pool = StallingPool(server.url, 100)
        server.open(BOB)
        server.always_answer(ALICE, "reset")
        assert gateway.post([(ALICE, b"1"), (BOB, b"1")], deadline_seconds=2) == {ALICE: "dropped", BOB: "sent"}
        gateway.close()
    assert len(readings) < 60


def test_the_call_ends_at_its_deadline_when_nobody_answers(server: ConnectionsServer, gateway: SocketGateway) -> None:
    server.always_answer(ALICE, "silence")
    server.open(BOB)
    started = time.monotonic()
    assert gateway.post([(ALICE, b"1"), (BOB, b"1")], deadline_seconds=2) == {ALICE: "dropped", BOB: "sent"}
    assert 1.99 < time.monotonic() - started < 30


def test_a_silent_attempt_is_repeated_within_the_deadline(server: ConnectionsServer) -> None:
    server.answer(ALICE, "silence")
    gateway = gateway_for(server, attempt_timeout_seconds=1)
    assert gateway.post([(ALICE, b"1")], deadline_seconds=120) == {ALICE: "sent"}


def test_an_unreachable_host_drops_everything_at_the_deadline() -> None:
    with ConnectionsServer() as server:
        url = server.url
    gateway = SocketGateway(url, "us-east-1", lambda: KEYS)
    pushes = [(f"{number}=", b"1") for number in range(500)]
    assert set(gateway.post(pushes, deadline_seconds=0.3).values()) == {Outcome.DROPPED}


def test_a_host_that_comes_back_within_the_deadline_gets_everything() -> None:
    with ConnectionsServer() as server:
        port, url = server.port, server.url
    returned = ConnectionsServer(port=port)
    returned.open(ALICE)
    timer = threading.Timer(0.2, returned.__enter__)
    timer.start()
    try:
        gateway = SocketGateway(url, "us-east-1", lambda: KEYS)
        assert gateway.post([(ALICE, b"1")]) == {ALICE: "sent"}
        gateway.close()
    finally:
        timer.join()
        returned.__exit__()


def test_the_budget_spends_its_burst_at_once_and_then_its_rate() -> None:
    now = 100.0
    budget = Budget(rate=10, burst=3, monotonic=lambda: now)
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    assert budget.wait_seconds() == pytest.approx(0.1)
    now += 0.25
    assert [budget.take() for _ in range(3)] == [True, True, False]
    now += 100
    assert [budget.take() for _ in range(4)] == [True, True, True, False]


def test_posts_keep_to_the_budget(server: ConnectionsServer) -> None:
    ids = [f"{number}=" for number in range(60)]
    server.open(*ids)
    gateway = gateway_for(server, posts_per_second=200, burst=10)
    started = time.monotonic()
    assert set(gateway.post([(one, b"1") for one in ids]).values()) == {Outcome.SENT}
    assert time.monotonic() - started >= 0.25


def timed(gateway: SocketGateway, ids: list[str]) -> float:
    """How long it takes to push to all of these."""
    started = time.monotonic()
    assert set(gateway.post([(one, b"1") for one in ids]).values()) == {Outcome.SENT}
    return time.monotonic() - started


def test_when_many_clients_are_refused_pushes_go_out_more_slowly(server: ConnectionsServer) -> None:
    crowd = [f"{number}=" for number in range(100)]
    server.open(*crowd)
    for one in crowd[:40]:
        server.answer(one, "throttled")
    gateway = gateway_for(server, posts_per_second=400, burst=40)
    assert set(gateway.post([(one, b"1") for one in crowd]).values()) == {Outcome.SENT}
    # At 400 a second it would take a quarter of a second, at half the rate half a second.
    assert timed(gateway, crowd) >= 0.35


def test_a_client_that_does_not_read_slows_nobody_down(server: ConnectionsServer) -> None:
    crowd = [f"{number}=" for number in range(100)]
    server.open(*crowd)
    server.always_answer(ALICE, "throttled")
    gateway = gateway_for(server, posts_per_second=400, burst=400)
    for _ in range(3):
        assert gateway.post([(ALICE, b"1"), (BOB, b"1")], deadline_seconds=0.2)[ALICE] == "dropped"
    assert timed(gateway, crowd) <= 0.3


# Keep-alive.


def test_connections_are_kept_and_used_again(server: ConnectionsServer, gateway: SocketGateway) -> None:
    ids = [f"{number}=" for number in range(40)]
    server.open(*ids)
    for _ in range(3):
        gateway.post([(one, b"1") for one in ids])
    assert server.connections <= 10
    assert len(server.requests) == 120


@pytest.mark.parametrize("fate", ["close_resting", "reset_resting", "forget_resting"])
def test_connections_that_died_during_a_freeze_lose_no_push(server: ConnectionsServer, fate: str) -> None:
    ids = [f"{number}=" for number in range(40)]
    server.open(*ids)
    gateway = gateway_for(server, attempt_timeout_seconds=0.2)
    gateway.post([(one, b"before") for one in ids])
    getattr(server, fate)()
    assert set(gateway.post([(one, b"after") for one in ids]).values()) == {Outcome.SENT}
    # A machine that is slow at the moment makes it more than once, which the port allows.
    assert all(server.received(one).count(b"after") >= 1 for one in ids)


def test_connections_that_rested_too_long_are_not_used_again(server: ConnectionsServer) -> None:
    now = time.time()
    gateway = gateway_for(server, wall_clock=lambda: now)
    server.open(ALICE)
    gateway.post([(ALICE, b"1")])
    now += IDLE_SECONDS
    gateway.post([(ALICE, b"2")])
    assert [request.connection for request in server.requests] == [1, 2]


def test_a_connection_lost_while_it_rested_costs_the_push_neither_time_nor_an_attempt(
    server: ConnectionsServer,
) -> None:
    waits: list[float] = []

    def randomness() -> float:
        waits.append(1.0)
        return 1.0

    gateway = gateway_for(server, randomness=randomness)
    server.answer(ALICE, "ok", "reset")
    assert gateway.post([(ALICE, b"1")]) == {ALICE: "sent"}
    assert gateway.post([(ALICE, b"2")]) == {ALICE: "sent"}
    assert (server.attempts(ALICE), waits) == (3, [])


def test_a_connection_closed_while_it_rested_is_not_handed_out(server: ConnectionsServer) -> None:
    gateway = gateway_for(server)
    pool = gateway._pool
    server.open(ALICE)
    gateway.post([(ALICE, b"1")])
    wire = pool.take_idle()
    assert wire is not None
    pool.give_back(wire)
    server.close_resting()
    assert pool.take_idle() is None


def test_if_one_resting_connection_is_lost_silently_the_others_are_discarded(server: ConnectionsServer) -> None:
    """Else each later call would wait for its own silent connection."""
    gateway = gateway_for(server, attempt_timeout_seconds=0.5)
    ids = [f"{number}=" for number in range(8)]
    server.open(*ids)
    gateway.post([(one, b"1") for one in ids])
    assert server.connections > 1
    server.forget_resting()
    assert gateway.post([(ids[0], b"2")]) == {ids[0]: "sent"}
    # Only the fresh one rests now.
    assert gateway._pool.take_idle() is not None
    assert gateway._pool.take_idle() is None


def test_no_more_connections_are_opened_than_allowed(server: ConnectionsServer) -> None:
    ids = [f"{number}=" for number in range(400)]
    server.open(*ids)
    assert set(gateway_for(server, max_wires=3).post([(one, b"1") for one in ids]).values()) == {Outcome.SENT}
    assert server.connections == 3


def test_threads_share_the_gateway_and_lose_nothing(server: ConnectionsServer) -> None:
    gateway = gateway_for(server, max_wires=4)
    ids = [f"{number}=" for number in range(8)]
    server.open(*ids)
    numbers = [str(number).encode() for number in range(50)]
    posted = at_once(len(ids), lambda at: [gateway.post([(ids[at], number)]) for number in numbers])
    assert all(set(outcome.values()) == {Outcome.SENT} for outcomes in posted for outcome in outcomes)
    assert all(server.received(one) == numbers for one in ids)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_passing_trouble_comes_order_is_kept_and_nothing_is_lost(data: st.DataObject) -> None:
    ids = [f"{number}=" for number in range(data.draw(st.integers(1, 12)))]
    trouble = st.sampled_from(["ok", "close", "close unannounced", "reset", "error", "chunked", "half a head"])
    with ConnectionsServer() as server:
        for one in ids:
            server.answer(one, *data.draw(st.lists(trouble, max_size=5)))
        gateway = gateway_for(server, max_wires=data.draw(st.integers(1, 6)), randomness=lambda: -0.99)
        numbers = [str(number).encode() for number in range(4)]
        outcomes = gateway.post([(one, number) for number in numbers for one in ids])
        assert set(outcomes.values()) == {Outcome.SENT}
        for one in ids:
            assert list(dict.fromkeys(server.received(one))) == numbers


# TLS.


@pytest.fixture
def tls_server() -> Iterator[ConnectionsServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    with ConnectionsServer(ssl_context=context) as running:
        yield running


def test_pushes_travel_over_verified_tls(tls_server: ConnectionsServer) -> None:
    trusting = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
    gateway = gateway_for(tls_server, ssl_context=trusting)
    ids = [f"{number}=" for number in range(30)]
    tls_server.open(*ids)
    data = b"x" * 100_000
    for _ in range(2):
        assert set(gateway.post([(one, data) for one in ids]).values()) == {Outcome.SENT}
    assert all(tls_server.received(one) == [data, data] for one in ids)
    assert tls_server.connections <= 10


def test_a_certificate_nobody_vouches_for_gets_nothing(tls_server: ConnectionsServer) -> None:
    tls_server.open(ALICE)
    assert gateway_for(tls_server).post([(ALICE, b"1")], deadline_seconds=0.3) == {ALICE: "dropped"}
    assert tls_server.requests == []
