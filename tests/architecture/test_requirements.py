"""The development environment is exactly what its files pin, so they pin what each package brings along."""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.home import REPOSITORY


def pinned() -> dict[str, str]:
    """The pinned packages of the development environment and their versions."""
    lines = [
        line.strip()
        for name in ("runtime", "cli", "dev")
        for line in (REPOSITORY / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ]
    pairs = [line.split("==") for line in lines if line and not line.startswith(("#", "-r"))]
    return {canonicalize_name(name): version for name, version in pairs}


def test_everything_that_a_pinned_package_needs_is_pinned_in_a_version_that_suits_it() -> None:
    pins = pinned()
    unmet = []
    for name in pins:
        for text in requires(name) or ():
            needed = Requirement(text)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            version = pins.get(canonicalize_name(needed.name))
            if version is None or not needed.specifier.contains(version, prereleases=True):
                unmet.append(f"{name} needs {needed}, and the pin is {version}")
    assert unmet == []
