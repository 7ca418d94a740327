"""A table in an emulator, for the generators of documents."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from local.emulators.engine import start_engine
from local.home import REPOSITORY, Home
from local.template.template import Template
from tests.sockets.deployment import Stream
from tests.support.world import World


class Emulated(NamedTuple):
    """A table: how to make another account in it, its stream, and the template."""

    account: Callable[[], World]
    stream: Stream
    template: Template


@contextmanager
def emulated() -> Iterator[Emulated]:
    """Start the emulator, make the table, and stop the emulator at the end."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        endpoints = start_engine(Home(Path(folder)))
        try:
            template = Template(REPOSITORY / "template.yaml", "51af3dc0-da77-11e4-872e-1234567b84fc")
            client = endpoints.client("dynamodb")
            (table,) = template.tables()
            client.create_table(**table.definition)
            description = client.describe_table(TableName=table.name)["Table"]
            stream = Stream(endpoints.dynamodb, description["LatestStreamArn"])
            yield Emulated(lambda: World(client, table.name), stream, template)
        finally:
            endpoints.stop()
            logging.disable(logging.NOTSET)
