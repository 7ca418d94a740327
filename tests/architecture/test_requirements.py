"""The development environment is exactly what its files pin, so they pin what each package brings along."""

from __future__ import annotations

import re
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.home import REPOSITORY
from tools.pins import pins


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


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPOSITORY / "requirements").iterdir()))
def test_every_requirement_is_pinned(name: str):
    lines = (REPOSITORY / "requirements" / f"{name}.txt").read_text().splitlines()
    requirements = [
        line.removesuffix(" \\") for line in lines if line and not line.startswith(("#", "-r ", "    --hash="))
    ]
    assert [line for line in requirements if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []


def test_the_layer_is_built_from_the_pins_of_the_runtime_and_from_nothing_but_the_files_whose_hashes_are_known():
    """`python -m tools.pins` writes the file."""
    layer = (REPOSITORY / "requirements/layer.txt").read_text()
    assert pins(REPOSITORY / "requirements/layer.txt") == pins(REPOSITORY / "requirements/runtime.txt")
    assert all("--hash=sha256:" in part for part in re.split(r"\n(?=[\w.-]+==)", layer)[1:])
    makefile = (REPOSITORY / "layers/common/Makefile").read_text()
    assert "--require-hashes" in makefile and "requirements/layer.txt" in makefile
    assert "://" not in layer
