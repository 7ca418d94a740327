"""`python tools/sizes.py`: prints how large what `sam build` has made is, and fails if AWS would refuse it.

It needs the standard library only, because the build's Python runs it.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

BUILD = Path(".aws-sam/build")
MEGABYTE = 1_000_000
INLINE_LIMIT_BYTES = 51_200
# For a function with its layers: unpacked, and zipped.
UNPACKED_LIMIT_BYTES, ZIPPED_LIMIT_BYTES = 250 * 1024 * 1024, 50 * 1024 * 1024


def sizes(folder: Path) -> tuple[int, int]:
    """Bytes of a folder, as it is and zipped."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    return sum(path.stat().st_size for path in files), packed.getbuffer().nbytes


def main() -> int:
    """Print a line per template and per folder; returns the exit status."""
    too_large = []
    for template in sorted(BUILD.rglob("template.yaml")):
        size = template.stat().st_size
        print(f"{template.relative_to(BUILD)!s:32} {size:>10,} bytes")
        if size > INLINE_LIMIT_BYTES:
            too_large.append(f"{template}: more than {INLINE_LIMIT_BYTES:,} bytes")
    for folder in sorted(path for path in BUILD.iterdir() if path.is_dir() and not (path / "template.yaml").exists()):
        unpacked, zipped = sizes(folder)
        print(f"{folder.name:32} {unpacked / MEGABYTE:>10.2f} MB, zipped {zipped / MEGABYTE:.2f} MB")
        if unpacked > UNPACKED_LIMIT_BYTES or zipped > ZIPPED_LIMIT_BYTES:
            too_large.append(f"{folder}: Lambda takes {UNPACKED_LIMIT_BYTES:,} bytes, zipped {ZIPPED_LIMIT_BYTES:,}")
    for line in too_large:
        print(line, file=sys.stderr)
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
