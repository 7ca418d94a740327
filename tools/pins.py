"""`python -m tools.pins`: writes `requirements/layer.txt`, the pins of `runtime.txt` with the hashes of their wheels.

The layer is built from these, and pip refuses a file whose hash is not among them. There is a hash for each platform
for which a layer is built: Lambda's, and those of machines that rehearse. Run it after each change to `runtime.txt`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
PLATFORMS = (
    ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
    ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    ("macosx_11_0_arm64",),
)
_HEADER = """# Written by `python -m tools.pins` from runtime.txt, do not edit it: what the layer is built from.
# The hashes are those of the wheels for Lambda and for machines that rehearse.
"""


def pins(path: Path) -> list[str]:
    """The pins of a requirements file in its order, without comments, options and hashes."""
    return re.findall(r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+", path.read_text(encoding="utf-8"), re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _hashes(platforms: tuple[str, ...]) -> dict[str, str]:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.13", "--report", "-"]
    command += [f"--platform={platform}" for platform in platforms]
    with tempfile.TemporaryDirectory() as nowhere:
        command += ["--requirement", str(REQUIREMENTS / "runtime.txt"), "--target", nowhere]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        normal(found["metadata"]["name"]): found["download_info"]["archive_info"]["hashes"]["sha256"]
        for found in report["install"]
    }


def main() -> None:
    """Ask pip for the files of each platform, and write the file."""
    found = [_hashes(platforms) for platforms in PLATFORMS]
    lines = []
    for pin in pins(REQUIREMENTS / "runtime.txt"):
        name = normal(pin.split("==")[0])
        hashes = sorted({hashes[name] for hashes in found})
        lines.append(" \\\n".join([pin, *(f"    --hash=sha256:{digest}" for digest in hashes)]))
    (REQUIREMENTS / "layer.txt").write_text(_HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
