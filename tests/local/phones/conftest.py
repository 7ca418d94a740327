"""The phones of a run, without the run."""

from __future__ import annotations

import pytest

from tests.support.handsets import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
