"""How many pushes a second one process posts: Parley's socket gateway port against boto3 with threads.

    python -m bench.posts            (or python bench/posts.py; under 30 s, loopback only)

A sink in a process of its own answers every request with 200 on keep-alive connections, at once or after 10 ms
(about what `@connections` takes). Both posters send the same 500-byte bodies to the same connection ids, in
alternating rounds of one run, so that a busy machine slows both. boto3 uses whichever of 8, 16 or 32 threads was
fastest here. The rate budget of the port is lifted: it exists to stay below the account's quota, not the machine's.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

# The package lies in the layer, where neither `python -m` nor a plain run would look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from parley.ports.sockets.gateway import Outcome, SocketGateway

CREDENTIALS = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG", token="t" * 800)
REGION = "us-east-1"
BODY_BYTES = 500
MESSAGES = 10
THREADS = (8, 16, 32)
Posting = Callable[[list[tuple[str, bytes]]], None]


class Sink(asyncio.Protocol):
    """Answers each complete request with an empty 200, after `delay_seconds`."""

    ANSWER = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            start = head.find(b"\r\ncontent-length:")
            length = int(head[start + 17 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            if self._delay_seconds:
                asyncio.get_running_loop().call_later(self._delay_seconds, self._transport.write, self.ANSWER)
            else:
                self._transport.write(self.ANSWER)


async def serve(delay_seconds: float) -> None:
    """Serve on a free loopback port, print it, and stop when standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(delay_seconds), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def pushes_for(count: int) -> list[tuple[str, bytes]]:
    """`count` pushes to as many connections, of ten messages."""
    bodies = [b"%0*d" % (BODY_BYTES, number) for number in range(MESSAGES)]
    return [(f"L0SM9cOF{number:06d}w=", bodies[number % MESSAGES]) for number in range(count)]


def parley_posting(url: str) -> Posting:
    gateway = SocketGateway(url, REGION, lambda: CREDENTIALS, posts_per_second=1e9, burst=10**9)

    def post(pushes: list[tuple[str, bytes]]) -> None:
        outcomes = gateway.post(pushes, deadline_seconds=30)
        if set(outcomes.values()) != {Outcome.SENT}:
            raise RuntimeError("the sink did not take every push")

    return post


def boto3_posting(url: str, threads: int) -> Posting:
    import boto3
    from botocore.config import Config

    session = boto3.Session(CREDENTIALS.access_key, CREDENTIALS.secret_key, CREDENTIALS.token, REGION)
    config = Config(max_pool_connections=threads, parameter_validation=False)
    client = session.client("apigatewaymanagementapi", endpoint_url=url, config=config)
    executor = ThreadPoolExecutor(threads)

    def post(pushes: list[tuple[str, bytes]]) -> None:
        for _ in executor.map(lambda push: client.post_to_connection(ConnectionId=push[0], Data=push[1]), pushes):
            pass

    return post


def measure(post: Posting, count: int) -> tuple[float, float]:
    """Posts per second and CPU microseconds per post of this process."""
    pushes = pushes_for(count)
    started, started_cpu = time.perf_counter(), time.process_time()
    post(pushes)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    return count / seconds, cpu_seconds / count * 1e6


def compare(delay_seconds: float, rounds: int, count: int, boto3_count: int) -> float:
    """Run alternating rounds against one sink, print what was measured and return the median ratio."""
    command = [sys.executable, __file__, "--sink", str(delay_seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}/prod"
        ours = parley_posting(url)
        candidates = {threads: boto3_posting(url, threads) for threads in THREADS}
        for post in (ours, *candidates.values()):
            measure(post, 64)  # connections open, code warm
        threads = max(candidates, key=lambda number: measure(candidates[number], boto3_count // 2)[0])
        results = [(measure(candidates[threads], boto3_count), measure(ours, count)) for _ in range(rounds)]
        sink.stdin.close()  # type: ignore[union-attr]
    ratios = [mine[0] / theirs[0] for theirs, mine in results]
    print(f"\nsink answers after {delay_seconds * 1000:.0f} ms, {BODY_BYTES} B bodies, medians of {rounds} rounds")
    for name, index in ((f"boto3, {threads} threads", 0), ("parley", 1)):
        rate = statistics.median(result[index][0] for result in results)
        cpu = statistics.median(result[index][1] for result in results)
        print(f"  {name:<18} {rate:>9,.0f} posts/s  {cpu:>7,.1f} us CPU per post")
    ratio = statistics.median(ratios)
    print(f"  {'ratio':<18} {ratio:>9.1f} x        (rounds: {min(ratios):.1f} to {max(ratios):.1f})")
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description="Posts per second: Parley against boto3 with threads.")
    parser.add_argument("--sink", type=float, metavar="SECONDS", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=15_000, help="posts of Parley per round; a third with delay")
    parser.add_argument("--boto3-count", type=int, default=700, help="posts of boto3 per round")
    arguments = parser.parse_args()
    if arguments.sink is not None:
        asyncio.run(serve(arguments.sink))
        return
    compare(0.0, arguments.rounds, arguments.count, arguments.boto3_count)
    compare(0.010, arguments.rounds, arguments.count // 3, arguments.boto3_count)


if __name__ == "__main__":
    main()
