"""The Lambda functions as modules."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from local.home import REPOSITORY


def imported(name: str) -> ModuleType:
    """A new module of the function with this name, whose runtime takes its settings from the environment."""
    path = REPOSITORY / "functions" / name / "app.py"
    specification = importlib.util.spec_from_file_location(f"function_{name}", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
