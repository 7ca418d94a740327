"""An engine with Parley's table, started for one measurement."""

from __future__ import annotations

import logging
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.emulators.engine import Endpoints, start_engine
from local.home import REPOSITORY, Home
from local.template.template import Template


@contextmanager
def engine_with_table(beside: Path | None = None) -> Iterator[tuple[Endpoints, str]]:
    """Where the engine answers, and the name of its empty table. Meanwhile nothing is logged.

    Args:
        beside: The folder in which the engine keeps its files; without one, where temporary files are.
    """
    with tempfile.TemporaryDirectory(dir=beside) as folder:
        endpoints = start_engine(Home(Path(folder)))
        try:
            (table,) = Template(REPOSITORY / "template.yaml", str(uuid.uuid4())).tables()
            endpoints.client("dynamodb").create_table(**table.definition)
            logging.disable()
            yield endpoints, table.name
        finally:
            logging.disable(logging.NOTSET)
            endpoints.stop()
