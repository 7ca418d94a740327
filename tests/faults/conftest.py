"""One scene for all tests of a run; each begins with it as it was made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.template.template import Template
from tests.faults.scene import Scene
from tests.support.lean import LeanClient
from tests.support.stream import Stream


@pytest.fixture(scope="module")
def made(lean: LeanClient, stream: Stream, template: Template) -> Scene:
    return Scene(lean, stream, template)


@pytest.fixture
def scene(made: Scene) -> Iterator[Scene]:
    made.again()
    yield made
    made.again()
