"""What tests share: one table for each file, a fresh account for each test, two doors to the REST API."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twilio.rest import Client

from local.emulators.engine import Endpoints, start_engine
from local.home import REPOSITORY, Home
from local.stack.running import Stack, start_stack
from local.template.template import Template
from tests.support.doors import Door, HttpDoor, LambdaDoor, Library, Raw
from tests.support.fakes import FakeClock
from tests.support.lean import LeanClient
from tests.support.proofs import pytest_runtest_call  # noqa: F401
from tests.support.stream import Stream
from tests.support.target import Target, serving
from tests.support.world import World

STACK_UUID = "51af3dc0-da77-11e4-872e-1234567b84fc"
TESTS = Path(__file__).parent
# Whether tests of the REST API go through the local gateway too, and not only to the function.
EVERY_DOOR = "PARLEY_EVERY_DOOR" in os.environ
STACK = pytest.StashKey[Stack]()
NEEDS_NO_STACK = pytest.StashKey[bool]()
# The files that take longest. They begin first, so that no process is left with one at the end, and those that mostly wait
# stand among those that compute.
LONG = (
    "faults/test_faults.py",
    "sdk/test_official_sdks.py",
    "console/test_conversation.py",
    "console/test_accessibility.py",
    "stress/test_soak.py",
    "stress/test_kill.py",
    "sockets/test_rights.py",
    "local/stack/test_stack.py",
    "webhooks/test_faults.py",
    "rest/test_every_operation.py",
    "console/test_tools.py",
    "client_js/test_js_client.py",
    "sockets/test_interruptions.py",
    "end_to_end/test_newcomer.py",
    "console/test_sending.py",
    "sdk/test_rights.py",
    "documents/test_code_blocks.py",
    "webhooks/test_parking.py",
    "console/test_sdk_page.py",
    "webhooks/test_sweeps.py",
    "local/emulators/test_emulators.py",
    "console/test_states.py",
    "architecture/test_permissions.py",
    "cli/test_webhooks.py",
    "console/test_first_steps.py",
    "functions/test_samples.py",
    "client_python/test_conversation.py",
    "packages/test_packages.py",
    "examples/test_programs.py",
    "examples/test_html_chat.py",
    "stress/test_poison.py",
    "stress/test_races.py",
    "stress/test_load.py",
    "console/test_browsing.py",
    "end_to_end/test_refusals.py",
    "conversations/test_events.py",
    "local/phones/test_simulated_carrier.py",
    "helper_libraries/test_same_answers.py",
    "sockets/test_mass_expiry.py",
    "sockets/test_hostile_frames.py",
    "sockets/test_following.py",
    "rest/test_long_answers.py",
    "conversations/test_closing.py",
    "conversations/test_story.py",
    "conversations/test_one_record.py",
    "client_python/test_replaying.py",
    "stress/test_unique_names.py",
)


# Where the system keeps files in memory, and how much of it must be free.
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 2 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files go into memory where that is possible: the emulators write each change to the disk and wait."""
    if "TMPDIR" not in os.environ and is_fit(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if config.args_source is config.ArgsSource.TESTPATHS and "PYTEST_XDIST_WORKER" in os.environ:
        config.args = begun_elsewhere(sorted(folder for folder in TESTS.iterdir() if any(folder.glob("**/test_*.py"))))


def begun_elsewhere(folders: list[Path]) -> list[str]:
    """All folders, beginning with another one in each process.

    pytest rewrites the assertions of each file and stores the result. Without this, in a fresh clone, all processes would
    do that for the same files at the same time.
    """
    number, count = os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"), os.environ["PYTEST_XDIST_WORKER_COUNT"]
    begin = len(folders) * int(number) // int(count)
    return [str(folder) for folder in folders[begin:] + folders[:begin]]


def is_fit(folder: Path) -> bool:
    """Whether tests may write and run programs there, and it has room for them."""
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free > ENOUGH_BYTES


def pytest_collection_finish(session: pytest.Session) -> None:
    """Mark the tests after the last one that needs the shared stack. Then stop collecting garbage among the tests."""
    # Without --no-loadscope-reorder, xdist runs the tests in another order, and nobody knows which one is the last.
    if not session.config.getoption("loadscopereorder", False):
        for item in reversed(session.items):
            if needs_stack(item):
                break
            item.stash[NEEDS_NO_STACK] = True
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, then those with most tests. `--no-loadscope-reorder` has xdist keep to that."""
    turns = {TESTS / name: turn for turn, name in enumerate(LONG)}
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (turns.get(item.path, len(LONG)), -sizes[item.path], str(item.path)))


def needs_stack(item: pytest.Item) -> bool:
    """Whether a test uses the shared stack, by name or because it passes the HTTP door."""
    passes = getattr(item, "callspec", None)
    return "stack" in getattr(item, "fixturenames", ()) or (passes is not None and "http" in passes.params.values())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop the shared stack when no later test needs it: even an idle one takes time."""
    if NEEDS_NO_STACK in item.stash and STACK in item.config.stash:
        item.config.stash[STACK].kill()
        del item.config.stash[STACK]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of the public API pass both doors in CI; only one of them lets time be moved or an account be new."""
    only_lambda = not EVERY_DOOR or {"world", "clock"} & set(metafunc.fixturenames)
    if "scope" in metafunc.fixturenames:
        # Over HTTP all tests share one account, and so one default service.
        over_http = [] if only_lambda else [("http", "service")]
        pairs = [("lambda", "default"), ("lambda", "service"), *over_http]
        metafunc.parametrize(("door", "scope"), pairs, indirect=True)
    elif "door" in metafunc.fixturenames:
        metafunc.parametrize("door", ["lambda"] if only_lambda else ["lambda", "http"], indirect=True)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Running emulators: Dynoxide for the table where it is to be had, else MiniStack."""
    endpoints = start_engine(Home(tmp_path_factory.mktemp("emulators")))
    yield endpoints
    endpoints.stop()


@pytest.fixture(scope="session")
def template() -> Template:
    return Template(REPOSITORY / "template.yaml", STACK_UUID)


@pytest.fixture(scope="module")
def dynamodb(aws: Endpoints, template: Template) -> Iterator[Any]:
    """A client, while the template's table is there: each file has a new one, so no test reads what other files left."""
    client = aws.client("dynamodb")
    (table,) = template.tables()
    client.create_table(**table.definition)
    yield client
    client.delete_table(TableName=table.name)


@pytest.fixture(scope="module")
def lean(aws: Endpoints, dynamodb: Any) -> LeanClient:
    """What most worlds write their table with: the functions' own client, with more patience."""
    return LeanClient(aws.dynamodb)


@pytest.fixture(scope="module")
def stream(aws: Endpoints, dynamodb: Any, template: Template) -> Stream:
    """The table's stream from now on."""
    (table,) = template.tables()
    description = dynamodb.describe_table(TableName=table.name)["Table"]
    return Stream(aws.dynamodb, description["LatestStreamArn"])


@pytest.fixture
def world(lean: LeanClient, template: Template) -> World:
    """A new account."""
    (table,) = template.tables()
    return World(lean, table.name)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running local stack. Tests share it, so each makes services of its own."""
    running = start_stack(Path(tmp_path_factory.mktemp("stack")) / "home")
    request.config.stash[STACK] = running
    yield running
    if STACK in request.config.stash:
        running.kill()


@pytest.fixture(scope="session")
def http_door(stack: Stack) -> Iterator[HttpDoor]:
    door = HttpDoor(stack.info)
    yield door
    door.close()


@pytest.fixture
def door(request: pytest.FixtureRequest) -> Door:
    """A way into the REST API."""
    if request.param == "http":
        return request.getfixturevalue("http_door")
    return LambdaDoor(request.getfixturevalue("world"))


@pytest.fixture
def clock(world: World) -> FakeClock:
    """The time in the world that the test is in."""
    return world.clock


@pytest.fixture
def raw(door: Door) -> Raw:
    """Plain requests, for what the helper library cannot ask or does not show."""
    return Raw(door)


@pytest.fixture
def library(door: Door) -> Library:
    """Makes helper library clients."""
    return Library(door)


@pytest.fixture
def twilio(library: Library) -> Client:
    """Twilio's helper library with the account's credentials."""
    return library.client()


@pytest.fixture
def target() -> Iterator[Target]:
    """The web server of a service's owner, for webhooks."""
    with serving() as running:
        yield running
